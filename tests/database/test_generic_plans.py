"""Plans that are made once for any parameters still use the indexes, also those that cover only a part of a table."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from checkout_daemon.catalog.cart import Cart, CartLine, Product
from checkout_daemon.catalog.pricing import price_cart
from checkout_daemon.database.connection import GENERIC_PLANS, PLANNER, settle
from checkout_daemon.database.pool import Database
from checkout_daemon.database.queries import all_queries, sql
from checkout_daemon.ledger.facts import (
    Link,
    LinkRank,
    PaymentStatus,
    RefundFact,
    RefundStatus,
    SessionFact,
    SessionStatus,
)
from checkout_daemon.ledger.merge import Update, merge
from checkout_daemon.ledger.only_session import record_only_session
from checkout_daemon.model.customer import Customer
from checkout_daemon.orders.order_store import DeclineLimit, NewOrder, place_order
from checkout_daemon.orders.second_orders import lines_of
from checkout_daemon.orders.session_attempt_store import Attempt
from tests.support.payments import paid
from tests.support.stripe_events import insert_order

# The tables that grow with the shop.
LARGE = {
    "orders",
    "order_items",
    "order_keys",
    "order_texts",
    "order_changes",
    "session_attempts",
    "checkout_sessions",
    "links",
    "payments",
    "payment_observations",
    "charges",
    "balance_transactions",
    "stripe_events",
    "outbox",
}
PLANNED = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")
READ_WHOLE = {
    "age_changes",  # rewrites every change after a restore
    "has_test_orders",  # only `checkout doctor --live` asks
}

READ_BY_INDEX = {
    # Payloads of the newest events, for commands and the terminal: their plans are made for the number of events.
    "find_event_naming",
    "find_orders_by_id_in_payload",
    "find_orders_by_payer",
    "reconsider_events_naming",  # once, when the account of our key becomes known
}
# What is large in the filled shop.
FILLED = LARGE - {"order_keys", "balance_transactions"} | {"stripe_event_payloads"}
# Indexes of few rows, which may be read whole: of what waits, is open or needs a person.
SMALL_INDEXES = {
    "checkout_sessions_open",
    "orders_flagged",
    "orders_to_forget",
    "orders_to_ship",
    "orders_with_coupon",
    "outbox_due",
    "outbox_due_of_endpoint",
    "outbox_to_owe_again",
    "outbox_to_spread",
    "stripe_events_due",
}
LARGER = ("orders", "order_texts")
"""What the filled shop seems to have ten million of."""
# What passes rows on one by one, so that a limit above it ends a scan below it.
STREAMING = {
    "Append", "Incremental Sort", "Limit", "LockRows", "Merge Append", "Nested Loop", "ProjectSet", "Result",
    "Subquery Scan", "Unique", "WindowAgg",
}  # fmt: skip

PARTIAL = {
    "adopt_events": {"stripe_events_orphans"},
    "claim_due_event": {"stripe_events_due"},
    "count_redemptions": {"orders_redeeming"},
    "unsettled_sessions": {"checkout_sessions_of_order"},
    "overdue_orders": {"checkout_sessions_open"},
    "forgettable_orders": {"orders_to_forget"},
    "spent_coupons": {"orders_with_coupon"},
    "claim_messages": {"outbox_due"},
    "hints_to_follow": {"refund_hints_to_follow"},
    "doubtful_attempts": {"doubtful_attempts_open"},
    "claim_refund_request": {"refund_requests_due"},
}


@pytest.fixture
async def settled(connection: asyncpg.Connection) -> asyncpg.Connection:
    await settle(connection, {**PLANNER, **GENERIC_PLANS})
    return connection


async def test_no_statement_reads_a_whole_large_table(settled: asyncpg.Connection) -> None:
    names = [name for name, statement in all_queries().items() if statement_of(statement).startswith(PLANNED)]
    assert len(names) > 150
    whole = {
        (name, node["Relation Name"])
        for name in names
        for node in await generic_plan(settled, name)
        if node["Node Type"] == "Seq Scan" and node["Relation Name"] in LARGE
    }
    assert {name for name, _ in whole} == READ_WHOLE, whole


async def seem_larger(connection: asyncpg.Connection) -> None:
    """Have the planner expect ten million rows in these tables. A VACUUM in a test counts them anew."""
    for table in LARGER:
        await connection.execute(f"UPDATE pg_class SET reltuples = 10000000 WHERE oid = '{table}'::regclass")


@pytest.fixture
async def settled_in_large_shop(large_shop: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(large_shop)
    await seem_larger(connection)
    await settle(connection, {**PLANNER, **GENERIC_PLANS})
    yield connection
    await connection.close()


async def test_no_statement_reads_a_whole_index_of_a_large_shop(settled_in_large_shop: asyncpg.Connection) -> None:
    """A join that is expected to find many rows may read all of a table in the sequence of its key."""
    names = [name for name, statement in all_queries().items() if statement_of(statement).startswith(PLANNED)]
    whole = {
        (name, node["Relation Name"], node.get("Index Name"))
        for name in names
        for node in whole_scans(await plan_of(settled_in_large_shop, name))
    }
    assert {found for found in whole if found[0] not in READ_WHOLE | READ_BY_INDEX} == set()


@pytest.mark.parametrize(
    ("query", "reads"),
    [
        ("SELECT id FROM orders", ["orders"]),
        ("SELECT number FROM orders ORDER BY number", ["orders"]),
        ("SELECT max(created_at) FROM orders", []),
        ("SELECT number FROM orders ORDER BY number LIMIT 5", []),
        ("SELECT count(*) FROM (SELECT FROM orders ORDER BY number LIMIT 5) AS first", []),
        ("SELECT number FROM orders ORDER BY number LIMIT 5 OFFSET (SELECT count(id) FROM payments)", ["payments"]),
        ("SELECT number FROM orders WHERE number = 1000 ORDER BY number", []),
        ("SELECT number FROM orders WHERE attention <> '{}'", []),
        ("SELECT count(*) FROM stripe_event_payloads", ["stripe_event_payloads"]),
    ],
)
async def test_a_scan_of_a_whole_table_is_recognized(
    settled_in_large_shop: asyncpg.Connection, query: str, reads: list[str]
) -> None:
    text = await settled_in_large_shop.fetchval(f"EXPLAIN (FORMAT JSON) {query}")
    found = {table_of(node) for node in whole_scans(json.loads(text)[0]["Plan"])}
    assert found == set(reads)


@pytest.mark.parametrize("name", PARTIAL)
async def test_a_parameter_still_matches_the_partial_index(settled: asyncpg.Connection, name: str) -> None:
    used = {node.get("Index Name") for node in await generic_plan(settled, name)}
    assert used >= PARTIAL[name]


async def test_a_daemons_pool_plans_a_statement_once(database_url: str) -> None:
    database = Database(database_url, max_size=1, generic_plans=True)
    async with database.connection() as connection:
        for _ in range(7):
            await connection.fetch(sql("held_events"), [])
        planned = await connection.fetchrow(
            "SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement = $1", sql("held_events")
        )
    await database.close()
    assert planned is not None
    assert tuple(planned) == (7, 0)


async def test_merging_reads_no_large_table_whole(settled: asyncpg.Connection, database_url: str) -> None:
    """The plans within functions are not shown, but PostgreSQL counts the scans."""
    orders = [await insert_order(database_url) for _ in range(3)]
    for number, order_id in enumerate(orders):
        async with settled.transaction():
            for update in (paid(order_id, f"pi_{number}"), refunded(f"pi_{number}")):
                await merge(settled, [update])
            scans = await settled.fetch("SELECT relname, seq_scan, idx_scan FROM pg_stat_xact_user_tables")
        assert {row["relname"] for row in scans if row["seq_scan"] and row["relname"] in LARGE} == set()
        indexed = {row["relname"] for row in scans if row["idx_scan"]}
        assert indexed >= {"orders", "links", "payments", "checkout_sessions"}


async def test_a_checkout_reads_as_few_rows_of_a_large_shop_as_of_a_new_one(settled: asyncpg.Connection) -> None:
    """The plans are made while the tables are empty, when every index looks alike."""
    await settled.execute(
        "INSERT INTO products (sku, name, unit_amount, currency) VALUES ('QUILL', 'Quill', 333, 'eur')"
    )
    await check_out(settled, 0)
    await settled.execute(CROWD)
    read = await check_out(settled, 1)
    assert {"orders", "order_items", "session_attempts", "checkout_sessions", "links", "stripe_events"} <= read.keys()
    assert max(read.values()) <= 8, read


CROWD = """
INSERT INTO orders (id, currency, amount_subtotal, amount_discount, amount_total, customer_name, customer_email,
                    customer_phone, livemode)
SELECT gen_random_uuid(), 'eur', 333, 0, 333, 'N', n || '@example.com', '+1', false FROM generate_series(1, 300) AS n;
INSERT INTO session_attempts SELECT id, 1, '{}', now() FROM orders ON CONFLICT DO NOTHING;
INSERT INTO order_items SELECT id, 1, 'QUILL', 'Quill', '', 333, 1, 333, 0 FROM orders ON CONFLICT DO NOTHING;
INSERT INTO links SELECT 'cs_' || number, id, 0 FROM orders;
INSERT INTO checkout_sessions (id, livemode, order_id, status, outcome)
SELECT 'cs_' || number, false, id, 'open', 'unpaid' FROM orders;
INSERT INTO payments SELECT 'pi_' || number, id FROM orders;
INSERT INTO stripe_events (id, type, status, order_id, subject_id, received_at, body_hash)
SELECT 'evt_' || number, 'payment_intent.payment_failed', 'applied', id, 'pi_' || number, now(), '' FROM orders;
INSERT INTO stripe_events (id, type, status, reason, subject_id, received_at, body_hash)
SELECT 'evt_o' || number, 'payment_intent.payment_failed', 'ignored', 'no_order', 'pi_o' || number, now(), ''
FROM orders;
"""


async def check_out(connection: asyncpg.Connection, number: int) -> dict[str, int]:
    """Place an order and record its session; return the number of rows that were read of each large table."""
    quill = Product("QUILL", "Quill", "", None, 333, "eur", available=True)
    cart = Cart((CartLine("QUILL", 1),))
    quote = price_cart(cart, {"QUILL": quill}, None, currency="eur", now=datetime.now(UTC))
    customer = Customer("Ada", f"ada{number}@example.com", "+4930901820")
    known, key = [str(uuid4())], f"key{number}"
    new = NewOrder(
        str(uuid4()), quote, customer, False, key, b"hash", None, lines_of(cart), known, DeclineLimit(5, known)
    )
    async with connection.transaction():
        before = await rows_read(connection)
        attempt = Attempt(1, "{}", datetime.now(UTC))
        order = await place_order(connection, new, attempt, lock_key=number, check_prices=True)
        assert order is not None
        open_session = SessionFact(f"cs_new{number}", False, SessionStatus.OPEN, PaymentStatus.UNPAID, 1)
        links = [Link(open_session.id, order.id, LinkRank.OURS)]
        update = Update("session.created", "shopper", "", open_session.id, links, [open_session])
        assert await record_only_session(connection, order.terms, 1, update) is not None
        after = await rows_read(connection)
    return {table: count - before[table] for table, count in after.items()}


async def rows_read(connection: asyncpg.Connection) -> dict[str, int]:
    """Return what this connection has read of each large table and not yet reported to the other processes."""
    rows = await connection.fetch(
        "SELECT relname, seq_tup_read + idx_tup_fetch AS read FROM pg_stat_xact_user_tables WHERE relname = ANY($1)",
        list(LARGE),
    )
    return {row["relname"]: row["read"] for row in rows}


def refunded(payment_id: str) -> Update:
    fact = RefundFact(f"re_{payment_id}", False, payment_id, RefundStatus.SUCCEEDED, 100, "eur")
    return Update("refund.created", "stripe", subject_id=payment_id, facts=[fact])


async def generic_plan(connection: asyncpg.Connection, name: str) -> list[dict[str, Any]]:
    """Return the nodes of the statement's plan for any parameters."""
    return list(nodes_of(await plan_of(connection, name)))


async def plan_of(connection: asyncpg.Connection, name: str) -> dict[str, Any]:
    """Return the statement's plan for any parameters."""
    prepared = await connection.prepare(sql(name))
    await connection.execute(f"PREPARE examined AS {sql(name)}")
    try:
        # Without a time, partitions of payloads are left out.
        values = ", ".join("now()" if kind.name == "timestamptz" else "NULL" for kind in prepared.get_parameters())
        text = await connection.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE examined{f'({values})' if values else ''}")
    finally:
        await connection.execute("DEALLOCATE examined")
    plan: dict[str, Any] = json.loads(text)[0]["Plan"]
    return plan


_INDEX_SCANS = ("Index Scan", "Index Only Scan", "Bitmap Index Scan")


def whole_scans(node: dict[str, Any], *, ends: bool = False) -> Iterator[dict[str, Any]]:
    """Yield the scans that read all of a large table, or of an index of it. `ends`: a limit may end them before."""
    kind = node["Node Type"]
    if "Relation Name" in node and table_of(node) in FILLED and not ends:
        # Of a bitmap's index scans, the one below has the condition.
        scan = node["Plans"][0] if kind == "Bitmap Heap Scan" else node
        without = scan["Node Type"] in _INDEX_SCANS and "Index Cond" not in scan
        if kind == "Seq Scan" or (without and scan["Index Name"] not in SMALL_INDEXES):
            yield node
    for below in node.get("Plans", ()):
        # A limit does not end what is looked up for each row of the other side of a join, nor what a subquery reads.
        passed_on = below["Parent Relationship"] in ("Outer", "Member", "Subquery")
        yield from whole_scans(below, ends=passed_on and kind in STREAMING and (ends or kind == "Limit"))


def table_of(node: dict[str, Any]) -> str:
    """Return the table that a scan reads. The weeks of payloads are one; their default partition has next to none."""
    return re.sub(r"_w[0-9]{8}$", "", str(node["Relation Name"]))


def nodes_of(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for below in node.get("Plans", ()):
        yield from nodes_of(below)


def statement_of(text: str) -> str:
    """Return the statement without the comments above it."""
    return "\n".join(line for line in text.splitlines() if not line.startswith("--")).strip()
