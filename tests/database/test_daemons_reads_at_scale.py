"""What a daemon reads for its API and its jobs is little of a large shop, with plans that fit any arguments."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

import pytest

from checkout_daemon.database.pool import Database
from checkout_daemon.database.queries import sql
from checkout_daemon.orders.order_feed import page_of_newest
from checkout_daemon.orders.order_lists import read_view
from checkout_daemon.outbox.outbox_store import MOST_COUNTED
from tests.database.large_shop import (
    MINUTE,
    NOW,
    PAGE,
    Explaining,
    GenericallyExplaining,
    OnOneConnection,
    most_rows,
    rows_of,
)
from tests.database.test_generic_plans import nodes_of

FEW = 1_000  # the smallest of the large tables, the outbox, has twice as many

DAY = timedelta(days=1)

STATEMENTS: dict[str, tuple[Any, ...]] = {
    # Events and Stripe's state
    "claim_due_event": (),
    "overdue_orders": (NOW, False, PAGE),
    "settle_hints": (),
    "hints_to_follow": (False, PAGE),
    "read_events_to_fill": (NOW - 400 * DAY, "", FEW // 2, ["charge.succeeded"]),
    "ignored_events_of_types": (["charge.succeeded", "checkout.session.completed"], PAGE),
    "count_unattributed": (NOW - DAY,),
    "doubtful_attempts": (PAGE, False),
    "drifts_to_compare": (False, PAGE),
    "claim_refund_request": (MINUTE, False),
    "claim_dispute_request": (MINUTE, False),
    "approved_cancellations": (PAGE, False),
    "next_late_payment": (False, 0),
    "undecided_fraud_warnings": (False, PAGE, NOW - 30 * DAY, ""),
    "lapsed_reservations": (PAGE,),
    "spent_coupons": (False, NOW, NOW - 7 * DAY, PAGE),
    # Messages, alerts and metrics
    "claim_messages": ("mail", PAGE, 60.0),
    "claim_webhooks": ("webhook", PAGE, 60.0),
    "spread_waiting_messages": ([],),
    "skip_messages_of_removed": (),
    "skip_unconfigured_messages": ("mail", NOW - 3 * DAY, "not set"),
    "skip_unknown_pushes": ("alert", ["phone"]),
    "owe_again": (),
    "owe_resolved": (["phone"],),
    "owe_reminders": (False, NOW - DAY, NOW - 2 * DAY, PAGE),
    "read_recovered": (False,),
    "count_messages": (False, ["mail", "alert", "webhook"], None, MOST_COUNTED),
    "disputes_near_deadline": (NOW, False, [7 * DAY, 2 * DAY]),
    "raise_dead_events": ("events.dead", False),
    "raise_dead_messages": ("outbox.dead", False),
    "oldest_unapplied": (False,),
    "read_trouble": (NOW, NOW, NOW - 14 * DAY, False),
    # Retention
    "forgettable_orders": (NOW - 90 * DAY, PAGE),
    "unapplied_events_about": (NOW - 7 * DAY, NOW, ["cs_test_none"], ["nobody@example.com"]),
    "drop_unowned_payloads_about": (NOW - 7 * DAY, NOW, ["cs_test_none"], ["nobody@example.com"]),
    "drop_foreign_payloads": (NOW - 90 * DAY, "", NOW, FEW // 2),
    "drop_unowned_charges": (NOW - 90 * DAY,),
    "drop_stray_payloads": (NOW - 90 * DAY,),
    # Checkouts
    "find_alike_orders": ("desk@example.com", False, ["SKU-42 1"]),
    "find_order_by_key": ("none",),
    "count_redemptions": ("WELCOME10", False, None),
}


@pytest.mark.parametrize("name", STATEMENTS)
async def test_a_statement_reads_few_rows(daemons_shop: GenericallyExplaining, name: str) -> None:
    await daemons_shop.execute("BEGIN")
    await daemons_shop.fetch(sql(name), *STATEMENTS[name])
    await daemons_shop.execute("ROLLBACK")
    assert most_rows(daemons_shop) <= FEW


async def test_payloads_of_erased_orders_are_looked_up_one_by_one(daemons_shop: GenericallyExplaining) -> None:
    await daemons_shop.execute("BEGIN")
    await daemons_shop.execute("UPDATE orders SET erased_at = now() WHERE number > 12950")
    await daemons_shop.fetch(sql("drop_payloads_after_erasure"), NOW - 8 * DAY, "", FEW)
    await daemons_shop.execute("ROLLBACK")
    assert most_rows(daemons_shop) <= FEW
    assert 0 < read_of(daemons_shop, "stripe_event_payloads") <= FEW


@pytest.mark.parametrize("statuses", [(), ("completed",), ("disputed", "failed")], ids=str)
async def test_a_page_of_orders_for_the_shops_systems_reads_little_more_than_the_page(
    daemons_shop: GenericallyExplaining, statuses: tuple[str, ...]
) -> None:
    database = cast("Database", OnOneConnection(daemons_shop))
    first = await page_of_newest(database, statuses=statuses, limit=PAGE)
    second = await page_of_newest(database, statuses=statuses, limit=PAGE, cursor=first.cursor)
    assert len(first.orders) == len(second.orders) == PAGE
    assert most_rows(daemons_shop) <= 6 * PAGE


async def test_a_page_of_changed_orders_looks_up_the_orders_of_the_page(daemons_shop: GenericallyExplaining) -> None:
    now = (await daemons_shop.fetchrow(sql("read_feed_end")))["snapshot"]
    daemons_shop.plans.clear()
    # Transaction 3 made all changes.
    changed = await daemons_shop.fetch(sql("read_orders_changed_between"), "3:3:", now, 0, None, PAGE)
    assert len(changed) == PAGE
    assert read_of(daemons_shop, "orders") <= PAGE
    daemons_shop.plans.clear()
    await daemons_shop.fetch(sql("read_orders_changed_since"), NOW - DAY, now, 0, None, PAGE)
    assert most_rows(daemons_shop) <= FEW


async def test_an_order_for_the_shops_systems_reads_its_own_rows(daemons_shop: GenericallyExplaining) -> None:
    view = await read_view(daemons_shop, await daemons_shop.fetchval("SELECT id::text FROM orders WHERE number = 7000"))
    assert view is not None
    assert most_rows(daemons_shop) <= PAGE


def read_of(shop: Explaining, table: str) -> float:
    """Return how many rows of a table, or of its partitions, all statements have read."""
    nodes = [node for plan in shop.plans for node in nodes_of(plan)]
    scans = [node for node in nodes if node["Node Type"].endswith("Scan")]
    return sum(rows_of(node) for node in scans if str(node.get("Relation Name")).startswith(table))
