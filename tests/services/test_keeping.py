"""Payloads go by whole weeks, and coupons at Stripe when no order needs them any more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from checkout_daemon.domain.session_parameters import coupon_id
from checkout_daemon.gateway.client import StripeMissing
from checkout_daemon.runtime import Runtime
from checkout_daemon.services import keeping
from checkout_daemon.services.keeping import delete_spent_coupons, drop_old_payloads
from checkout_daemon.services.sessions import fresh_session, merge_session
from checkout_daemon.store.payloads import ensure_partitions
from tests.support.shopping import check_out, paid_order


async def put_payload(connection: asyncpg.Connection, event_id: str, received_at: datetime) -> None:
    await connection.execute(
        "INSERT INTO stripe_events (id, type, status, received_at, body_hash) VALUES ($1, 't', 'applied', $2, '')",
        event_id,
        received_at,
    )
    await connection.execute("INSERT INTO stripe_event_payloads VALUES ($1, $2, '{}')", event_id, received_at)


async def test_old_weeks_are_dropped_and_events_stay(runtime: Runtime, connection: asyncpg.Connection) -> None:
    now = datetime.now(UTC)
    await ensure_partitions(connection, now - timedelta(days=150))  # and eight weeks from there
    await put_payload(connection, "evt_stray", now - timedelta(days=400))  # no week was made for it
    await put_payload(connection, "evt_old", now - timedelta(days=120))
    await put_payload(connection, "evt_young", now - timedelta(days=89))
    await put_payload(connection, "evt_new", now)
    assert await drop_old_payloads(runtime) >= 4
    left = await connection.fetch("SELECT event_id FROM stripe_event_payloads ORDER BY event_id")
    assert [row["event_id"] for row in left] == ["evt_new", "evt_young"]
    assert await connection.fetchval("SELECT count(*) FROM stripe_events") == 4
    assert await drop_old_payloads(runtime) == 0


async def test_a_reader_of_old_payloads_delays_their_end_and_holds_up_nobody(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    now = datetime.now(UTC)
    await ensure_partitions(connection, now - timedelta(days=150))
    await put_payload(connection, "evt_old", now - timedelta(days=120))
    async with connection.transaction():
        await connection.fetch("SELECT * FROM stripe_event_payloads")
        assert await drop_old_payloads(runtime) == 0
    assert await drop_old_payloads(runtime) >= 1


async def has_coupon(runtime: Runtime, order_id: str) -> bool:
    try:
        await runtime.gateway.call("x", lambda client: client.v1.coupons.retrieve_async(coupon_id(order_id)))
    except StripeMissing:
        return False
    return True


async def test_coupons_go_when_the_order_is_settled_and_come_back_for_a_retry(
    runtime: Runtime, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    paid, unpaid, open_one = (
        str((await paid_order(runtime, discount_code="TEN")).order_id),
        await check_out(runtime, discount_code="TEN"),
        str((await check_out(runtime, discount_code="TEN")).order_id),
    )
    fetched = await runtime.gateway.call("x", lambda c: c.v1.checkout.sessions.expire_async(unpaid.session_id))
    await merge_session(runtime, fetched, cause="test", actor="test")
    assert await delete_spent_coupons(runtime) == 0  # not at once: a request may be under way
    monkeypatch.setattr(keeping, "SETTLED_FOR", timedelta(seconds=-60))
    assert await delete_spent_coupons(runtime) == 1
    assert await delete_spent_coupons(runtime) == 0
    assert not await has_coupon(runtime, paid)
    expired = str(unpaid.order_id)
    assert await has_coupon(runtime, expired)
    assert await has_coupon(runtime, open_one)

    monkeypatch.setattr(keeping, "GIVEN_UP_FOR", timedelta(seconds=-60))
    assert await delete_spent_coupons(runtime) == 1
    assert not await has_coupon(runtime, expired)
    await fresh_session(runtime, expired, least_time_left=timedelta(hours=1), actor="shopper")
    assert await has_coupon(runtime, expired)
    assert await connection.fetchval("SELECT coupon_deleted_at FROM orders WHERE id = $1", expired) is None
