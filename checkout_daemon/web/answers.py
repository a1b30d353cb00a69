"""JSON answers."""

from __future__ import annotations

import msgspec
from aiohttp import web
from multidict import CIMultiDict

_ENCODER = msgspec.json.Encoder()
# Copied into each answer, which is far faster than from a plain mapping.
_HEADERS = CIMultiDict({"Content-Type": "application/json", "Cache-Control": "no-store"})


def json_response(body: msgspec.Struct, *, status: int = 200) -> web.Response:
    """Return a JSON answer that is never cached: prices and orders change."""
    return json_bytes(encode(body), status=status)


def json_bytes(body: bytes, *, status: int = 200) -> web.Response:
    """Return the answer of `json_response` with this JSON."""
    return web.Response(body=body, status=status, headers=_HEADERS)


def encode(body: msgspec.Struct) -> bytes:
    """Return the body as JSON."""
    return _ENCODER.encode(body)
