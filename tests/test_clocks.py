"""A wrong clock is reported, and does no damage."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import asyncpg
import msgspec
import pytest

from checkout_daemon.audit.operators import Operator
from checkout_daemon.checkout.placing import start_checkout
from checkout_daemon.clocks import Clocks, ClocksDiffer, ahead_of_us, alert_about_clocks, compare_clocks
from checkout_daemon.database.partitions import ensure_partitions
from checkout_daemon.errors import StripeUnavailable
from checkout_daemon.events.replaying import replay
from checkout_daemon.ledger.apply import ReceivedEvent, apply_batch, retry_due_events
from checkout_daemon.ledger.translate.envelope import parse_event
from checkout_daemon.model.messages import Alert
from checkout_daemon.operations.doctor import Check, examine
from checkout_daemon.operations.retention import drop_old_payloads
from checkout_daemon.orders.order_pages import show_order
from checkout_daemon.orders.refund_rules import RefundOptions
from checkout_daemon.orders.refunding import refund, resume_refunds
from checkout_daemon.runtime import Runtime
from tests.support.flaky_stripe import FlakyStripe
from tests.support.jobs import run_job
from tests.support.orders import add_expired_order
from tests.support.shopping import SESSIONS, a_request, paid_order

ADA = Operator("ada", "shop1")
DAY = timedelta(days=1)
OLD = timedelta(days=120)


async def put_payload(connection: asyncpg.Connection, event_id: str, ago: timedelta, status: str = "applied") -> None:
    received_at = datetime.now(UTC) - ago
    await connection.execute(
        "INSERT INTO stripe_events (id, type, status, received_at, body_hash) VALUES ($1, 'x', $3, $2, '')",
        event_id,
        received_at,
        status,
    )
    payload = f'{{"id": "{event_id}", "type": "x", "data": {{"object": {{}}}}}}'
    await connection.execute("INSERT INTO stripe_event_payloads VALUES ($1, $2, $3)", event_id, received_at, payload)


async def payloads(connection: asyncpg.Connection) -> list[str]:
    rows = await connection.fetch("SELECT event_id FROM stripe_event_payloads ORDER BY event_id")
    return [row["event_id"] for row in rows]


async def alert_texts(connection: asyncpg.Connection) -> list[str]:
    rows = await connection.fetch(
        "SELECT payload FROM outbox WHERE kind = 'clocks.differ' AND channel = 'alert' ORDER BY created_at"
    )
    return [msgspec.json.decode(row["payload"], type=Alert).text for row in rows]


async def clock_check(runtime: Runtime) -> Check:
    async for check in examine(runtime.settings):
        if check.check == "clock":
            return check
    raise AssertionError


async def test_clocks_that_agree_are_not_reported(runtime: Runtime, connection: asyncpg.Connection) -> None:
    assert await alert_about_clocks(runtime) == 0
    assert (await compare_clocks(runtime)).widest < timedelta(seconds=5)
    assert await alert_texts(connection) == []
    assert (await clock_check(runtime)).ok


@pytest.mark.parametrize("sign", [1, -1])
async def test_a_difference_is_reported_once_for_each_state(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe, sign: int
) -> None:
    stripe.clock_ahead = sign * timedelta(seconds=45)
    for _ in range(2):
        await asyncio.gather(alert_about_clocks(runtime), alert_about_clocks(runtime))
    (text,) = await alert_texts(connection)
    assert "this machine's" in text
    assert ("ahead of" in text, "behind" in text) == (sign > 0, sign < 0)
    check = await clock_check(runtime)
    assert (check.ok, "nothing is deleted" in check.detail) == (False, False)
    stripe.clock_ahead = sign * timedelta(minutes=6)
    for _ in range(2):
        await alert_about_clocks(runtime)
    assert "no payload, customer, coupon or idempotency key" in (await alert_texts(connection))[-1]
    assert len(await alert_texts(connection)) == 2
    check = await clock_check(runtime)
    assert (check.ok, "nothing is deleted" in check.detail) == (False, True)
    stripe.clock_ahead = timedelta()
    assert await alert_about_clocks(runtime) == 0
    stripe.clock_ahead = sign * timedelta(seconds=45)
    assert await alert_about_clocks(runtime) == 1
    assert len(await alert_texts(connection)) == 3


async def test_nothing_is_deleted_while_the_clocks_differ_by_minutes(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    await ensure_partitions(connection, datetime.now(UTC) - OLD)
    await put_payload(connection, "evt_old", OLD)
    order_id = await add_expired_order(connection, ago=OLD)
    spent = await paid_order(runtime, discount_code="TEN")
    await connection.execute("UPDATE orders SET updated_at = now() - interval '1 day' WHERE id = $1", spent.order_id)
    await connection.execute("UPDATE session_attempts SET started_at = now() - interval '1 day'")

    async def left() -> tuple[list[str], bool, bool]:
        erased_at, deleted_at = await asyncio.gather(
            *[runtime.database.run(lambda c, q=query: c.fetchval(*q)) for query in (  # type: ignore[misc]
                ("SELECT erased_at FROM orders WHERE id = $1", order_id),
                ("SELECT coupon_deleted_at FROM orders WHERE id = $1", spent.order_id),
            )]
        )  # fmt: skip
        return await payloads(connection), erased_at is None, deleted_at is None

    for ahead in (timedelta(days=200), timedelta(days=-200), timedelta(minutes=6)):
        stripe.clock_ahead = ahead
        for job in ("drop-payloads", "forget-customers", "delete-coupons"):
            assert await run_job(runtime, job) == 0
        assert await left() == (["evt_old"], True, True)
    stripe.clock_ahead = timedelta()
    for job in ("drop-payloads", "forget-customers", "delete-coupons"):
        assert await run_job(runtime, job) >= 1
    assert await left() == ([], False, False)


async def test_nothing_is_deleted_while_stripes_time_is_unknown(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    await put_payload(connection, "evt_old", OLD)
    stripe.plan = lambda number, request: "lose_request"
    with pytest.raises(StripeUnavailable):
        await run_job(runtime, "drop-payloads")
    assert await payloads(connection) == ["evt_old"]


async def test_payloads_of_events_that_are_not_applied_stay_and_can_be_replayed(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    await ensure_partitions(connection, datetime.now(UTC) - OLD)
    for status in ("applied", "failed", "dead"):
        await put_payload(connection, f"evt_{status}", OLD, status)
        await put_payload(connection, f"evt_stray_{status}", timedelta(days=500), status)
    kept = ["evt_dead", "evt_failed", "evt_stray_dead", "evt_stray_failed"]
    for _ in range(2):
        await drop_old_payloads(runtime)
        assert await payloads(connection) == kept
    for event_id in kept:
        await replay(runtime.database, event_id, operator=ADA)
    await drop_old_payloads(runtime)
    assert await payloads(connection) == []


async def test_no_key_is_given_up_while_the_clocks_differ(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    stripe.plan = lambda number, request: "lose_request" if request.path == SESSIONS else None
    with pytest.raises(StripeUnavailable):
        await start_checkout(runtime, a_request(), idempotency_key="key")
    stripe.plan = lambda number, request: None
    await connection.execute("UPDATE session_attempts SET started_at = started_at - interval '24 hours'")
    stripe.clock_ahead = -DAY
    with pytest.raises(ClocksDiffer, match="behind this machine's") as caught:
        await start_checkout(runtime, a_request(), idempotency_key="key")
    assert (caught.value.status, caught.value.code) == (503, "stripe_unavailable")
    assert await connection.fetchval("SELECT count(*) FROM session_attempts") == 1
    stripe.clock_ahead = timedelta()
    assert (await start_checkout(runtime, a_request(), idempotency_key="key")).number == 1001


async def test_no_refund_is_given_up_while_the_clocks_differ(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    order = await paid_order(runtime)
    stripe.plan = lambda number, request: "lose_request" if request.path == "/v1/refunds" else None
    with pytest.raises(StripeUnavailable):
        await refund(runtime, str(order.order_id), RefundOptions(amount=100), operator=ADA)
    stripe.plan = lambda number, request: None
    due = "UPDATE refund_requests SET started_at = started_at - interval '24 hours', next_attempt_at = now()"
    await connection.execute(due)
    stripe.clock_ahead = -DAY
    with pytest.raises(ClocksDiffer):
        await resume_refunds(runtime)
    assert await connection.fetchval("SELECT answered_at FROM refund_requests") is None
    stripe.clock_ahead = timedelta()
    await connection.execute(due)
    assert await resume_refunds(runtime) == 1
    assert await connection.fetchval("SELECT error FROM refund_requests") is not None
    assert (await show_order(runtime.database, str(order.number))).order.amount_refunded == 0


async def test_an_event_is_retried_although_a_wrong_clock_set_its_next_attempt(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    await put_payload(connection, "evt_1", DAY, "failed")
    await connection.execute("UPDATE stripe_events SET next_attempt_at = now() + interval '200 days'")
    assert await retry_due_events(runtime.database) == 1


@pytest.mark.parametrize("days", [200, -200])
async def test_an_event_received_by_a_wrong_clock_is_stored_with_the_databases_time(
    runtime: Runtime, connection: asyncpg.Connection, days: int
) -> None:
    event = parse_event(b'{"id": "evt_1", "type": "x", "data": {"object": {}}}')
    await apply_batch(runtime.database, [ReceivedEvent(event, datetime.now(UTC) + timedelta(days=days))])
    received_at = await connection.fetchval("SELECT received_at FROM stripe_events")
    assert abs(received_at - datetime.now(UTC)) < timedelta(minutes=5)
    assert await connection.fetchval("SELECT received_at FROM stripe_event_payloads") == received_at
    await drop_old_payloads(runtime)
    assert await payloads(connection) == ["evt_1"]


def test_differences_within_a_round_trip_count_as_agreement() -> None:
    now = datetime.now(UTC)
    assert ahead_of_us(now - timedelta(seconds=20), now - timedelta(seconds=30)) == timedelta()
    assert ahead_of_us(now - timedelta(seconds=40), now - timedelta(seconds=30)) == timedelta(seconds=-10)
    assert ahead_of_us(now - timedelta(seconds=31), now - timedelta(seconds=30), precision=timedelta(seconds=1)) == (
        timedelta()
    )


def test_the_machine_whose_clock_is_wrong_is_named() -> None:
    hour = timedelta(hours=1)
    assert Clocks(hour, hour).description.startswith("this machine's clock (")
    assert "is 1 h behind the database's and Stripe's" in Clocks(hour, hour).description
    assert "the database's clock is 1 h ahead of this machine's" in Clocks(hour, timedelta()).description
    assert Clocks(timedelta(), -hour).widest == hour
    assert replace(Clocks(), database=hour).widest == hour
