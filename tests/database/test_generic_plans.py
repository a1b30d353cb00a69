"""Plans that are made once for any parameters still use the indexes, also those that cover only a part of a table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest

from checkout_daemon.database.pool import Database, keep_plans, settle_plans
from checkout_daemon.database.queries import all_queries, sql
from checkout_daemon.ledger.facts import RefundFact, RefundStatus
from checkout_daemon.ledger.merge import Update, merge
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
    "stripe_events",
    "outbox",
}
PLANNED = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")
READ_WHOLE = {"age_changes"}  # rewrites every change after a restore

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
    await settle_plans(connection)
    await keep_plans(connection)
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


def refunded(payment_id: str) -> Update:
    fact = RefundFact(f"re_{payment_id}", False, payment_id, RefundStatus.SUCCEEDED, 100, "eur")
    return Update("refund.created", "stripe", subject_id=payment_id, facts=[fact])


async def generic_plan(connection: asyncpg.Connection, name: str) -> list[dict[str, Any]]:
    """Return the nodes of the statement's plan for any parameters."""
    prepared = await connection.prepare(sql(name))
    await connection.execute(f"PREPARE examined AS {sql(name)}")
    try:
        nulls = ", ".join(["NULL"] * len(prepared.get_parameters()))
        text = await connection.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE examined{f'({nulls})' if nulls else ''}")
    finally:
        await connection.execute("DEALLOCATE examined")
    return list(nodes_of(json.loads(text)[0]["Plan"]))


def nodes_of(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for below in node.get("Plans", ()):
        yield from nodes_of(below)


def statement_of(text: str) -> str:
    """Return the statement without the comments above it."""
    return "\n".join(line for line in text.splitlines() if not line.startswith("--")).strip()
