"""Sessions that are shorter than a day are reused, replaced and asked for within the time that Stripe allows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from checkout_daemon.audit.operators import Operator
from checkout_daemon.checkout.canceling import cancel_order
from checkout_daemon.checkout.placing import retry_checkout, start_checkout
from checkout_daemon.checkout.resending import resend_session
from checkout_daemon.errors import StripeUnavailable
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api.sessions import expire_session
from tests.support.flaky_stripe import FlakyStripe, Trouble
from tests.support.shopping import SESSIONS, a_request, check_out, sessions_at_stripe

ADA = Operator("ada", "shop1")


def lasting(runtime: Runtime, minutes: int) -> Runtime:
    """Return the runtime with CHECKOUT_SESSION_MINUTES."""
    return replace(runtime, settings=replace(runtime.settings, session_minutes=minutes))


async def statuses(runtime: Runtime) -> dict[str, str]:
    return {session["id"]: session["status"] for session in await sessions_at_stripe(runtime)}


@pytest.mark.parametrize("minutes", [31, 60, 119])
async def test_a_retry_returns_a_short_session_until_less_than_half_of_it_is_left(
    runtime: Runtime, connection: asyncpg.Connection, minutes: int
) -> None:
    shop = lasting(runtime, minutes)
    made = await check_out(shop)
    again = await retry_checkout(shop, str(made.order_id))
    assert (again.session_id, again.url) == (made.session_id, made.url)
    await connection.execute("UPDATE checkout_sessions SET expires_at = now() + interval '14 minutes'")
    renewed = await retry_checkout(shop, str(made.order_id))
    assert (await retry_checkout(shop, str(made.order_id))).session_id == renewed.session_id
    assert await statuses(shop) == {made.session_id: "expired", renewed.session_id: "open"}


@pytest.mark.parametrize("minutes", [31, 60])
async def test_a_short_session_is_resent_and_replaced_once_it_has_ended(
    runtime: Runtime, connection: asyncpg.Connection, minutes: int
) -> None:
    shop = lasting(runtime, minutes)
    made = await check_out(shop)
    resent = await resend_session(shop, str(made.order_id), operator=ADA, mail=False)
    assert resent.session_id == made.session_id
    await expire_session(shop.gateway, made.session_id)
    renewed = await resend_session(shop, str(made.order_id), operator=ADA, mail=False)
    assert await statuses(shop) == {made.session_id: "expired", renewed.session_id: "open"}


async def without_answer(shop: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe, trouble: Trouble) -> None:
    """Place an order whose session has no answer, and let time pass until the session would end in 25 minutes."""
    stripe.plan = lambda number, request: trouble if (request.method, request.path) == ("POST", SESSIONS) else None
    with pytest.raises(StripeUnavailable):
        await start_checkout(shop, a_request(), idempotency_key="key")
    stripe.plan = lambda number, request: None
    stripe.requests.clear()
    ends_at = datetime.now(UTC) + timedelta(minutes=25)
    await connection.execute(
        "UPDATE session_attempts"
        " SET parameters = jsonb_set(parameters::jsonb, '{session,expires_at}', to_jsonb($1::bigint))::text",
        int(ends_at.timestamp()),
    )


async def test_an_attempt_that_stripe_would_refuse_by_now_is_not_asked_for_again(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    shop = lasting(runtime, 60)
    await without_answer(shop, connection, stripe, "lose_request")
    answer = await start_checkout(shop, a_request(), idempotency_key="key")
    assert [request.idempotency_key for request in stripe.asked(SESSIONS)] == [f"{answer.order_id}:2"]
    assert await statuses(shop) == {answer.session_id: "open"}


async def test_the_session_that_such_an_attempt_has_at_stripe_is_adopted(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    shop = lasting(runtime, 60)
    await without_answer(shop, connection, stripe, "lose_answer")
    answer = await start_checkout(shop, a_request(), idempotency_key="key")
    assert stripe.asked(SESSIONS) == []
    assert await statuses(shop) == {answer.session_id: "open"}


async def test_an_order_with_such_an_attempt_is_canceled_at_once(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    shop = lasting(runtime, 60)
    await without_answer(shop, connection, stripe, "lose_request")
    order_id = str(await connection.fetchval("SELECT id FROM orders"))
    assert (await cancel_order(shop, order_id, operator=ADA)).status == "canceled"
    assert stripe.asked(SESSIONS) == []
