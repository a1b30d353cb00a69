"""A generated history is complete, and the indexes are there again."""

from __future__ import annotations

import asyncpg

from bench.scenarios.flat import add_history
from bench.support.targets import daemon

COUNTS = """
SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM stripe_events),
       (SELECT count(*) FROM stripe_event_payloads),
       (SELECT count(*) FROM order_texts), (SELECT count(*) FROM payments JOIN payment_observations ON payment_id = id)
           - (SELECT count(*) FROM orders WHERE paid_at IS NOT NULL)
"""
INDEXES = (
    "SELECT pg_get_indexdef(indexrelid) AS made FROM pg_index WHERE indrelid::regclass::text !~ '^pg_' ORDER BY made"
)


async def test_a_history_has_orders_events_and_the_newest_payloads(
    database_url: str, connection: asyncpg.Connection
) -> None:
    store = daemon().store
    assert store is not None
    indexes = [row["made"] for row in await connection.fetch(INDEXES)]
    await connection.execute(store.statement("catalog.sql"))
    await add_history(database_url, 100)
    await store.seed(database_url, 7)
    counts = await connection.fetchrow(COUNTS)
    assert counts is not None
    assert tuple(counts) == (107, 300, 30, 107, 0)
    waiting = await store.orders(database_url, 20)
    assert len(waiting) == 7  # those of the history that are pending do not wait to be paid
    found = [row["made"] for row in await connection.fetch(INDEXES) if "stripe_event_payloads_w" not in row["made"]]
    assert found == [made for made in indexes if "stripe_event_payloads_w" not in made]
