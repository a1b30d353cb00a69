"""Fixtures: a running sandbox, Stripe's SDK connected to it, and an endpoint that records webhooks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import stripe
from aiohttp import web
from aiohttp.test_utils import BaseTestServer, TestServer

from checkout_daemon.sandbox.app import create_app
from checkout_daemon.sandbox.main import SandboxSettings

KEY = "sk_test_offline0123456789"
AUTHORIZATION = {"Authorization": f"Bearer {KEY}"}

Connect = Callable[[BaseTestServer], stripe.StripeClient]

Ask = Callable[..., Awaitable[dict[str, Any]]]
"""Send a request and return the body of the answer. With `status=None` any status is accepted."""


@pytest.fixture
def settings(tmp_path: Path, request: pytest.FixtureRequest) -> SandboxSettings:
    """Return settings for quick tests. Parametrize it with those that should differ."""
    quick = SandboxSettings(tmp_path / "state", settle_seconds=0.2, retries="test")
    return replace(quick, **getattr(request, "param", {}))


@pytest.fixture
async def server(settings: SandboxSettings) -> AsyncIterator[TestServer]:
    server = TestServer(create_app(settings))
    await server.start_server()
    yield server
    await server.close()


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    opened: list[stripe.AIOHTTPClient] = []

    def connect(server: BaseTestServer) -> stripe.StripeClient:
        http = stripe.AIOHTTPClient(timeout=10)
        opened.append(http)
        base = str(server.make_url("")).rstrip("/")
        addresses: Any = {"api": base, "files": base}
        return stripe.StripeClient(KEY, http_client=http, max_network_retries=0, base_addresses=addresses)

    yield connect
    for http in opened:
        await http.close_async()  # type: ignore[no-untyped-call]


@pytest.fixture
def client(server: TestServer, connect: Connect) -> stripe.StripeClient:
    return connect(server)


@dataclass(slots=True)
class Receiver:
    """An endpoint with what it received, and what it answers next (200 unless planned otherwise)."""

    url: str = ""
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def receive(self, request: web.Request) -> web.Response:
        self.got.append((dict(request.headers), await request.read()))
        async with self.changed:
            self.changed.notify_all()
        return web.Response(status=self.answers.pop(0) if self.answers else 200)

    async def wait(self, count: int, seconds: float) -> None:
        """Wait until this many deliveries have arrived."""
        async with asyncio.timeout(seconds), self.changed:
            await self.changed.wait_for(lambda: len(self.got) >= count)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/hook", receiver.receive)
    server = TestServer(app)
    await server.start_server()
    receiver.url = str(server.make_url("/hook"))
    yield receiver
    await server.close()


async def open_session(
    client: stripe.StripeClient, amount: int = 2000, currency: str = "usd", **more: Any
) -> stripe.checkout.Session:
    """Open a session with one line of this amount."""
    line = {
        "quantity": 1,
        "price_data": {"currency": currency, "unit_amount": amount, "product_data": {"name": "Mug"}},
    }
    params: dict[str, Any] = {
        "mode": "payment",
        "success_url": "https://shop.example/ok?session={CHECKOUT_SESSION_ID}",
        "cancel_url": "https://shop.example/cancel",
        "line_items": [line],
        **more,
    }
    return await client.v1.checkout.sessions.create_async(params=params)  # type: ignore[arg-type]


async def confirm(client: stripe.StripeClient, session_id: str, **params: Any) -> dict[str, Any]:
    """Confirm the payment page of a session, as the CLI does."""
    path = f"/v1/payment_pages/{session_id}/confirm"
    answer = await client.raw_request_async("post", path, **params)
    assert isinstance(answer.data, dict)
    return answer.data


async def event_types(client: stripe.StripeClient) -> list[str]:
    """Return the types of all events, oldest first.

    Those of the catalog are left out, and `charge.updated`, whose time varies.
    """
    page = await client.v1.events.list_async(params={"limit": 100})
    left_out = ("product.", "price.", "charge.updated")
    return [event.type for event in reversed(page.data) if not event.type.startswith(left_out)]


async def wait_for(client: stripe.StripeClient, kind: str, seconds: float = 5.0) -> stripe.Event:
    """Return the first event of this type, as soon as it exists."""
    async with asyncio.timeout(seconds):
        while True:
            page = await client.v1.events.list_async(params={"type": kind})
            if page.data:
                return page.data[-1]
            await asyncio.sleep(0.02)


@pytest.fixture
async def ask(server: TestServer) -> AsyncIterator[Ask]:
    async with aiohttp.ClientSession(server.make_url("/"), headers=AUTHORIZATION) as http:

        async def ask(
            method: str, path: str, params: dict[str, Any] | None = None, *, status: int | None = 200
        ) -> dict[str, Any]:
            given = {name: str(value) for name, value in (params or {}).items()}
            sent = {"data": given} if method == "POST" else {"params": given}
            async with http.request(method, path, **sent) as answer:  # type: ignore[arg-type]
                body: dict[str, Any] = await answer.json()
                assert status in (None, answer.status), body
                return body

        yield ask


@pytest.fixture
async def browser(server: TestServer) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(str(server.make_url("/"))) as session:
        yield session


@pytest.fixture
async def customer(ask: Ask) -> str:
    return str((await ask("POST", "/v1/customers", {"source": "tok_visa", "email": "bob@example.com"}))["id"])


@pytest.fixture
async def price(ask: Ask) -> str:
    product = await ask("POST", "/v1/products", {"name": "Tea"})
    monthly = {"currency": "usd", "unit_amount": 1500, "product": product["id"], "recurring[interval]": "month"}
    return str((await ask("POST", "/v1/prices", monthly))["id"])
