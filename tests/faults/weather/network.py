"""The network between the daemon and Stripe, whose weather a test sets."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Literal

import aiohttp
from aiohttp import web

Weather = Literal["fair", "slow", "silent", "busy", "failing", "lost", "refused"]

SLOW_SECONDS = 9.0  # longer than a shopper waits
_HOP_BY_HOP = ("content-length", "transfer-encoding", "connection")


class Network:
    """A proxy on a port of its own.

    `slow`: the effect is at once and the answer after SLOW_SECONDS. `silent`: neither. `busy`: 429. `failing`: 500
    without an effect. `lost`: the effect, then the connection ends. `refused`: nobody listens.
    """

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._weather: Weather = "fair"
        self._changed = asyncio.Event()
        self._site: web.TCPSite | None = None
        self.port = 0
        self.under_way = 0
        self.most_under_way = 0
        self.requests = 0

    async def start(self) -> str:
        """Listen on a free port and return the base URL."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        self._client = aiohttp.ClientSession(auto_decompress=False)
        await self._listen()
        return f"http://127.0.0.1:{self.port}"

    async def stop(self) -> None:
        self._changed.set()
        await self._client.close()
        await self._runner.cleanup()

    async def become(self, weather: Weather) -> None:
        """Change the weather, and end the calls that the weather before has kept waiting."""
        self._weather = weather
        self.most_under_way = self.under_way
        self.requests = 0
        self._changed.set()
        self._changed = asyncio.Event()
        if weather == "refused" and self._site is not None:
            await self._site.stop()
            self._site = None
        elif weather != "refused" and self._site is None:
            await self._listen()

    async def _listen(self) -> None:
        self._site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await self._site.start()
        if not self.port:
            self.port = self._runner.addresses[0][1]

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.requests += 1
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            return await self._answer(request, self._weather, self._changed)
        finally:
            self.under_way -= 1

    async def _answer(self, request: web.Request, weather: Weather, changed: asyncio.Event) -> web.StreamResponse:
        body = await request.read()
        if weather == "silent":
            await changed.wait()
            return _hang_up(request)
        if weather == "refused":  # over a connection from before
            return _hang_up(request)
        if weather == "busy":
            return _error(429, "rate_limit_error")
        if weather == "failing":
            return _error(500, "api_error")
        headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
        url = f"{self._upstream}{request.rel_url}"
        try:
            async with self._client.request(request.method, url, headers=headers, data=body) as answer:
                content = await answer.read()
        except aiohttp.ClientError:
            return _hang_up(request)
        if weather == "lost":
            return _hang_up(request)
        if weather == "slow":
            with suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), SLOW_SECONDS)
        passed = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP_BY_HOP}
        return web.Response(status=answer.status, body=content, headers=passed)


def _hang_up(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)  # nobody reads it


def _error(status: int, kind: str) -> web.Response:
    return web.json_response({"error": {"type": kind, "message": "planned"}}, status=status)
