"""Answers in JSON, compressed where that is asked for and worth it."""

from __future__ import annotations

import msgspec
from aiohttp import hdrs, web

from checkout_daemon.web.encodings import choose_encoding
from checkout_daemon.web.fields import list_field

_ENCODER = msgspec.json.Encoder()
_WORTH_IT = 1024


def json_response(body: msgspec.Struct, *, status: int = 200) -> web.Response:
    """Never cached: prices and orders change."""
    return web.Response(
        body=_ENCODER.encode(body),
        status=status,
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


def compressed(request: web.Request, response: web.Response) -> web.Response:
    """Compress the answer if the client takes gzip: for what may grow long, not for small ones on hot paths."""
    response.headers[hdrs.VARY] = "Accept-Encoding"
    worth_it = isinstance(response.body, bytes) and len(response.body) >= _WORTH_IT
    if worth_it and choose_encoding(list_field(request, hdrs.ACCEPT_ENCODING), ("gzip",)) == "gzip":
        response.enable_compression(web.ContentCoding.gzip)
    return response
