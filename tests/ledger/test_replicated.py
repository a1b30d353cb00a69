"""With a synchronous standby, nothing that was acknowledged is lost with the primary."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from checkout_daemon.audit.anchors import publish_anchors
from checkout_daemon.catalog.cart import CartLine, check_cart
from checkout_daemon.checkout.placing import CheckoutRequest, retry_checkout, start_checkout
from checkout_daemon.database.pool import Database
from checkout_daemon.errors import DatabaseUnavailable
from checkout_daemon.ledger.intake import Intake
from checkout_daemon.model.customer import Customer
from checkout_daemon.patience import within
from checkout_daemon.runtime import open_runtime
from checkout_daemon.settings import load_settings
from tests.support.flaky_stripe import FlakyStripe
from tests.support.replication import Server, primary_and_standby
from tests.support.stripe_events import SECRET, deliver, event_body

LIMIT_SECONDS = 2.0
HELD = "SELECT count(*) FROM stripe_events WHERE id = $1"


@pytest.fixture
async def servers(state_dir: Path) -> AsyncIterator[tuple[Server, Server]]:
    async with primary_and_standby(state_dir) as servers:
        yield servers


@asynccontextmanager
async def intake_on(url: str) -> AsyncIterator[Intake]:
    database = Database(url, max_size=2, statement_timeout_seconds=LIMIT_SECONDS, block_timeout_seconds=10)
    intake = Intake(database, lambda: (SECRET,))
    await intake.start()
    try:
        yield intake
    finally:
        await intake.close()
        await database.close()


async def test_a_duplicate_is_not_acknowledged_while_the_event_is_on_the_primary_alone(
    servers: tuple[Server, Server],
) -> None:
    primary, standby = servers
    before, event = (
        event_body("customer.created", {"id": "cus_1", "object": "customer"}, event_id=f"evt_{name}")
        for name in ("before", "frozen")
    )
    async with intake_on(primary.url) as intake:
        await deliver(intake, before)
        standby.freeze()
        with pytest.raises(DatabaseUnavailable):
            await deliver(intake, before)  # remembered, but whether it is durable cannot be confirmed now
        with pytest.raises(DatabaseUnavailable):
            await deliver(intake, event)
        assert await primary.value(HELD, "evt_frozen") == 1  # committed there only
        with pytest.raises(DatabaseUnavailable):
            await deliver(intake, event)
        # In a batch with a new event, the duplicate waits for that event's commit.
        both = [deliver(intake, event), deliver(intake, event_body("customer.created", {"id": "cus_2"}))]
        outcomes = await asyncio.gather(*both, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [DatabaseUnavailable] * 2
    await primary.kill()
    standby.thaw()
    await standby.promote()
    assert await standby.value(HELD, "evt_before") == 1
    async with intake_on(standby.url) as intake:
        await deliver(intake, event)
        await deliver(intake, event)
    assert await standby.value(HELD, "evt_frozen") == 1


async def test_a_commit_that_succeeds_with_a_warning_is_not_a_success(
    servers: tuple[Server, Server], tmp_path: Path
) -> None:
    """An operator cancels the wait for the standby: the server reports a commit with a warning."""
    primary, standby = servers
    database = Database(primary.url, max_size=2)

    async def write(connection: asyncpg.Connection) -> None:
        await connection.execute("INSERT INTO alerts (kind, subject) VALUES ('k', 's') ON CONFLICT DO NOTHING")

    async def write_alone() -> None:
        async with database.connection() as connection:
            await connection.execute("UPDATE alerts SET raised_at = now()")

    try:
        standby.freeze()
        # The second finds the row and writes nothing; the third has no transaction of its own; the fourth publishes
        # what it reads, which could be lost with the primary.
        publishing = publish_anchors(database, tmp_path / "anchors")
        for writing in (database.run(write), database.run(write), write_alone(), publishing):
            task = asyncio.create_task(writing)
            await primary.until("SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
            await primary.run("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
            with pytest.raises(DatabaseUnavailable, match="standby"):
                await task
        standby.thaw()
        await database.run(write)
    finally:
        await database.close()


async def test_a_repeated_checkout_and_a_retry_wait_for_the_standby(
    servers: tuple[Server, Server], stripe: FlakyStripe, tmp_path: Path
) -> None:
    primary, standby = servers
    environ = {"DATABASE_URL": primary.url, "STRIPE_API_KEY": "sk_test_replicated0123", "STRIPE_API_BASE": stripe.base}
    await primary.run(
        "INSERT INTO products (sku, name, unit_amount, currency) VALUES ('NOTE', 'Notebook', 1200, 'eur')"
    )
    cart, _ = check_cart([CartLine("NOTE", 1)])
    customer = Customer("Ada", "ada@example.com", "+442071838750")
    assert cart is not None
    request = CheckoutRequest(cart, customer, None, None, b"hash")
    async with open_runtime(load_settings(environ, cwd=tmp_path)) as runtime:
        order = await start_checkout(runtime, request, idempotency_key="key")
        standby.freeze()
        with within(LIMIT_SECONDS), pytest.raises(DatabaseUnavailable):
            await start_checkout(runtime, request, idempotency_key="key")
        with within(LIMIT_SECONDS), pytest.raises(DatabaseUnavailable):
            await retry_checkout(runtime, str(order.order_id))
        standby.thaw()
        again = await start_checkout(runtime, request, idempotency_key="key")
    assert (again.order_id, again.created) == (order.order_id, False)
