"""A file of the storefront as it is answered: its codings, its tag, and how long it may be kept."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import PurePosixPath

from aiohttp import hdrs, web

from checkout_daemon.errors import DatabaseUnavailable
from checkout_daemon.web.fields import IDENTITY, SUFFIXES, choose_encoding, knows_tag, list_field
from checkout_daemon.web.headers import CONTENT_SECURITY_POLICY

# The machine's own table of types differs between systems.
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".xml": "application/xml",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}
# Vite puts a hash of the contents into these names, so a file never changes.
_HASHED = re.compile(r"/assets/.+-[A-Za-z0-9_-]{8}\.\w+(\.map)?")
_FOR_EVER = "public, max-age=31536000, immutable"
_REVALIDATE = "no-cache"
_HALF_A_DAY = "public, max-age=43200"


@dataclass(frozen=True, slots=True)
class File:
    """One file. `encoded` has its bytes by content coding, including identity."""

    encoded: Mapping[str, bytes]
    etag: str
    content_type: str
    cache_control: str
    vary: str = "Accept-Encoding"


def file_of(name: str, bodies: Mapping[str, bytes]) -> File:
    """Return the file of that name, with those of its codings that `bodies` has: by name, with their suffix."""
    suffix = PurePosixPath(name).suffix
    encoded = {encoding: bodies[name + ending] for ending, encoding in SUFFIXES.items() if name + ending in bodies}
    return File(
        encoded={IDENTITY: bodies[name], **encoded},
        etag=sha256(bodies[name]).hexdigest()[:20],
        content_type=_TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream",
        cache_control=_cache_control(name, suffix),
    )


def _cache_control(name: str, suffix: str) -> str:
    if suffix == ".html":
        return _REVALIDATE
    return _FOR_EVER if _HASHED.fullmatch(name) else _HALF_A_DAY


def respond(request: web.Request, file: File, *, status: int = 200) -> web.Response:
    """Return the file, or 304 if the client has it; with another status, such as 404, nobody keeps it."""
    encoding = choose_encoding(list_field(request, hdrs.ACCEPT_ENCODING), file.encoded)
    # Send the policy with a 304 too: a browser replaces the headers of its cached page with those of the 304.
    headers = {"Cache-Control": "no-store", "Content-Security-Policy": CONTENT_SECURITY_POLICY}
    if status == 200:
        etag = file.etag if encoding == IDENTITY else f"{file.etag}-{encoding}"  # different bytes, different tag
        headers |= {"Cache-Control": file.cache_control, "ETag": f'"{etag}"', "Vary": file.vary}
        if knows_tag(list_field(request, hdrs.IF_NONE_MATCH), etag):
            return web.Response(status=304, headers=headers)
    elif status == 503:
        headers["Retry-After"] = str(DatabaseUnavailable.retry_after_seconds)
    headers["Content-Type"] = file.content_type
    if encoding != IDENTITY:
        headers["Content-Encoding"] = encoding
    return web.Response(status=status, body=file.encoded[encoding], headers=headers)
