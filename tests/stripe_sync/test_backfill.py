"""Events that were not delivered are fetched completely and once, in pages and chunks."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import aiohttp
import asyncpg
import pytest

from checkout_daemon.errors import StripeRejected
from checkout_daemon.ledger.apply import Applied
from checkout_daemon.ledger.event_types import EVENT_TYPES
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_sync.backfill import OVERLAP, Backfilled, backfill
from tests.support.fixtures import KEY
from tests.support.flaky_stripe import FlakyStripe, Request
from tests.support.stripe_events import insert_order

NOW = datetime.now(UTC)

# Each of these events is gone once the transaction that stored it has ended, as after a failover that lost it.
LOSE = """
CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql
    AS 'BEGIN DELETE FROM stripe_events WHERE id = NEW.id; RETURN NULL; END';
CREATE CONSTRAINT TRIGGER loses AFTER INSERT ON stripe_events DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.type = 'charge.succeeded') EXECUTE FUNCTION lose();
"""


async def pay(base: str, order_id: str = "") -> None:
    """Pay 50.00 eur, for an order if one is named."""
    form = {
        "amount": "5000",
        "currency": "eur",
        "confirm": "true",
        "payment_method": "pm_card_visa",
        "return_url": "http://127.0.0.1/",
    }
    if order_id:
        form["metadata[order_id]"] = order_id
    headers = {"Authorization": f"Bearer {KEY}"}
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.post(f"{base}/v1/payment_intents", data=form) as answer,
    ):
        assert answer.status == 200, await answer.text()


async def statuses(connection: asyncpg.Connection) -> dict[str, int]:
    rows = await connection.fetch("SELECT status, count(*) AS n FROM stripe_events GROUP BY status")
    return {row["status"]: row["n"] for row in rows}


async def test_missed_events_are_applied_once(
    runtime: Runtime, stripe: FlakyStripe, connection: asyncpg.Connection, database_url: str
) -> None:
    order_id = await insert_order(database_url)
    await pay(stripe.base, order_id)
    reported: list[Applied] = []

    first = await backfill(runtime, NOW, on_event=reported.append)
    again = await backfill(runtime, NOW, on_event=reported.append)

    assert first == Backfilled(scanned=2, new=2, stored=0, failed=0)
    assert again == Backfilled(scanned=2, new=0, stored=2, failed=0)
    assert [(applied.type, applied.status) for applied in reported] == [
        ("charge.succeeded", "applied"),
        ("payment_intent.succeeded", "applied"),
    ]
    assert await connection.fetchval("SELECT status FROM orders WHERE id = $1", order_id) == "completed"


async def test_an_event_that_is_not_there_after_it_was_stored_counts_as_lost(
    runtime: Runtime, stripe: FlakyStripe, connection: asyncpg.Connection
) -> None:
    await pay(stripe.base)
    await connection.execute(LOSE)
    done = await backfill(runtime, NOW)
    assert (done, done.lost) == (Backfilled(scanned=2, new=1, stored=0, failed=0), 1)
    await connection.execute("DROP TRIGGER loses ON stripe_events")
    again = await backfill(runtime, NOW)
    assert (again, again.lost) == (Backfilled(scanned=2, new=1, stored=1, failed=0), 0)


async def test_two_backfills_at_once_count_an_event_as_new_once(
    runtime: Runtime, stripe: FlakyStripe, connection: asyncpg.Connection
) -> None:
    for _ in range(5):
        await pay(stripe.base)
    one, other = await asyncio.gather(backfill(runtime, NOW), backfill(runtime, NOW))
    assert (one + other).scanned == 20
    assert (one + other).new == 10
    assert await statuses(connection) == {"ignored": 10}


async def test_it_reads_every_page_and_types_in_chunks_of_twenty(
    runtime: Runtime, stripe: FlakyStripe, connection: asyncpg.Connection
) -> None:
    for _ in range(60):
        await pay(stripe.base)
    types = [*(f"made.up{number}" for number in range(25)), *EVENT_TYPES]
    done = await backfill(runtime, NOW, types=types)
    assert (done.scanned, done.new, done.stored) == (120, 120, 0)
    assert await statuses(connection) == {"ignored": 120}


async def test_it_begins_a_while_before_the_given_time(runtime: Runtime, stripe: FlakyStripe) -> None:
    await pay(stripe.base)
    soon = datetime.now(UTC) + OVERLAP
    assert (await backfill(runtime, soon - timedelta(seconds=10))).scanned == 2
    assert (await backfill(runtime, soon + timedelta(seconds=60))).scanned == 0
    assert (await backfill(runtime, NOW, until=NOW - timedelta(seconds=5))).scanned == 0


async def test_a_delivery_that_is_under_way_is_left_to_arrive(
    runtime: Runtime, stripe: FlakyStripe, connection: asyncpg.Connection
) -> None:
    await pay(stripe.base)
    slow = asyncio.create_task(backfill(runtime, NOW, patience_seconds=1.5))
    await asyncio.sleep(0.5)
    delivered = await backfill(runtime, NOW)
    assert (delivered.new, await slow) == (2, Backfilled(scanned=2, new=0, stored=2, failed=0))


async def test_an_event_that_cannot_be_read_is_counted_as_failed_and_affects_no_other(
    runtime: Runtime, stripe: FlakyStripe, connection: asyncpg.Connection
) -> None:
    def spoil(request: Request, content: bytes) -> bytes:
        return content.replace(b'"amount_captured": 5000', b'"amount_captured": "much"')

    await pay(stripe.base)
    stripe.rewrite = spoil
    assert await backfill(runtime, NOW) == Backfilled(scanned=2, new=2, stored=0, failed=1)
    assert await statuses(connection) == {"failed": 1, "ignored": 1}


async def test_events_applied_before_stripe_failed_stay(
    runtime: Runtime, stripe: FlakyStripe, connection: asyncpg.Connection
) -> None:
    for _ in range(51):
        await pay(stripe.base)
    asked = len(stripe.requests)
    # Each page is asked for by twenty types at once, so the first one takes two requests.
    stripe.plan = lambda number, request: "reject_400" if number == asked + 2 else None
    with pytest.raises(StripeRejected):
        await backfill(runtime, NOW)
    assert await statuses(connection) == {"ignored": 100}
    assert await backfill(runtime, NOW) == Backfilled(scanned=102, new=2, stored=100, failed=0)
