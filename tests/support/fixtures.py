"""Fixtures for use cases: a real database, and the offline Stripe behind a network that can fail."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from aiohttp.test_utils import TestServer

from checkout_daemon.runtime import Runtime, open_runtime
from checkout_daemon.sandbox.app import create_app
from checkout_daemon.sandbox.main import SandboxSettings
from checkout_daemon.settings import load_settings
from tests.support.flaky_stripe import FlakyStripe

KEY = "sk_test_services0123456789"


@pytest.fixture
async def stripe(tmp_path: Path) -> AsyncIterator[FlakyStripe]:
    """Yield the network in front of the offline Stripe; `base` is its address."""
    server = TestServer(create_app(SandboxSettings(state_dir=tmp_path / "stripe", port=0, settle_seconds=0.1)))
    await server.start_server()
    flaky = FlakyStripe(str(server.make_url("")).rstrip("/"))
    flaky.base = await flaky.start()
    yield flaky
    await flaky.stop()
    await server.close()


@pytest.fixture
async def runtime(database_url: str, stripe: FlakyStripe, tmp_path: Path) -> AsyncIterator[Runtime]:
    environ = {"DATABASE_URL": database_url, "STRIPE_API_KEY": KEY, "STRIPE_API_BASE": stripe.base}
    async with open_runtime(load_settings(environ, cwd=tmp_path)) as runtime:
        yield runtime


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        "INSERT INTO products (sku, name, unit_amount, currency) VALUES"
        " ('NOTE', 'Notebook', 1200, 'eur'), ('PEN', 'Pen', 333, 'eur')"
    )
    await connection.execute(
        "INSERT INTO discounts (code, percent_off, redemption_limit) VALUES"
        " ('TEN', 10, NULL), ('ALL', 100, NULL), ('ONCE', 10, 1)"
    )
    yield connection
    await connection.close()
