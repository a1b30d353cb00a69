"""Concurrent transactions on one order: one that waits for its row sees what the other has committed."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from checkout_daemon.database.pool import Database
from checkout_daemon.ledger import merge as merging
from checkout_daemon.ledger.apply import ReceivedEvent, apply_batch
from checkout_daemon.ledger.fact_store import load
from checkout_daemon.ledger.facts import Link, LinkRank, Observation, PaymentStatus, SessionFact, SessionStatus
from checkout_daemon.ledger.merge import Update, merge
from checkout_daemon.ledger.translate.envelope import parse_event
from tests.support.stripe_events import event_body, insert_order, refund_object, session_object

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def paid(order_id: str) -> Update:
    return Update(
        "checkout.session.completed",
        "stripe",
        subject_id="cs_1",
        links=[Link("cs_1", order_id, LinkRank.CLIENT_REFERENCE_ID), Link("cs_1", "pi_1", LinkRank.STRIPE)],
        facts=[
            SessionFact("cs_1", False, SessionStatus.COMPLETE, PaymentStatus.PAID),
            Observation("pi_1", 5000, "eur", False, NOW),
        ],
    )


def checked(order_id: str) -> Update:
    return Update("order.checked", "shopper", order_ids=[order_id])


def expired(order_id: str) -> Update:
    return Update(
        "checkout.session.expired",
        "stripe",
        subject_id="cs_2",
        links=[Link("cs_2", order_id, LinkRank.CLIENT_REFERENCE_ID)],
        facts=[SessionFact("cs_2", False, SessionStatus.EXPIRED, PaymentStatus.UNPAID)],
    )


@pytest.mark.parametrize("late", [checked, expired])
async def test_a_payment_committed_while_another_waits_for_the_order_is_seen(database_url: str, late: object) -> None:
    order_id = await insert_order(database_url)
    holder, waiter, watcher = [await asyncpg.connect(database_url) for _ in range(3)]

    async def touch() -> None:
        async with waiter.transaction():
            await merge(waiter, [late(order_id)])  # type: ignore[operator]  # one of the two above

    async with holder.transaction():
        await merge(holder, [paid(order_id)])
        waiting = asyncio.create_task(touch())
        async with asyncio.timeout(30):
            while not await watcher.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    await waiting
    order = await watcher.fetchrow("SELECT status, paid_at FROM orders WHERE id = $1", order_id)
    payment = await watcher.fetchval("SELECT order_id FROM payments WHERE id = 'pi_1'")
    for connection in (holder, waiter, watcher):
        await connection.close()
    assert order is not None
    assert (order["status"], order["paid_at"]) == ("completed", NOW)
    assert str(payment) == order_id


async def test_a_payment_that_lost_its_order_is_found_again_by_its_links(database_url: str) -> None:
    order_id = await insert_order(database_url)
    connection = await asyncpg.connect(database_url)
    async with connection.transaction():
        await merge(connection, [paid(order_id)])
    await connection.execute("UPDATE payments SET order_id = NULL; UPDATE checkout_sessions SET order_id = NULL")
    await connection.execute("UPDATE orders SET status = 'pending', paid_at = NULL")
    async with connection.transaction():
        await merge(connection, [checked(order_id)])
    status = await connection.fetchval("SELECT status FROM orders")
    placed = await connection.fetchval("SELECT order_id FROM payments")
    await connection.close()
    assert (status, str(placed)) == ("completed", order_id)


async def test_after_a_deadlock_everything_is_locked_at_once(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One lock after the other can close a circle; whoever lost there would close the same one with the next."""
    order_id = await insert_order(database_url)
    session = session_object(order_id, "cs_1", "pi_1")
    locked: list[set[str]] = []

    async def meet_a_deadlock(connection: asyncpg.Connection, nodes: Collection[str], *rest: Any, **named: Any) -> Any:
        locked.append(set(nodes))
        loaded = await load(connection, nodes, *rest, **named)
        if len(locked) == 2:
            raise asyncpg.DeadlockDetectedError("deadlock detected")
        return loaded

    database = Database(database_url)
    try:
        await apply_batch(database, [received("refund.created", refund_object("re_1", "pi_1", 5000))])
        monkeypatch.setattr(merging, "load", meet_a_deadlock)
        applied = await apply_batch(database, [received("checkout.session.completed", session)])
    finally:
        await database.close()
    assert [outcome.status for outcome in applied] == ["applied"]
    named = {"cs_1", "pi_1"}
    assert locked == [named, named | {"ch_1"}, named | {"ch_1"}]


def received(kind: str, payload: dict[str, Any]) -> ReceivedEvent:
    return ReceivedEvent(parse_event(event_body(kind, payload)), datetime.now(UTC))
