"""The application on a database of its own, and clients for it."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web_runner import BaseRunner

from checkout_daemon.app import create_app
from checkout_daemon.observability import watchdog
from checkout_daemon.sandbox.app import create_app as create_sandbox
from checkout_daemon.sandbox.main import SandboxSettings
from checkout_daemon.settings import load_settings
from checkout_daemon.web.server import ShopRunner
from tests.support.flaky_stripe import FlakyStripe
from tests.support.stripe_events import SECRET

Client = TestClient[web.Request, web.Application]
OpenClient = Callable[..., Awaitable[Client]]

# Nobody answers there: for tests that must not need Stripe.
NOWHERE = "http://127.0.0.1:9"
DATABASE_AWAY = "postgresql://nobody@127.0.0.1:9/nothing"


class ShopServer(TestServer):
    """Run the application as the daemon does: a handler continues after its client is gone."""

    async def _make_runner(self, **kwargs: Any) -> BaseRunner:
        return ShopRunner(self.app, **kwargs | {"handler_cancellation": False})


@pytest.fixture
async def open_client(tmp_path: Path) -> AsyncIterator[OpenClient]:
    """Open the application with these variables, and close it after the test."""
    clients: list[Client] = []

    async def opened(storefront: Path | None = None, **environ: str) -> Client:
        defaults = {
            "DATABASE_URL": DATABASE_AWAY,
            "STRIPE_API_KEY": "sk_test_web0123456789",
            "STRIPE_API_BASE": NOWHERE,
            "STRIPE_WEBHOOK_SECRET": SECRET,
        }
        settings = load_settings(defaults | environ, cwd=tmp_path)
        app = create_app(settings, storefront=storefront or tmp_path / "not-built")
        client: Client = TestClient(ShopServer(app))
        await client.start_server()
        clients.append(client)
        return client

    yield opened
    for client in clients:
        await client.close()


@pytest.fixture
async def client(open_client: OpenClient) -> Client:
    """A client of an application without a database, for requests that are refused before it is needed."""
    return await open_client()


@pytest.fixture
async def shop(open_client: OpenClient, database_url: str, connection: asyncpg.Connection) -> Client:
    """A client of a shop with a database and products, without Stripe."""
    return await open_client(DATABASE_URL=database_url)


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        "INSERT INTO products (sku, name, description, unit_amount, currency, available, position) VALUES"
        " ('OLD', 'Old map', '', 900, 'eur', false, 0),"
        " ('NOTE', 'Notebook', 'Dotted', 1200, 'eur', true, 1),"
        " ('PEN', 'Pen', '', 333, 'eur', true, 2)"
    )
    await connection.execute("INSERT INTO discounts (code, percent_off) VALUES ('TEN', 10)")
    yield connection
    await connection.close()


@pytest.fixture
async def stripe(tmp_path: Path) -> AsyncIterator[FlakyStripe]:
    """The offline Stripe behind a network that can fail; `base` is its address."""
    server = TestServer(create_sandbox(SandboxSettings(state_dir=tmp_path / "stripe", port=0, settle_seconds=0.1)))
    await server.start_server()
    flaky = FlakyStripe(str(server.make_url("")).rstrip("/"))
    flaky.base = await flaky.start()
    yield flaky
    await flaky.stop()
    await server.close()


@pytest.fixture
async def paying_shop(
    open_client: OpenClient, database_url: str, connection: asyncpg.Connection, stripe: FlakyStripe
) -> Client:
    """A client of a shop with database, products and Stripe."""
    return await open_client(DATABASE_URL=database_url, STRIPE_API_BASE=stripe.base)


def checkout_body(**changes: Any) -> dict[str, Any]:
    """Return a checkout of two notebooks for Ada, 24.00 EUR."""
    return {
        "items": [{"sku": "NOTE", "quantity": 2}],
        "customer": {"name": "Ada Lovelace", "email": "ada@example.com", "phone": "+43 664 1234567"},
    } | changes


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was logged as a warning or worse; stalls of the loop only show how busy the machine is."""
    return [
        record.getMessage()
        for record in caplog.records
        if record.levelno >= logging.WARNING and record.name != watchdog.__name__
    ]
