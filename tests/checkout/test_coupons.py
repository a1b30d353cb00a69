"""Coupons at Stripe are deleted once their order no longer needs them, and created again for a retry."""

from __future__ import annotations

from datetime import timedelta

import asyncpg
import pytest

from checkout_daemon.checkout import coupons
from checkout_daemon.checkout.coupons import delete_spent_coupons
from checkout_daemon.checkout.session_parameters import coupon_id
from checkout_daemon.checkout.sessions import fresh_session, merge_session
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api.client import StripeMissing
from tests.support.shopping import check_out, paid_order


async def has_coupon(runtime: Runtime, order_id: str) -> bool:
    try:
        await runtime.gateway.call("x", lambda client: client.v1.coupons.retrieve_async(coupon_id(order_id)))
    except StripeMissing:
        return False
    return True


async def test_coupons_are_deleted_when_the_order_is_settled_and_created_again_for_a_retry(
    runtime: Runtime, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    paid, unpaid, open_one = (
        str((await paid_order(runtime, discount_code="TEN")).order_id),
        await check_out(runtime, discount_code="TEN"),
        str((await check_out(runtime, discount_code="TEN")).order_id),
    )
    fetched = await runtime.gateway.call("x", lambda c: c.v1.checkout.sessions.expire_async(unpaid.session_id))
    await merge_session(runtime, fetched, cause="test", actor="test")
    assert await delete_spent_coupons(runtime) == 0  # not at once: a request may be in progress
    monkeypatch.setattr(coupons, "SETTLED_FOR", timedelta(seconds=-60))
    assert await delete_spent_coupons(runtime) == 1
    assert await delete_spent_coupons(runtime) == 0
    assert not await has_coupon(runtime, paid)
    expired = str(unpaid.order_id)
    assert await has_coupon(runtime, expired)
    assert await has_coupon(runtime, open_one)

    monkeypatch.setattr(coupons, "GIVEN_UP_FOR", timedelta(seconds=-60))
    assert await delete_spent_coupons(runtime) == 1
    assert not await has_coupon(runtime, expired)
    await fresh_session(runtime, expired, least_time_left=timedelta(hours=1), actor="shopper")
    assert await has_coupon(runtime, expired)
    assert await connection.fetchval("SELECT coupon_deleted_at FROM orders WHERE id = $1", expired) is None
