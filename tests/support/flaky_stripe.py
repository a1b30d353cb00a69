"""A network between us and the offline Stripe that passes everything on except for the trouble a test has planned."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import Literal

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

Trouble = Literal[
    "lose_request", "lose_answer", "refuse_429", "fail_500", "fail_500_late", "fail_500_done", "reject_400", "deny_401"
]


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    idempotency_key: str | None
    body: bytes


@dataclass
class FlakyStripe:
    """A proxy. `plan` chooses the trouble for each request, numbered from 0; `rewrite` changes responses.

    `before_answer` is awaited after Stripe has responded and before we receive that. `fail_500_done` is a 500 after
    the effect; a request answered with `fail_500_late` reaches Stripe when `let_through` is called.
    """

    upstream: str
    plan: Callable[[int, Request], Trouble | None] = lambda number, request: None
    rewrite: Callable[[Request, bytes], bytes] = lambda request, content: content
    before_answer: Callable[[Request], Awaitable[None]] | None = None
    requests: list[Request] = field(default_factory=list)
    held: list[tuple[Request, str, dict[str, str]]] = field(default_factory=list)
    base: str = ""
    clock_ahead: timedelta = timedelta()  # of the Date in Stripe's responses

    async def start(self) -> str:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._server = TestServer(app)
        await self._server.start_server()
        self._client = aiohttp.ClientSession(auto_decompress=False)
        return str(self._server.make_url("")).rstrip("/")

    async def stop(self) -> None:
        await self._client.close()
        await self._server.close()

    def asked(self, path: str, method: str = "POST") -> list[Request]:
        return [request for request in self.requests if request.path == path and request.method == method]

    async def let_through(self) -> None:
        """Send Stripe the requests that were answered with `fail_500_late`."""
        held, self.held = self.held, []
        for request, url, headers in held:
            async with self._client.request(request.method, url, headers=headers, data=request.body) as answer:
                await answer.read()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        received = Request(request.method, request.path, request.headers.get("Idempotency-Key"), body)
        trouble = self.plan(len(self.requests), received)
        self.requests.append(received)
        headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
        url = f"{self.upstream}{request.rel_url}"
        match trouble:
            case "lose_request":
                return _hang_up(request)
            case "refuse_429":
                return _error(429, "rate_limit_error", "Too many requests")
            case "fail_500":
                return _error(500, "api_error", "Something went wrong on Stripe's end")
            case "fail_500_late":
                self.held.append((received, url, headers))
                return _error(500, "api_error", "Something went wrong on Stripe's end")
            case "deny_401":
                return _error(401, "invalid_request_error", "Invalid API Key provided")
            case "reject_400":
                return _error(400, "invalid_request_error", "No")
            case _:
                pass
        async with self._client.request(request.method, url, headers=headers, data=body) as answer:
            content = await answer.read()
            if self.before_answer is not None:
                await self.before_answer(received)
            if trouble == "lose_answer":
                return _hang_up(request)
            if trouble == "fail_500_done":
                return _error(500, "api_error", "Something went wrong on Stripe's end")
            passed = {
                name: value
                for name, value in answer.headers.items()
                if name.lower() not in ("content-length", "transfer-encoding", "connection")
            }
            if self.clock_ahead:
                date = parsedate_to_datetime(passed["Date"]) + self.clock_ahead
                passed["Date"] = format_datetime(date, usegmt=True)
            return web.Response(status=answer.status, body=self.rewrite(received, content), headers=passed)


def _hang_up(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


def _error(status: int, kind: str, message: str) -> web.Response:
    # Without this header the SDK would retry too, and a test could not distinguish its retries from ours.
    headers = {"Stripe-Should-Retry": "false", "Request-Id": "req_planned"}
    return web.json_response({"error": {"type": kind, "message": message}}, status=status, headers=headers)


async def deny(stripe: FlakyStripe, permissions: str) -> None:
    """Take these permissions from restricted keys at the offline Stripe, and give them all others."""
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{stripe.upstream}/sandbox/chaos", json={"denied": permissions}) as answer,
    ):
        assert answer.status == 200, await answer.text()
