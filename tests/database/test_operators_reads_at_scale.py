"""What operators look at besides orders reads few rows of a shop with many."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from checkout_daemon.checkout.session_lists import list_sessions
from checkout_daemon.database.queries import sql
from checkout_daemon.events.event_lists import EventFilter, list_error_groups, list_events
from checkout_daemon.orders.figures import INTERVAL, read_arrivals, read_owed, read_trouble
from checkout_daemon.orders.todo import read_todo
from checkout_daemon.outbox.outbox_store import MessageFilter, count_messages, list_messages
from checkout_daemon.settings import load_settings
from tests.database.large_shop import (
    MINUTE,
    NOW,
    PAGE,
    Explaining,
    OnOneConnection,
    in_pairs,
    most_rows,
)

FLAGGED = 5_000

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


async def test_the_events_of_an_order_are_read_by_index_also_those_that_only_name_it(shop: Explaining) -> None:
    order_id = await shop.fetchval(
        "SELECT payload::jsonb #>> '{data,object,metadata,order_id}' FROM stripe_events AS event"
        " JOIN stripe_event_payloads AS held ON held.event_id = event.id AND held.received_at = event.received_at"
        " WHERE status = 'failed' ORDER BY event.received_at DESC LIMIT 1"
    )
    shop.plans.clear()
    found = await list_events(shop, EventFilter(order_id=order_id), limit=PAGE)
    assert sorted(event.status for event in found) == ["applied", "applied", "failed"]
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
