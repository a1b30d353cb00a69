"""Random histories in the database, many orders at once, some events twice: pieces are neither lost nor sold twice."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime
from uuid import uuid4

import asyncpg
import pytest

from checkout_daemon.audit.operators import Operator
from checkout_daemon.database.pool import Database
from checkout_daemon.ledger.facts import Link, LinkRank, Observation, PaymentStatus, SessionFact, SessionStatus
from checkout_daemon.ledger.merge import Update, locked_order, merge
from checkout_daemon.stock.counting import adjust_stock, set_stock
from tests.support.stripe_events import insert_order

ADA = Operator("ada", "host")
NOW = datetime(2026, 5, 1, tzinfo=UTC)
TOTAL = 5000
SKUS = ("INK", "NIB", "PAD")
_RESERVE = (
    "WITH free AS (SELECT sku FROM lock_stock($2) WHERE free >= $3)"
    " INSERT INTO stock_reservations (order_id, sku, quantity, held_until, late)"
    " SELECT $1, sku, $3, now() + interval '1 day', $4 FROM free"
)


@pytest.mark.parametrize("seed", range(10))
async def test_pieces_are_neither_lost_nor_sold_twice(
    database_url: str, connection: asyncpg.Connection, seed: int
) -> None:
    chance = random.Random(seed)
    database = Database(database_url, max_size=8)
    await connection.executemany(
        "INSERT INTO products (sku, name, unit_amount, currency) VALUES ($1, $1, 100, 'eur')", [(sku,) for sku in SKUS]
    )
    for sku in SKUS:
        await set_stock(database, sku, chance.randint(3, 9), operator=ADA)
    orders = [await insert_order(database_url, total=TOTAL) for _ in range(12)]
    for order_id in orders:
        async with connection.transaction():
            late = chance.choice(["reinstate", "refund", "ask"])
            await connection.execute(_RESERVE, order_id, chance.sample(SKUS, 2), chance.randint(1, 3), late)
    acts = [act for order_id in orders for act in history(chance, order_id)]
    acts += [act for act in acts if chance.random() < 0.3]  # Stripe delivers some twice
    chance.shuffle(acts)
    await asyncio.gather(*(database.run(merge, [update]) for update in acts))
    for sku in SKUS:
        await adjust_stock(database, sku, chance.randint(1, 4), operator=ADA)
    before = await states(connection)
    for update in acts:  # a replay of everything
        await database.run(merge, [update])
    for order_id in orders:
        await database.run(locked_order, order_id)
    assert await states(connection) == before
    await database.close()
    broken = await connection.fetch(
        "SELECT level.sku, moved.counted, level.stock, level.free, held.taken FROM stock_levels AS level"
        " JOIN (SELECT sku, sum(change) FILTER (WHERE order_id IS NULL) AS counted, sum(change) AS now"
        "       FROM stock_movements GROUP BY sku) AS moved USING (sku)"
        " CROSS JOIN LATERAL (SELECT coalesce(sum(quantity - restocked), 0) AS taken FROM stock_reservations"
        "                     WHERE sku = level.sku AND state = 'sold') AS held"
        " WHERE level.stock <> moved.now OR moved.counted <> held.taken + level.reserved + level.free OR level.free < 0"
    )
    assert [dict(row) for row in broken] == []


async def states(connection: asyncpg.Connection) -> list[tuple[str, ...]]:
    rows = await connection.fetch(
        "SELECT held.order_id::text, sku, state, status, attention::text FROM stock_reservations AS held"
        " JOIN orders ON orders.id = held.order_id ORDER BY 1, 2"
    )
    return [tuple(row) for row in rows]


def history(chance: random.Random, order_id: str) -> list[Update]:
    """Return what Stripe reports about an order: its session ends, and it is paid before that or after it, or not."""
    session_id, payment_id = f"cs_{uuid4().hex}", f"pi_{uuid4().hex}"

    def session(status: SessionStatus, paid: PaymentStatus = PaymentStatus.UNPAID) -> Update:
        fact = SessionFact(session_id, False, status, paid, 1, None, None, NOW)
        links = [Link(session_id, order_id, LinkRank.OURS)]
        return Update("session", "stripe", subject_id=session_id, links=links, facts=[fact])

    told = [session(SessionStatus.OPEN)]
    if chance.random() < 0.6:
        told.append(session(SessionStatus.EXPIRED))
    if chance.random() < 0.2:
        told.append(session(SessionStatus.COMPLETE, chance.choice([PaymentStatus.UNPAID, PaymentStatus.FAILED])))
    if chance.random() < 0.6:
        links = [Link(payment_id, order_id, LinkRank.METADATA)]
        facts = [Observation(payment_id, TOTAL, "eur", False, NOW)]
        told.append(Update("paid", "stripe", subject_id=payment_id, links=links, facts=facts))
    return told
