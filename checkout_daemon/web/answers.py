"""JSON answers."""

from __future__ import annotations

import msgspec
from aiohttp import web

_ENCODER = msgspec.json.Encoder()


def json_response(body: msgspec.Struct, *, status: int = 200) -> web.Response:
    """Return a JSON answer that is never cached: prices and orders change."""
    return web.Response(
        body=_ENCODER.encode(body),
        status=status,
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
