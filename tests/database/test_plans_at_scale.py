"""What operators look at reads few rows of a shop with many orders, whichever filters they choose."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from checkout_daemon.database.pool import settle_plans
from checkout_daemon.database.queries import sql
from checkout_daemon.events.event_lists import EventFilter, list_error_groups, list_events
from checkout_daemon.model.orders import OrderStatus
from checkout_daemon.orders.figures import INTERVAL, read_arrivals, read_owed, read_trouble
from checkout_daemon.orders.order_lists import OrderCursor, OrderFilter, list_orders, read_view
from checkout_daemon.outbox.outbox_store import count_messages
from tests.database.test_generic_plans import LARGE, nodes_of
from tests.support.cluster import Cluster

FILL = Path(__file__).parents[2] / "bench" / "sql" / "fill.sql"
ORDERS, EVENTS, PAYLOADS = 12_000, 36_000, 2_000
PAGE = 50
SEARCHED = 5_000  # the newest orders, which a search looks through first
NOW = datetime.now(UTC)
MINUTE = timedelta(minutes=1)
# Ten days of the two years that the orders are spread over.
LONG_PAST = OrderFilter(since=NOW - timedelta(days=400), until=NOW - timedelta(days=390))


class Explaining(asyncpg.Connection):
    """A connection that keeps the plan of each statement as it was run."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.plans: list[dict[str, Any]] = []

    async def fetch(self, query: str, *args: Any, **options: Any) -> Any:
        await self._explain(query, args)
        return await super().fetch(query, *args, **options)

    async def fetchrow(self, query: str, *args: Any, **options: Any) -> Any:
        await self._explain(query, args)
        return await super().fetchrow(query, *args, **options)

    async def fetchval(self, query: str, *args: Any, **options: Any) -> Any:
        await self._explain(query, args)
        return await super().fetchval(query, *args, **options)

    async def _explain(self, query: str, args: tuple[Any, ...]) -> None:
        (row,) = await super().fetch(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {query}", *args)
        self.plans.append(json.loads(row[0])[0]["Plan"])


@pytest.fixture(scope="module")
async def large_shop(cluster: Cluster) -> AsyncIterator[str]:
    url = cluster.take()
    connection = await asyncpg.connect(url)
    await connection.execute(
        f"SET fill.orders = '{ORDERS}'; SET fill.events = '{EVENTS}'; SET fill.payloads = '{PAYLOADS}'"
    )
    await connection.execute(FILL.read_text("utf-8"))
    await connection.execute("VACUUM (ANALYZE)")
    for table in ("orders", "order_texts"):  # as if there were more of them
        await connection.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")
        await connection.execute(f"UPDATE pg_class SET reltuples = 10000000 WHERE oid = '{table}'::regclass")
    await connection.close()
    yield url
    cluster.give_back(url)


@pytest.fixture
async def shop(large_shop: str) -> AsyncIterator[Explaining]:
    connection = await asyncpg.connect(large_shop, connection_class=Explaining)
    await settle_plans(connection)
    yield connection
    await connection.close()


LISTS = {
    "all": OrderFilter(),
    **{status.value: OrderFilter(statuses=(status.value,)) for status in OrderStatus},
    "statuses": OrderFilter(statuses=("disputed", "failed", "completed")),
    "status then": replace(LONG_PAST, statuses=("failed",)),
    "then": LONG_PAST,
    "since": OrderFilter(since=NOW - timedelta(days=1)),
    "until": OrderFilter(until=NOW - timedelta(days=400)),
    "attention": OrderFilter(attention=True),
    "attention of a status": OrderFilter(attention=True, statuses=("disputed",)),
    "email": OrderFilter(email="nora.mrvp@example.com"),
    "email of a status": OrderFilter(email="nora.mrvp@example.com", statuses=("failed",)),
}
SEARCHES = {
    "common": OrderFilter(search_text="example"),
    "common then": replace(LONG_PAST, search_text="hanna"),
    "common of a rare status": OrderFilter(search_text="example", statuses=("processing",)),
    "short": OrderFilter(search_text="zz"),
    "absent": OrderFilter(search_text="nobody at all"),
}


@pytest.mark.parametrize("wanted", LISTS.values(), ids=LISTS)
async def test_a_page_of_orders_reads_little_more_than_the_page(shop: Explaining, wanted: OrderFilter) -> None:
    found = await list_orders(shop, wanted, limit=PAGE)
    assert most_rows(shop) <= 6 * PAGE
    if len(found) == PAGE:
        shop.plans.clear()
        assert await list_orders(shop, wanted, limit=PAGE, cursor=OrderCursor.after(found[-1])) != found
        assert most_rows(shop) <= 6 * PAGE


@pytest.mark.parametrize("wanted", SEARCHES.values(), ids=SEARCHES)
async def test_a_search_reads_no_more_than_the_newest_orders(shop: Explaining, wanted: OrderFilter) -> None:
    await list_orders(shop, wanted, limit=PAGE)
    assert most_rows(shop) <= SEARCHED


async def test_a_rare_text_is_found_by_its_rarest_trigrams(shop: Explaining) -> None:
    oldest = await shop.fetchrow("SELECT customer_name, customer_email FROM orders WHERE number = 1017")
    name, email = oldest["customer_name"].split()[1], oldest["customer_email"]
    for text in (name, email):
        shop.plans.clear()
        assert [order.number for order in await list_orders(shop, OrderFilter(search_text=text), limit=PAGE)] == [1017]
        assert most_rows(shop, shop.plans[-1:]) <= PAGE
    rare = await shop.fetchval("SELECT rare_trigrams('zq@example.com')")
    assert "zq@" in rare
    assert not {"exa", "xam", "com"} & set(rare)


async def test_a_page_about_one_order_reads_its_own_rows(shop: Explaining) -> None:
    view = await read_view(shop, await shop.fetchval("SELECT id::text FROM orders WHERE number = 7000"))
    assert view is not None
    assert len(view.events) == 3
    assert most_rows(shop) <= PAGE


async def test_figures_read_the_rows_of_their_days(shop: Explaining) -> None:
    day = timedelta(days=1)
    await shop.fetch(sql("read_day"), NOW - day, False)
    await shop.fetch(sql("read_revenue"), NOW - 2 * day, INTERVAL, False)
    await read_trouble(shop, NOW)
    await read_arrivals(shop, NOW - 60 * MINUTE, MINUTE)
    await read_owed(shop, NOW - 60 * MINUTE, MINUTE)
    await count_messages(shop)
    assert most_rows(shop) <= 6 * PAGE


EVENT_LISTS = {
    "all": EventFilter(),
    "failed": EventFilter(statuses=("failed",)),
    "ignored": EventFilter(statuses=("ignored",)),
    "type": EventFilter(types=("charge.dispute.created", "charge.succeeded")),
    "failed of a type": EventFilter(types=("charge.succeeded",), statuses=("failed", "dead")),
    "then": EventFilter(since=NOW - timedelta(days=400), until=NOW - timedelta(days=399)),
}


@pytest.mark.parametrize("wanted", EVENT_LISTS.values(), ids=EVENT_LISTS)
async def test_a_page_of_events_reads_little_more_than_the_page(shop: Explaining, wanted: EventFilter) -> None:
    await list_events(shop, wanted, limit=PAGE)
    await list_error_groups(shop)
    assert most_rows(shop) <= 6 * PAGE


async def test_what_the_terminal_and_lookups_add_is_read_by_index(shop: Explaining) -> None:
    ids = [row["id"] for row in await shop.fetch("SELECT id FROM orders ORDER BY created_at DESC LIMIT 50")]
    session = await shop.fetchval("SELECT id FROM checkout_sessions WHERE order_id = $1", ids[-1])
    await shop.fetch(sql("read_last_events"), ids)
    await shop.fetch(sql("read_orders_by_ids"), ids)
    await shop.fetch(sql("find_orders_by_stripe_id"), session, 20)
    await shop.fetch(sql("find_orders_by_payer"), "nobody@example.com", 20, 60)
    await shop.fetch(sql("count_loose_rows"), 50)
    assert most_rows(shop) <= 6 * PAGE


def most_rows(shop: Explaining, plans: list[dict[str, Any]] | None = None) -> int:
    """Return how many rows the busiest node of all plans handled. Fail if one reads a large table whole."""
    nodes = [node for plan in plans or shop.plans for node in nodes_of(plan)]
    assert not [node for node in nodes if node["Node Type"] == "Seq Scan" and node["Relation Name"] in LARGE]
    return max(int(rows_of(node)) for node in nodes)


def rows_of(node: dict[str, Any]) -> float:
    removed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return float(node["Actual Loops"] * (node["Actual Rows"] + removed))
