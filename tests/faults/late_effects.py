"""A network between the daemon and Stripe, where a write may be answered with 500 and take effect later."""

from __future__ import annotations

import asyncio
import random

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

LONGEST_WAIT_SECONDS = 20.0
_WRITES = ("/v1/refunds", "/v1/checkout/sessions", "/v1/coupons")
_HOP_BY_HOP = ("content-length", "transfer-encoding", "connection")


class LateEffects:
    """A proxy. A `share` of the writes that create an object get a 500 and reach Stripe seconds later."""

    def __init__(self, upstream: str, seed: int) -> None:
        self.share = 0.0
        self.happened = 0
        self._upstream = upstream
        self._random = random.Random(seed)
        self._late: set[asyncio.Task[None]] = set()

    async def start(self) -> str:
        """Listen on a free port and return the base URL."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._server = TestServer(app)
        await self._server.start_server()
        self._client = aiohttp.ClientSession(auto_decompress=False)
        return str(self._server.make_url("")).rstrip("/")

    async def settle(self) -> None:
        """Wait until every late write has reached Stripe."""
        await asyncio.gather(*self._late)

    async def stop(self) -> None:
        await self.settle()
        await self._client.close()
        await self._server.close()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
        if request.method == "POST" and request.path in _WRITES and self._random.random() < self.share:
            self.happened += 1
            late = asyncio.create_task(self._send_late(str(request.rel_url), headers, body))
            self._late.add(late)
            late.add_done_callback(self._late.discard)
            return web.json_response({"error": {"type": "api_error", "message": "Something went wrong."}}, status=500)
        url = f"{self._upstream}{request.rel_url}"
        try:
            async with self._client.request(request.method, url, headers=headers, data=body) as answer:
                content = await answer.read()
                passed = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP_BY_HOP}
                return web.Response(status=answer.status, body=content, headers=passed)
        except aiohttp.ClientError:
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=500)  # nobody reads it

    async def _send_late(self, path: str, headers: dict[str, str], body: bytes) -> None:
        await asyncio.sleep(self._random.uniform(0.5, LONGEST_WAIT_SECONDS))
        for _ in range(50):
            try:
                async with self._client.post(f"{self._upstream}{path}", headers=headers, data=body) as answer:
                    await answer.read()
                    if answer.status not in (429, 500):  # planned trouble of the offline Stripe
                        return
            except aiohttp.ClientError:
                await asyncio.sleep(0.1)
