"""Deleting an order by hand: no foreign key leads from its facts to it, so triggers delete them."""

from __future__ import annotations

import asyncpg
import pytest

from checkout_daemon.audit.operators import Operator
from checkout_daemon.orders.notes import note_order
from checkout_daemon.runtime import Runtime
from tests.support.orders import add_order

ROWS = """
INSERT INTO order_items (order_id, position, sku, name, unit_amount, quantity, amount, amount_discount)
    VALUES ($1::uuid, 1, 'NOTE', 'Notebook', 1, 1, 1, 0);
INSERT INTO session_attempts (order_id, attempt, parameters, started_at) VALUES ($1::uuid, 1, '{}', now());
INSERT INTO checkout_sessions (id, livemode, order_id, status, outcome)
    VALUES ('cs_' || $1::text, false, $1::uuid, 'open', 'unpaid');
INSERT INTO payments (id, order_id) VALUES ('pi_' || $1::text, $1::uuid);
INSERT INTO payment_observations (payment_id, amount, currency, livemode, paid_at)
    VALUES ('pi_' || $1::text, 1, 'eur', false, now());
INSERT INTO refunds (id, livemode, payment_id, status, amount, currency)
    VALUES ('re_' || $1::text, false, 'pi_' || $1::text, 'pending', 1, 'eur');
INSERT INTO order_changes (order_id, to_status, cause, actor) VALUES ($1::uuid, 'pending', 'order.created', 'shopper');
INSERT INTO outbox (order_id, kind, channel) VALUES ($1::uuid, 'order.paid', 'mail');
INSERT INTO stripe_events (id, type, status, order_id, received_at, body_hash)
    VALUES ('evt_' || $1::text, 'charge.succeeded', 'applied', $1::uuid, now(), '')
"""
DELETED = (
    "order_texts",
    "order_items",
    "session_attempts",
    "checkout_sessions",
    "payments",
    "payment_observations",
    "refunds",
    "order_changes",
    "outbox",
)


async def test_an_order_with_audit_entries_cannot_be_deleted(connection: asyncpg.Connection, runtime: Runtime) -> None:
    order_id = await add_order(connection)
    await note_order(runtime.database, order_id, "the customer called", operator=Operator("ana", "till"))
    with pytest.raises(asyncpg.RestrictViolationError):
        await connection.execute("DELETE FROM orders WHERE id = $1", order_id)


async def test_an_order_that_is_deleted_takes_its_rows_along_and_leaves_its_events(
    connection: asyncpg.Connection,
) -> None:
    gone, kept = [await add_order(connection) for _ in range(2)]
    for order_id in (gone, kept):
        for statement in ROWS.split(";"):
            await connection.execute(statement.replace("$1", f"'{order_id}'"))
    await connection.execute("DELETE FROM orders WHERE id = $1", gone)
    counts = {table: await connection.fetchval(f"SELECT count(*) FROM {table}") for table in DELETED}
    assert counts == dict.fromkeys(DELETED, 1)
    owners = await connection.fetch("SELECT order_id::text FROM stripe_events ORDER BY order_id")
    assert [row["order_id"] for row in owners] == [kept, None]
