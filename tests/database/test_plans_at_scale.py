"""What operators look at reads few rows of a shop with many orders, whichever filters they choose."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from checkout_daemon.checkout.session_lists import list_sessions
from checkout_daemon.database.connection import PLANNER, settle
from checkout_daemon.database.pool import Database
from checkout_daemon.database.queries import sql
from checkout_daemon.events.event_lists import EventFilter, list_error_groups, list_events
from checkout_daemon.model.order_rows import read_sort
from checkout_daemon.model.orders import OrderStatus
from checkout_daemon.orders import order_search
from checkout_daemon.orders.figures import INTERVAL, read_arrivals, read_owed, read_trouble
from checkout_daemon.orders.order_filter import Condition, Extent, OrderCursor, OrderFilter, like
from checkout_daemon.orders.order_lists import list_orders, read_view
from checkout_daemon.orders.order_query import parse_query
from checkout_daemon.orders.query_keys import KEYS
from checkout_daemon.orders.query_values import word_of
from checkout_daemon.orders.sorted_orders import OrderList
from checkout_daemon.orders.todo import read_todo
from checkout_daemon.outbox.outbox_store import MessageFilter, count_messages, list_messages
from checkout_daemon.settings import load_settings
from tests.database.test_generic_plans import LARGE, nodes_of
from tests.support.cluster import Cluster

FILL = Path(__file__).parents[2] / "bench" / "sql" / "fill.sql"
ORDERS, EVENTS, PAYLOADS = 12_000, 36_000, 2_000
PAGE = 50
FLAGGED = 5_000
SEARCHED = 4_000  # a third of the orders
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
    await connection.execute("UPDATE schema_migrations SET applied_at = now() - interval '3 years'")
    await connection.close()
    yield url
    cluster.give_back(url)


@pytest.fixture
async def shop(large_shop: str) -> AsyncIterator[Explaining]:
    connection = await asyncpg.connect(large_shop, connection_class=Explaining)
    await settle(connection, PLANNER)
    yield connection
    await connection.close()


FILTERS: dict[str, dict[str, Any]] = {
    **{status.value: {"statuses": (status.value,)} for status in OrderStatus},
    "statuses": {"statuses": ("disputed", "failed", "completed")},
    "then": {"since": NOW - timedelta(days=400), "until": NOW - timedelta(days=390)},
    "since": {"since": NOW - timedelta(days=1)},
    "until": {"until": NOW - timedelta(days=400)},
    "attention": {"attention": True},
    "email": {"email": "nora.mrvp@example.com"},
    "email of many": {"email": "desk@example.com"},
}


def of_words(*words: str) -> dict[str, Any]:
    return {"conditions": tuple(Condition("word", word=word_of(word)) for word in words)}


TEXTS: dict[str, dict[str, Any]] = {
    "common": of_words("example"),
    "name": of_words("hanna"),
    "short": of_words("zz"),
    "absent": of_words("nobody at all"),
    "absent with common parts": of_words("mail.example.com"),
    "words": of_words("wagner", "hanna"),
    "phone": of_words("066012345678"),
    "digits": of_words("7919"),
    "amount": of_words("49.99"),
    "sku": of_words("sku-17"),
    "ids": {"conditions": (Condition("ids", ("00000000-0000-4000-8000-000000000000",)),)},
}


def in_pairs(*groups: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return each filter, and each two that set different fields."""
    single = {name: fields for group in groups for name, fields in group.items()}
    pairs = {
        f"{one} {other}": single[one] | single[other]
        for one, other in combinations(single, 2)
        if not single[one].keys() & single[other].keys()
    }
    return {"all": {}} | single | pairs


LISTS = {name: OrderFilter(**fields) for name, fields in in_pairs(FILTERS).items()}
SEARCHES = {name: OrderFilter(**fields) for name, fields in in_pairs(FILTERS, TEXTS).items() if "conditions" in fields}


@pytest.mark.parametrize("wanted", LISTS.values(), ids=LISTS)
async def test_a_page_of_orders_reads_little_more_than_the_page(shop: Explaining, wanted: OrderFilter) -> None:
    found = await list_orders(shop, wanted, limit=PAGE)
    assert most_rows(shop) <= 6 * PAGE
    if len(found) == PAGE:
        shop.plans.clear()
        assert await list_orders(shop, wanted, limit=PAGE, cursor=OrderCursor.after(found[-1])) != found
        assert most_rows(shop) <= 6 * PAGE


CHARGED: dict[str, dict[str, Any]] = {
    "last4": {"last4": "4242"},
    "rare last4": {"last4": "7919"},
    "decline": {"decline": "insufficient_funds"},
    "rare decline": {"decline": "lost_card"},
    "then": {"since": NOW - timedelta(days=400), "until": NOW - timedelta(days=390)},
    "until": {"until": NOW - timedelta(days=400)},
}
CHARGES = {
    name: OrderFilter(**fields) for name, fields in in_pairs(CHARGED).items() if fields.keys() & {"last4", "decline"}
}


@pytest.mark.parametrize("wanted", CHARGES.values(), ids=CHARGES)
async def test_a_page_by_card_or_decline_reads_little_more_than_the_page(shop: Explaining, wanted: OrderFilter) -> None:
    found = await list_orders(shop, wanted, limit=PAGE)
    both = wanted.last4 is not None and wanted.decline is not None
    assert most_rows(shop) <= (6 * PAGE if not both else SEARCHED)
    if len(found) == PAGE:
        shop.plans.clear()
        again = await list_orders(shop, wanted, limit=PAGE, cursor=OrderCursor.after(found[-1]))
        assert {order.id for order in found}.isdisjoint(order.id for order in again)
        assert most_rows(shop) <= (6 * PAGE if not both else SEARCHED)


@pytest.mark.parametrize("wanted", SEARCHES.values(), ids=SEARCHES)
async def test_a_search_reads_few_of_the_orders(shop: Explaining, wanted: OrderFilter) -> None:
    await list_orders(shop, wanted, limit=PAGE)
    assert most_rows(shop) <= SEARCHED


# Each key with a value that many orders have, and one that few or none have.
KEY_TEXTS = (
    ("status:completed", "-status:completed"),
    ("attention:any", "attention:amount_mismatch"),
    ("amount:>50", "amount:>909.99", "amount:500.03"),
    ("refunded:>0", "refunded:>450"),
    ("currency:eur", "currency:usd"),
    ("email:@example.com", "email:nora.wagener7", "email:*bach*7@*.org"),
    ("name:hanna", "name:nobody"),
    ("phone:0660", "phone:123456"),
    ("sku:sku-*", "sku:SKU-17", "sku:sku-17,sku-18", "sku:*17", "sku:sku-1?", "sku:none", "-sku:sku-17"),
    ("discount:WELCOME10", "discount:fri*", "discount:none"),
    ("since:30d",),
    ("until:400d",),
    ("is:test", "is:live"),
    ("last4:4242", "last4:7919", "last4:0001,0002"),
    ("brand:visa", "brand:amex"),
    ("decline:insufficient_funds", "decline:lost_card"),
    ("method:card", "method:paypal"),
    ("funding:credit", "funding:debit"),
    ("country:US", "country:AT"),
    ("wallet:apple_pay", "-wallet:apple_pay"),
    ("network:visa", "network:amex"),
    ("risk:normal", "risk:highest"),
)
MIXED = (
    "amount:>50 sku:sku-17 hanna",
    "status:disputed sku:sku-17",
    "status:expired decline:insufficient_funds",
    "discount:welcome10 sku:sku-17",
    "email:desk@example.com sku:sku-17",
    "last4:4242 decline:lost_card",
    "attention:any sku:sku-17",
    "name:nora email:desk",
)


def test_every_key_is_tried() -> None:
    assert {text.partition(":")[0].lstrip("-") for texts in KEY_TEXTS for text in texts} == set(KEYS)


@pytest.mark.parametrize("text", [*(text for texts in KEY_TEXTS for text in texts), *MIXED])
async def test_a_filter_reads_few_of_the_orders(shop: Explaining, text: str) -> None:
    query = parse_query(text, time_zone="UTC", now=NOW)
    words = tuple(Condition("word", word=word_of(word.text)) for word in query.words)
    wanted = replace(query.wanted, conditions=(*query.wanted.conditions, *words))
    await list_orders(shop, wanted, limit=PAGE)
    assert most_rows(shop) <= SEARCHED


@pytest.mark.parametrize("words", [("nora", "wagener"), ("sku-17", "zora")])
async def test_words_that_few_orders_have_all_of_are_looked_up_together(
    shop: Explaining, words: tuple[str, str]
) -> None:
    await list_orders(shop, OrderFilter(**of_words(*words)), limit=PAGE)
    assert most_rows(shop, shop.plans[-1:]) <= ORDERS / 12  # how few depends on the sample that ANALYZE took


@pytest.mark.parametrize("glob", ["sku-17", "sku-1?", "*9"])
async def test_orders_of_a_sku_are_found_from_the_newest_id_on(
    large_shop: str, glob: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, low in (("_TRIED", 20), ("_FIRST_LOOKED_UP", 30), ("_MOST_LOOKED_UP", 150)):
        monkeypatch.setattr(order_search, name, low)
    connection = await asyncpg.connect(large_shop)
    numbers = await connection.fetch(
        "SELECT number FROM orders WHERE EXISTS (SELECT FROM order_items WHERE order_id = orders.id"
        " AND lower(sku) LIKE $1)"
        " ORDER BY created_at DESC, number DESC LIMIT 200",
        like(glob),
    )
    found: list[int] = []
    wanted, cursor = OrderFilter(conditions=(Condition("sku", (glob,)),)), None
    while len(found) < len(numbers):
        page = await list_orders(connection, wanted, limit=20, cursor=cursor, extent=Extent(thorough=True))
        found += [order.number for order in page]
        cursor = OrderCursor.after(page[-1])
    await connection.close()
    assert found[: len(numbers)] == [row["number"] for row in numbers]
    assert len(numbers) >= PAGE


@pytest.mark.parametrize("text", ["hanna", "wagen", "zimmer", "schnei", "dorfs", "nsen", "@mail.example", "mnoo"])
async def test_a_search_span_by_span_finds_what_reading_all_orders_finds(
    large_shop: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order_search, "_TRIED", 20)
    monkeypatch.setattr(order_search, "_MOST_TEXTS", 10**9)
    monkeypatch.setattr(order_search, "_MOST_ENTRIES", 10**9)
    connection = await asyncpg.connect(large_shop)
    numbers = await connection.fetch(
        "SELECT number FROM orders WHERE strpos(lower(customer_name || chr(10) || customer_email), $1) > 0"
        " ORDER BY created_at DESC, number DESC LIMIT 200",
        text,
    )
    found: list[int] = []
    cursor = None
    while len(found) < len(numbers):
        page = await list_orders(connection, OrderFilter(**of_words(text)), limit=40, cursor=cursor)
        found += [order.number for order in page]
        cursor = OrderCursor.after(page[-1])
    await connection.close()
    assert found == [row["number"] for row in numbers]
    assert numbers


async def test_a_rare_text_is_found_by_its_rarest_trigrams(shop: Explaining) -> None:
    oldest = await shop.fetchrow("SELECT customer_name, customer_email FROM orders WHERE number = 1017")
    name, email = oldest["customer_name"].split()[1], oldest["customer_email"]
    for text in (name, email):
        shop.plans.clear()
        assert [order.number for order in await list_orders(shop, OrderFilter(**of_words(text)), limit=PAGE)] == [1017]
        assert most_rows(shop, shop.plans[-1:]) <= PAGE
    rare = await shop.fetchval("SELECT rare_trigrams('zq@example.com')")
    assert "zq@" in rare
    assert not {"exa", "xam", "com"} & set(rare)


async def test_a_page_about_one_order_reads_its_own_rows(shop: Explaining) -> None:
    view = await read_view(shop, await shop.fetchval("SELECT id::text FROM orders WHERE number = 7000"))
    assert view is not None
    assert len(view.events) == 3
    assert most_rows(shop) <= PAGE


async def test_changes_since_a_time_are_read_from_there(shop: Explaining) -> None:
    snapshot = await shop.fetchval(sql("read_snapshot"))
    for days in (400, 1):
        shop.plans.clear()
        since = NOW - timedelta(days=days)
        found = await shop.fetch(sql("read_changes_since"), since, snapshot, 0, PAGE)
        assert most_rows(shop) <= 2 * PAGE
        first = await shop.fetchval("SELECT min(seq) FROM order_changes WHERE at >= $1", since)
        assert found[0]["seq"] == first


async def test_figures_read_the_rows_of_their_days(shop: Explaining) -> None:
    day = timedelta(days=1)
    await shop.fetch(sql("read_day"), NOW - day, False)
    await shop.fetch(sql("read_revenue"), NOW - 2 * day, INTERVAL, False)
    await read_trouble(shop, NOW, livemode=False)
    await read_arrivals(shop, NOW - 60 * MINUTE, MINUTE)
    await read_owed(shop, NOW - 60 * MINUTE, MINUTE)
    await count_messages(shop)
    assert most_rows(shop) <= 6 * PAGE


@pytest.mark.parametrize("text", [sign + name for name in ("created", "number") for sign in ("", "-")])
async def test_a_page_of_all_orders_in_another_sequence_reads_the_page(
    shop: Explaining, large_shop: str, text: str
) -> None:
    sort = read_sort(text)
    assert sort is not None
    database = Database(large_shop, max_size=1)
    listed = OrderList(database, OrderFilter(), sort)
    page = await listed.page(None, PAGE)
    middle = await listed.skip(None, ORDERS // 2)
    await database.close()
    assert middle is not None
    for after in (None, sort.place(page[-1]), middle):
        key, number = (None, None) if after is None else (getattr(value, "value", value) for value in after[1:])
        await shop.fetch(sql(f"sort_orders_by_{sort.name}{'_down' if sort.descending else ''}"), key, number, PAGE, 0)
    assert most_rows(shop) <= 6 * PAGE


async def test_what_lists_show_of_orders_is_read_by_index(shop: Explaining) -> None:
    ids = [row["id"] for row in await shop.fetch("SELECT id FROM orders ORDER BY created_at DESC LIMIT 50")]
    for name in ("read_row_items", "read_owners", "read_deadlines", "read_paid_with"):
        await shop.fetch(sql(name), ids)
    await shop.fetch(sql("list_orders_changed_last"), 2 * PAGE, PAGE)
    assert most_rows(shop) <= 6 * PAGE


EVENT_FILTERS: dict[str, dict[str, Any]] = {
    **{status: {"statuses": (status,)} for status in ("applied", "ignored", "failed", "dead")},
    "unhappy": {"statuses": ("failed", "dead")},
    "type": {"types": ("charge.succeeded",)},
    "types": {"types": ("charge.dispute.created", "charge.succeeded")},
    "unused type": {"types": ("invoice.paid",)},
    "then": {"since": NOW - timedelta(days=400), "until": NOW - timedelta(days=399)},
    "fingerprint": {"fingerprint": "00000000"},
}
EVENT_LISTS = {name: EventFilter(**fields) for name, fields in in_pairs(EVENT_FILTERS).items()}


@pytest.mark.parametrize("wanted", EVENT_LISTS.values(), ids=EVENT_LISTS)
async def test_a_page_of_events_reads_little_more_than_the_page(shop: Explaining, wanted: EventFilter) -> None:
    await list_events(shop, wanted, limit=PAGE)
    await list_error_groups(shop)
    assert most_rows(shop) <= 6 * PAGE


MESSAGE_FILTERS: dict[str, dict[str, Any]] = {
    **{status: {"statuses": (status,)} for status in ("queued", "sent", "failed", "dead", "skipped")},
    **{channel: {"channels": (channel,)} for channel in ("mail", "alert", "webhook")},
    "common kind": {"kinds": ("order.completed",)},
    "kind": {"kinds": ("order.refunded",)},
    "absent kind": {"kinds": ("refund.failed", "events.dead")},
    "since": {"since": NOW - timedelta(days=1)},
}
MESSAGE_LISTS = {name: MessageFilter(**fields) for name, fields in in_pairs(MESSAGE_FILTERS).items()}


@pytest.mark.parametrize("wanted", MESSAGE_LISTS.values(), ids=MESSAGE_LISTS)
async def test_a_page_of_messages_reads_little_more_than_the_page(shop: Explaining, wanted: MessageFilter) -> None:
    await list_messages(shop, wanted, limit=PAGE)
    assert most_rows(shop) <= 6 * PAGE


@pytest.mark.parametrize("statuses", [(), ("open",), ("expired",), ("open", "expired"), ("complete",)], ids=str)
@pytest.mark.parametrize("since", [None, NOW - timedelta(days=1)], ids=["ever", "since"])
async def test_a_page_of_sessions_reads_those_of_few_orders(
    shop: Explaining, statuses: tuple[str, ...], since: datetime | None
) -> None:
    found = await list_sessions(shop, statuses=statuses, since=since, limit=PAGE)
    assert most_rows(shop) <= 2 * (1000 + 2 * PAGE)
    shop.plans.clear()
    whole = await list_sessions(shop, statuses=(*statuses, "unknown") if statuses else (), since=since, limit=PAGE)
    assert whole == found


async def test_what_needs_a_person_is_read_by_index_though_thousands_of_orders_are_flagged(shop: Explaining) -> None:
    settings = load_settings({"STRIPE_API_KEY": "sk_test_0123456789abcdef"}, cwd=Path("/nowhere"))
    await shop.execute("BEGIN")
    await shop.execute("UPDATE orders SET attention = '{refund_failed}' WHERE number % 2 = 0 AND number < 11000")
    await shop.execute("ANALYZE orders (attention)")
    flagged = await shop.fetchval("SELECT count(*) FROM orders WHERE attention <> '{}' AND NOT livemode")
    shop.plans.clear()
    found = await read_todo(OnOneConnection(shop), settings)
    await shop.execute("ROLLBACK")
    assert flagged >= FLAGGED
    assert found.cut >= flagged - 200
    assert most_rows(shop) <= 1.2 * flagged  # which are sorted; of those that are shown little is read


class OnOneConnection:
    """A database with one connection, which somebody watches."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        yield self._connection


async def test_what_the_terminal_and_lookups_add_is_read_by_index(shop: Explaining) -> None:
    ids = [row["id"] for row in await shop.fetch("SELECT id FROM orders ORDER BY created_at DESC LIMIT 50")]
    session = await shop.fetchval("SELECT id FROM checkout_sessions WHERE order_id = $1", ids[-1])
    await shop.fetch(sql("read_last_events"), ids)
    await shop.fetch(sql("read_orders_by_ids"), ids)
    await shop.fetch(sql("find_orders_by_stripe_id"), session, 20)
    await shop.fetch(sql("find_orders_by_payer"), "nobody@example.com", 20, 60)
    assert most_rows(shop) <= 6 * PAGE
    await shop.fetch(sql("count_loose_rows"), 50)
    assert most_rows(shop, shop.plans[-1:]) <= 20 * PAGE  # of each channel and status


def most_rows(shop: Explaining, plans: list[dict[str, Any]] | None = None) -> int:
    """Return how many rows the busiest node of all plans handled. Fail if one reads a large table whole."""
    nodes = [node for plan in plans or shop.plans for node in nodes_of(plan) if node.get("CTE Name") != "conditions"]
    assert not [node for node in nodes if node["Node Type"] == "Seq Scan" and node["Relation Name"] in LARGE]
    return max(int(rows_of(node)) for node in nodes)


def rows_of(node: dict[str, Any]) -> float:
    removed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return float(node["Actual Loops"] * (node["Actual Rows"] + removed))
