"""Whatever happens to events while they are replayed, nobody waits in a circle, and no attempt is lost."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from checkout_daemon.audit.operators import Operator
from checkout_daemon.database.pool import Database
from checkout_daemon.events.replaying import replay, replay_many
from checkout_daemon.ledger.apply import ReceivedEvent, apply_batch, retry_due_events
from checkout_daemon.ledger.event_store import NewEvent, Verdict
from checkout_daemon.ledger.translate.envelope import parse_event
from checkout_daemon.ledger.writes import Writes, record
from tests.support.stripe_events import event_body, insert_order, refund_object, session_object
from tests.support.waiting import until

ANA = Operator("ana", "till")
DUE = Verdict("failed", next_attempt_at=datetime(2020, 1, 1, tzinfo=UTC), last_error="OSError while it was applied")
BLOCKED = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
STORED = "SELECT id, status, attempts, order_id::text FROM stripe_events WHERE id = ANY($1) ORDER BY id"
REFUNDS = ("evt_1", "evt_2")
# The first two of a replay are alone in their transactions, and the next two share one.
OTHERS = ("evt_a", "evt_b")


@pytest.fixture
async def database(connection: asyncpg.Connection, database_url: str) -> AsyncIterator[Database]:
    """A database that never ends a deadlock; usually it does so after a second, and the work is repeated."""
    name = await connection.fetchval("SELECT quote_ident(current_database())")
    await connection.execute(f"ALTER DATABASE {name} SET deadlock_timeout = '1h'")
    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture
async def other(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    other = await asyncpg.connect(database_url)
    yield other
    await other.close()


async def replay_one(database: Database) -> None:
    await replay(database, REFUNDS[0], operator=ANA)


async def replay_all(database: Database) -> None:
    async for _ in replay_many(database, [*OTHERS, *REFUNDS], operator=ANA):
        pass


def received(body: bytes) -> ReceivedEvent:
    return ReceivedEvent(parse_event(body), datetime.now(UTC))


def refund(event_id: str) -> ReceivedEvent:
    return received(event_body("refund.created", refund_object(f"re_{event_id}", "pi_1", 100), event_id=event_id))


def payment(order_id: str) -> ReceivedEvent:
    return received(event_body("checkout.session.completed", session_object(order_id, "cs_1", "pi_1")))


async def store_others(database: Database) -> None:
    bodies = [event_body("customer.created", {"id": "cus_1"}, event_id=event_id) for event_id in OTHERS]
    await apply_batch(database, [received(body) for body in bodies])


async def failed_refunds(database: Database, database_url: str, *event_ids: str) -> str:
    """Store refunds of a paid order that are due to be retried, and return the order's id."""
    order_id = await insert_order(database_url)
    await apply_batch(database, [payment(order_id)])
    found = [refund(event_id) for event_id in event_ids]
    await database.run(record, Writes(), [NewEvent(one.event, one.received_at, DUE) for one in found])
    return order_id


async def until_blocked(connection: asyncpg.Connection, count: int) -> None:
    async def are_blocked() -> bool:
        return bool(await connection.fetchval(BLOCKED) == count)

    await until(are_blocked)


@pytest.mark.parametrize(("replays", "replayed"), [(replay_one, 1), (replay_all, 2)])
async def test_events_whose_order_becomes_known_are_adopted_and_replayed(
    database: Database,
    connection: asyncpg.Connection,
    other: asyncpg.Connection,
    database_url: str,
    replays: Callable[[Database], Coroutine[Any, Any, None]],
    replayed: int,
) -> None:
    order_id = await insert_order(database_url)
    await store_others(database)
    await apply_batch(database, [refund(event_id) for event_id in REFUNDS])
    link = other.transaction()
    await link.start()
    await other.execute("INSERT INTO links (source_id, target_id, rank) VALUES ('cs_1', $1, 0)", order_id)
    adopting = asyncio.create_task(apply_batch(database, [payment(order_id)]))
    await until_blocked(connection, 1)  # it holds the payment and writes its link; its events come after that
    replaying = asyncio.create_task(replays(database))
    await until_blocked(connection, 2)
    await link.rollback()
    async with asyncio.timeout(20):
        await asyncio.gather(adopting, replaying)
    stored = [tuple(row) for row in await connection.fetch(STORED, REFUNDS)]
    assert stored == [
        (event_id, "applied", 2 if place < replayed else 1, order_id) for place, event_id in enumerate(REFUNDS)
    ]


async def test_a_retry_of_an_event_that_is_being_replayed_finds_it_applied(
    database: Database, connection: asyncpg.Connection, other: asyncpg.Connection, database_url: str
) -> None:
    order_id = await failed_refunds(database, database_url, REFUNDS[0])
    async with other.transaction():
        await other.execute("SELECT FROM orders WHERE id = $1 FOR UPDATE", order_id)
        replaying = asyncio.create_task(replay_one(database))
        await until_blocked(connection, 1)
        retrying = asyncio.create_task(retry_due_events(database))
        await until_blocked(connection, 2)
    async with asyncio.timeout(20):
        _, retried = await asyncio.gather(replaying, retrying)
    assert retried == 0
    stored = [tuple(row) for row in await connection.fetch(STORED, REFUNDS)]
    assert stored == [(REFUNDS[0], "applied", 2, order_id)]


async def test_a_batch_whose_events_were_retried_since_they_were_read_is_read_again(
    database: Database,
    connection: asyncpg.Connection,
    other: asyncpg.Connection,
    database_url: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    order_id = await failed_refunds(database, database_url, *REFUNDS)
    await store_others(database)
    async with other.transaction():
        await other.execute("SELECT FROM orders WHERE id = $1 FOR UPDATE", order_id)
        with caplog.at_level(logging.WARNING):
            replaying = asyncio.create_task(replay_all(database))
            await until_blocked(connection, 1)
            await connection.execute("UPDATE stripe_events SET attempts = 5 WHERE id = $1", REFUNDS[0])
    async with asyncio.timeout(20):
        await replaying
    stored = [tuple(row) for row in await connection.fetch(STORED, REFUNDS)]
    assert stored == [(REFUNDS[0], "applied", 6, order_id), (REFUNDS[1], "applied", 2, order_id)]
    assert "one by one" not in caplog.text
