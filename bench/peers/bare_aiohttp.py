"""aiohttp on uvloop without a database: what the HTTP layer alone costs.

/api/webhook verifies the signature and parses the event. /json/SIZE answers with so many bytes of JSON that were made
before; a POST parses its body as well.

    bare_aiohttp.py PORT
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import sys
from functools import cache

import uvloop
from aiohttp import web

SECRET = os.environ["STRIPE_WEBHOOK_SECRET"].encode()


async def webhook(request: web.Request) -> web.Response:
    """Verify and parse."""
    body = await request.read()
    fields = dict(part.split("=", 1) for part in request.headers["Stripe-Signature"].split(","))
    digest = hmac.new(SECRET, fields["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(digest, fields["v1"]):
        return web.Response(status=400)
    json.loads(body)
    return web.Response(body=b'{"received": true}', content_type="application/json")


async def get_json(request: web.Request) -> web.Response:
    """Answer."""
    return web.Response(body=_answer(int(request.match_info["size"])), content_type="application/json")


async def post_json(request: web.Request) -> web.Response:
    """Parse, and answer."""
    json.loads(await request.read())
    return web.Response(body=_answer(int(request.match_info["size"])), content_type="application/json")


@cache
def _answer(size: int) -> bytes:
    return json.dumps({"filler": "x" * (size - 14)}).encode()


if __name__ == "__main__":
    app = web.Application()
    app.add_routes(
        [
            web.post("/api/webhook", webhook),
            web.get("/json/{size}", get_json),
            web.post("/json/{size}", post_json),
        ]
    )
    port, loop = int(sys.argv[1]), uvloop.new_event_loop()
    web.run_app(app, host="127.0.0.1", port=port, access_log=None, print=None, loop=loop)
