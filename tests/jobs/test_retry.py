"""Failed events are retried, apply once the fault is fixed, and are dead after the last attempt."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from checkout_daemon.backoff import EVENT_TRIES
from checkout_daemon.errors import DatabaseUnavailable
from checkout_daemon.ledger.apply import retry_due_events
from checkout_daemon.ledger.intake import Intake
from checkout_daemon.runtime import Runtime, open_runtime
from checkout_daemon.settings import load_settings
from tests.support.stripe_events import SECRET, deliver, event_body, insert_order, refund_object, session_object
from tests.support.waiting import until

MAKE_DUE = "UPDATE stripe_events SET next_attempt_at = now() - interval '1 second' WHERE status = 'failed'"


@pytest.fixture
async def runtime(database_url: str, tmp_path: Path) -> AsyncIterator[Runtime]:
    settings = load_settings({"DATABASE_URL": database_url, "STRIPE_API_KEY": "sk_test_none"}, cwd=tmp_path)
    async with open_runtime(settings) as runtime:
        yield runtime


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def fail_an_event(runtime: Runtime, connection: asyncpg.Connection, database_url: str) -> str:
    """Deliver a refund that a planted constraint refuses, and return the order's id."""
    await connection.execute("ALTER TABLE refunds ADD CONSTRAINT planted CHECK (amount <> 1300)")
    order_id = await insert_order(database_url)
    intake = Intake(runtime.database, lambda: (SECRET,))
    await intake.start()
    await deliver(intake, event_body("checkout.session.completed", session_object(order_id, "cs_1", "pi_1")))
    await deliver(intake, event_body("refund.created", refund_object("re_1", "pi_1", 1300), event_id="evt_bad"))
    await intake.close()
    assert await connection.fetchval("SELECT status FROM stripe_events WHERE id = 'evt_bad'") == "failed"
    return order_id


async def test_an_event_applies_once_its_fault_is_fixed(
    runtime: Runtime, connection: asyncpg.Connection, database_url: str
) -> None:
    order_id = await fail_an_event(runtime, connection, database_url)
    await connection.execute("ALTER TABLE refunds DROP CONSTRAINT planted")
    await connection.execute(MAKE_DUE)
    tried = await asyncio.gather(*(retry_due_events(runtime.database) for _ in range(5)))
    assert sum(tried) == 1
    event = await connection.fetchrow("SELECT status, attempts, last_error FROM stripe_events WHERE id = 'evt_bad'")
    assert event is not None
    assert tuple(event) == ("applied", 2, None)
    order = await connection.fetchrow("SELECT status, amount_refunded FROM orders WHERE id = $1", order_id)
    assert order is not None
    assert tuple(order) == ("partially_refunded", 1300)


async def test_an_event_that_keeps_failing_is_dead_after_its_last_attempt(
    runtime: Runtime, connection: asyncpg.Connection, database_url: str
) -> None:
    await fail_an_event(runtime, connection, database_url)
    for _ in range(EVENT_TRIES):
        await connection.execute(MAKE_DUE)
        await retry_due_events(runtime.database)
    event = await connection.fetchrow(
        "SELECT status, attempts, next_attempt_at, last_error FROM stripe_events WHERE id = 'evt_bad'"
    )
    assert event is not None
    assert (event["status"], event["attempts"], event["next_attempt_at"]) == ("dead", EVENT_TRIES, None)
    assert "CheckViolationError" in event["last_error"]


async def test_a_canceled_statement_is_not_an_attempt_of_the_event(
    runtime: Runtime, connection: asyncpg.Connection, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    order_id = await fail_an_event(runtime, connection, database_url)
    await connection.execute("ALTER TABLE refunds DROP CONSTRAINT planted")
    await connection.execute(MAKE_DUE)
    caplog.clear()
    cancel = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    async with connection.transaction():
        await connection.execute("SELECT FROM orders WHERE id = $1 FOR UPDATE", order_id)
        retrying = asyncio.create_task(retry_due_events(runtime.database))

        async def canceled() -> bool:
            return bool(await connection.fetch(cancel))

        await until(canceled)
        with pytest.raises(DatabaseUnavailable):
            await retrying
    event = await connection.fetchrow("SELECT status, attempts FROM stripe_events WHERE id = 'evt_bad'")
    assert event is not None
    assert tuple(event) == ("failed", 1)
    assert not [record for record in caplog.records if record.exc_info]
    assert await retry_due_events(runtime.database) == 1


async def test_a_lock_timeout_is_not_an_attempt_of_the_event(
    runtime: Runtime, connection: asyncpg.Connection, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    name = await connection.fetchval("SELECT quote_ident(current_database())")
    await connection.execute(f"ALTER DATABASE {name} SET lock_timeout = '50ms'")
    order_id = await fail_an_event(runtime, connection, database_url)
    await connection.execute("ALTER TABLE refunds DROP CONSTRAINT planted")
    await connection.execute(MAKE_DUE)
    caplog.clear()
    async with connection.transaction():
        await connection.execute("SELECT FROM orders WHERE id = $1 FOR UPDATE", order_id)
        with pytest.raises(DatabaseUnavailable):
            await retry_due_events(runtime.database)
    event = await connection.fetchrow("SELECT status, attempts FROM stripe_events WHERE id = 'evt_bad'")
    assert event is not None
    assert tuple(event) == ("failed", 1)
    assert not [record for record in caplog.records if record.exc_info]
    assert await retry_due_events(runtime.database) == 1


async def test_an_event_is_not_retried_before_its_time(
    runtime: Runtime, connection: asyncpg.Connection, database_url: str
) -> None:
    await fail_an_event(runtime, connection, database_url)
    await connection.execute(
        "UPDATE stripe_events SET next_attempt_at = now() + interval '1 hour' WHERE status = 'failed'"
    )
    assert await retry_due_events(runtime.database) == 0


async def test_every_retry_waits_twice_as_long_as_the_last_until_the_last_attempt(
    runtime: Runtime, connection: asyncpg.Connection, database_url: str
) -> None:
    await fail_an_event(runtime, connection, database_url)
    read = (
        "SELECT status, attempts, extract(epoch FROM next_attempt_at - clock_timestamp())::float AS waits"
        " FROM stripe_events WHERE id = 'evt_bad'"
    )
    seen = [await connection.fetchrow(read)]
    while seen[-1] is not None and seen[-1]["status"] == "failed":
        await connection.execute(MAKE_DUE)
        assert await retry_due_events(runtime.database) == 1
        seen.append(await connection.fetchrow(read))
    tries = [row for row in seen if row is not None]
    assert [row["attempts"] for row in tries] == list(range(1, EVENT_TRIES + 1))
    assert [row["status"] for row in tries] == ["failed"] * (EVENT_TRIES - 1) + ["dead"]
    assert tries[-1]["waits"] is None
    # On a slow machine some of the wait has passed when it is read.
    ratios = [row["waits"] / (5 * 2 ** (row["attempts"] - 1)) for row in tries[2:-1]]
    assert all(0.5 < ratio <= 1.2 for ratio in ratios), ratios
