"""A system of the shop that receives signed webhooks, verifies them with the standard's own library, and can fail."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from standardwebhooks.webhooks import Webhook

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD1pLHKGyj9TM="


class Receiver:
    """A server. `answer` returns the status for a message's id and the number of earlier tries.

    With `hold_first` the first message is not answered before `release` is set.
    """

    def __init__(self, answer: Callable[[str, int], int] = lambda *_: 204) -> None:
        self.answer = answer
        self.secret = SECRET
        self.body = b"x" * 100_000
        self.url = ""
        self.tries: Counter[str] = Counter()
        self.under_way: Counter[str] = Counter()
        self.most_at_once = 0  # of the same message
        self.taken: dict[str, dict[str, Any]] = {}
        self.hold_first = False
        self.release = asyncio.Event()
        self.headers: dict[str, str] = {}
        self.paths: list[str] = []
        self.more_headers: dict[str, str] = {}  # of the answers

    async def start(self) -> str:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._take)
        self._server = TestServer(app)
        await self._server.start_server()
        return str(self._server.make_url("/hooks"))

    async def stop(self) -> None:
        await self._server.close()

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        message_id = request.headers["webhook-id"]
        self.paths.append(request.path)
        self.headers = dict(request.headers)
        self.tries[message_id] += 1
        self.under_way[message_id] += 1
        self.most_at_once = max(self.most_at_once, self.under_way[message_id])
        try:
            if self.hold_first and message_id == next(iter(self.tries)):
                await self.release.wait()
            status = self.answer(message_id, self.tries[message_id] - 1)
            if 200 <= status < 300:
                self.taken[message_id] = Webhook(self.secret).verify(body, dict(request.headers))
        finally:
            self.under_way[message_id] -= 1
        return web.Response(status=status, headers={"Location": "/elsewhere"} | self.more_headers, body=self.body)
