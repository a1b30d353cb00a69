"""Run command lines in this process, and collect their output and exit code; an offline Stripe that can be down."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest

import cli
from checkout_daemon.audit.audit_log import verify
from checkout_daemon.checkout.placing import CheckoutAnswer
from checkout_daemon.database.pool import Database
from checkout_daemon.runtime import Runtime, open_runtime
from checkout_daemon.settings import load_settings
from tests.support.background import BackgroundStripe
from tests.support.orders import add_order
from tests.support.shopping import check_out, paid_order


@dataclass(frozen=True, slots=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


Run = Callable[..., Ran]
KEY = "sk_test_commands0123456789"
Do = Callable[[Callable[[Runtime], Awaitable[CheckoutAnswer]]], CheckoutAnswer]


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> pytest.MonkeyPatch:
    """Run in an empty directory without any settings."""
    for name in (
        "DATABASE_URL",
        "DATABASE_LISTEN_URL",
        "DATABASE_READ_URL",
        "STRIPE_API_KEY",
        "STRIPE_API_BASE",
        "STRIPE_WEBHOOK_SECRET",
    ):
        monkeypatch.delenv(name, raising=False)
    for name in ("STRIPE_CLI", "CHECKOUT_STATE_DIR", "CHECKOUT_PUBLIC_URL", "CHECKOUT_SMTP_URL", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("CHECKOUT_OPERATOR", "")  # `--as` sets it
    monkeypatch.chdir(tmp_path)
    return monkeypatch


@pytest.fixture
def on_80_columns(environment: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Have tables laid out for a terminal of 80 columns without colours."""
    environment.setenv("TTY_COMPATIBLE", "1")
    environment.setenv("TERM", "dumb")
    environment.setenv("COLUMNS", "80")
    return environment


@pytest.fixture
def run_bare(environment: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs a command line without a database."""

    def run(*arguments: object) -> Ran:
        capfd.readouterr()
        code = cli.run([str(argument) for argument in arguments])
        return Ran(code, *capfd.readouterr())

    return run


@pytest.fixture
def run(run_bare: Run, environment: pytest.MonkeyPatch, database_url: str) -> Run:
    environment.setenv("DATABASE_URL", database_url)
    return run_bare


def go(work: Any) -> Any:
    """Run a coroutine: commands bring their own event loop, so their tests have none."""
    return asyncio.run(work)


def constraint_values(database_url: str, constraint: str) -> tuple[str, ...]:
    """Return the values that a CHECK constraint allows."""

    async def definition() -> str:
        connection = await asyncpg.connect(database_url)
        text: str = await connection.fetchval(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = $1", constraint
        )
        await connection.close()
        return text

    return tuple(go(definition()).split("'")[1::2])


def faults_of_log(database_url: str) -> list[str]:
    """Return the faults of the audit log."""

    async def faults() -> list[str]:
        database = Database(database_url, max_size=1)
        report = await verify(database)
        await database.close()
        return list(report.faults)

    return list(go(faults()))


@pytest.fixture(scope="module")
def offline_stripe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BackgroundStripe]:
    stripe = BackgroundStripe(tmp_path_factory.mktemp("stripe"))
    stripe.start()
    yield stripe
    stripe.stop()


@pytest.fixture
def stripe(offline_stripe: BackgroundStripe, environment: pytest.MonkeyPatch) -> BackgroundStripe:
    offline_stripe.network.plan = lambda number, request: None
    environment.setenv("STRIPE_API_KEY", KEY)
    environment.setenv("STRIPE_API_BASE", offline_stripe.base)
    return offline_stripe


@pytest.fixture
def do(database_url: str, stripe: BackgroundStripe, tmp_path: Path) -> Do:
    """Call a use case, and return its order."""

    def do(work: Callable[[Runtime], Awaitable[CheckoutAnswer]]) -> CheckoutAnswer:
        async def with_runtime() -> CheckoutAnswer:
            environ = {"DATABASE_URL": database_url, "STRIPE_API_KEY": KEY, "STRIPE_API_BASE": stripe.base}
            async with open_runtime(load_settings(environ, cwd=tmp_path)) as runtime:
                async with runtime.database.connection() as connection:
                    await add_products(connection)
                return await work(runtime)

        answer: CheckoutAnswer = go(with_runtime())
        return answer

    return do


async def add_products(connection: asyncpg.Connection) -> None:
    await connection.execute(
        "INSERT INTO products (sku, name, unit_amount, currency) VALUES"
        " ('NOTE', 'Notebook', 1200, 'eur'), ('PEN', 'Pen', 333, 'eur') ON CONFLICT DO NOTHING"
    )


@pytest.fixture
def paid(do: Do) -> CheckoutAnswer:
    """Order 1001 of 33.99 EUR, paid."""
    return do(paid_order)


@pytest.fixture
def waiting(do: Do) -> CheckoutAnswer:
    """Order 1001, unpaid."""
    return do(check_out)


def away(stripe: BackgroundStripe) -> None:
    stripe.network.plan = lambda number, request: "refuse_429"


@pytest.fixture
def add(database_url: str) -> Callable[..., str]:
    """Add an order and return its id."""

    def add(**fields: Any) -> str:
        async def work() -> str:
            connection = await asyncpg.connect(database_url)
            order_id = await add_order(connection, **fields)
            await connection.close()
            return order_id

        return str(go(work()))

    return add
