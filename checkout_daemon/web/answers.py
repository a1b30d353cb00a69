"""JSON answers, compressed if the client asks for it and the body is long enough."""

from __future__ import annotations

import msgspec
from aiohttp import hdrs, web

from checkout_daemon.web.fields import choose_encoding, list_field

_ENCODER = msgspec.json.Encoder()
_WORTH_IT = 1024


def json_response(body: msgspec.Struct, *, status: int = 200) -> web.Response:
    """Return a JSON answer that is never cached: prices and orders change."""
    return web.Response(
        body=_ENCODER.encode(body),
        status=status,
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


def compressed(request: web.Request, response: web.Response) -> web.Response:
    """Compress a long answer if the client accepts gzip. Small answers on hot paths need not call this."""
    response.headers[hdrs.VARY] = "Accept-Encoding"
    worth_it = isinstance(response.body, bytes) and len(response.body) >= _WORTH_IT
    if worth_it and choose_encoding(list_field(request, hdrs.ACCEPT_ENCODING), ("gzip",)) == "gzip":
        response.enable_compression(web.ContentCoding.gzip)
    return response
