"""Messages that a refund had made untrue and that are owed again are found, however many others were skipped."""

from __future__ import annotations

import asyncpg

from checkout_daemon.database.connection import GENERIC_PLANS, PLANNER, settle
from checkout_daemon.database.queries import sql
from checkout_daemon.model.messages import REFUNDED_BY_NOW
from checkout_daemon.outbox.outbox_store import owe_again
from tests.support.orders import NOW, add_order

ADD = (
    "INSERT INTO outbox (order_id, kind, subject_id, channel, status, last_error)"
    " VALUES ($1, 'order.completed', '', $2, 'skipped', $3)"
)


async def test_what_was_skipped_for_another_reason_is_neither_queued_nor_read(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await settle(connection, {**PLANNER, **GENERIC_PLANS})
    order_id = await add_order(connection, status="completed", paid_at=NOW)
    await connection.execute(ADD, order_id, "mail", REFUNDED_BY_NOW)
    await connection.execute(ADD, order_id, "webhook", "it is not configured")
    await connection.execute("ANALYZE outbox")
    plan = await connection.fetch(f"EXPLAIN {sql('owe_again')}")
    queued = await owe_again(connection)
    left = await connection.fetch("SELECT channel FROM outbox WHERE status = 'skipped'")
    await connection.close()
    assert any("outbox_to_owe_again" in row[0] for row in plan), plan
    assert (queued, [row[0] for row in left]) == (1, ["webhook"])
