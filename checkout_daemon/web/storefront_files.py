"""Serve the built storefront from memory by exact path, so that no path can lead outside it.

The build (frontend/tools/compress.ts) puts the compressed forms of every file next to it.
"""

from __future__ import annotations

import json
import mimetypes
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath

from aiohttp import hdrs, web

from checkout_daemon.web.failures import NoSuchPage
from checkout_daemon.web.fields import IDENTITY, SUFFIXES, choose_encoding, knows_tag, list_field, wants_html
from checkout_daemon.web.headers import CONTENT_SECURITY_POLICY

INDEX = "/index.html"
PAGES = frozenset(json.loads(Path(__file__).with_name("pages.json").read_text(encoding="utf-8")))
"""The paths for which the storefront has a page. Its router (frontend/src/app/route.ts) reads the same file."""

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
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}
# Vite puts a hash of the contents into these names, so a file never changes.
_HASHED = re.compile(r"/assets/.+-[A-Za-z0-9_-]{8}\.\w+(\.map)?")
_FOR_EVER = "public, max-age=31536000, immutable"
_REVALIDATE = "no-cache"
_HALF_A_DAY = "public, max-age=43200"

_NOT_BUILT = b"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Storefront not built</title></head>
<body>
<h1>The storefront has not been built</h1>
<p>The daemon is running, but this installation has no storefront pages. Run <code>make run</code> in the project's
folder, or <code>npm run build</code> in its <code>frontend</code> folder, and start the daemon again.</p>
<p>The API works: see <a href="/openapi.json">/openapi.json</a>.</p>
</body>
</html>
"""


@dataclass(frozen=True, slots=True)
class _File:
    """One file. `encoded` has its bytes by content coding, including identity."""

    encoded: Mapping[str, bytes]
    etag: str
    content_type: str
    cache_control: str


class Storefront:
    """Answers GET and HEAD for every path outside the API."""

    def __init__(self, directory: Path) -> None:
        """Read all files below the directory, which need not exist."""
        bodies = {
            f"/{path.relative_to(directory).as_posix()}": path.read_bytes()
            for path in directory.rglob("*")
            if path.is_file()
        }
        # Compressed forms are not pages.
        self._files = {name: _load(name, bodies) for name in bodies if PurePosixPath(name).suffix not in SUFFIXES}

    def has(self, request: web.Request) -> bool:
        """Return whether the path has a page or a file."""
        return self._name(request) is not None

    def answer(self, request: web.Request) -> web.Response:
        """Return the page or file of the path, or for a browser the not-found page with 404.

        Raise NoSuchPage for programs, and for files that a page loads.
        """
        name = self._name(request)
        if name is None:
            if INDEX not in self._files or not wants_html(request):
                raise NoSuchPage("there is nothing at this path")
            return _respond(request, self._files[INDEX], found=False)
        if name not in self._files:
            return web.Response(body=_NOT_BUILT, status=503, content_type="text/html", charset="utf-8")
        return _respond(request, self._files[name])

    def _name(self, request: web.Request) -> str | None:
        # The page's script reads the path as it was sent, so only the exact spelling is its page.
        if request.rel_url.raw_path in PAGES:
            return INDEX
        return request.path if request.path in self._files else None


def built_storefront() -> Path:
    """Return the directory inside the package where the build puts the pages."""
    return Path(__file__).with_name("storefront")


def _load(name: str, bodies: Mapping[str, bytes]) -> _File:
    suffix = PurePosixPath(name).suffix
    encoded = {encoding: bodies[name + ending] for ending, encoding in SUFFIXES.items() if name + ending in bodies}
    return _File(
        encoded={IDENTITY: bodies[name], **encoded},
        etag=sha256(bodies[name]).hexdigest()[:20],
        content_type=_TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream",
        cache_control=_cache_control(name, suffix),
    )


def _cache_control(name: str, suffix: str) -> str:
    if suffix == ".html":
        return _REVALIDATE
    return _FOR_EVER if _HASHED.fullmatch(name) else _HALF_A_DAY


def _respond(request: web.Request, file: _File, *, found: bool = True) -> web.Response:
    """Return the file, or 304 if the client has it; if not `found`, return it as the not-found page with 404."""
    encoding = choose_encoding(list_field(request, hdrs.ACCEPT_ENCODING), file.encoded)
    # Send the policy with a 304 too: a browser replaces the headers of its cached page with those of the 304.
    headers = {"Cache-Control": "no-store", "Content-Security-Policy": CONTENT_SECURITY_POLICY}
    if found:
        etag = file.etag if encoding == IDENTITY else f"{file.etag}-{encoding}"  # different bytes, different tag
        headers |= {"Cache-Control": file.cache_control, "ETag": f'"{etag}"', "Vary": "Accept-Encoding"}
        if knows_tag(list_field(request, hdrs.IF_NONE_MATCH), etag):
            return web.Response(status=304, headers=headers)
    headers["Content-Type"] = file.content_type
    if encoding != IDENTITY:
        headers["Content-Encoding"] = encoding
    return web.Response(status=200 if found else 404, body=file.encoded[encoding], headers=headers)
