"""A discount with a limit is redeemed by orders that are paid or can be paid: never by more, and by no others."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from checkout_daemon.audit.operators import Operator
from checkout_daemon.checkout.placing import CheckoutAnswer, retry_checkout, start_checkout
from checkout_daemon.checkout.resending import resend_session
from checkout_daemon.checkout.sessions import merge_session
from checkout_daemon.errors import DiscountUsedUp, InvalidRequest, StripeRejected, StripeUnavailable
from checkout_daemon.model.customer import Customer
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api.sessions import expire_session, retrieve_session
from tests.support.flaky_stripe import FlakyStripe, Request, Trouble
from tests.support.shopping import SESSIONS, a_request, check_out, count_rows, pay, sessions_at_stripe

ADA = Operator("ada", "shop1")
USED_UP = "order 1001 was not paid in time, and others have used up its discount code ONCE since: place a new order"


async def expired(runtime: Runtime) -> CheckoutAnswer:
    """Return an order with the code that can be used once, whose session has expired."""
    answer = await check_out(runtime, discount_code="ONCE")
    await merge_session(runtime, await expire_session(runtime.gateway, answer.session_id), cause="test", actor="x")
    return answer


async def is_used_up(runtime: Runtime) -> bool:
    """Return whether another shopper is refused the code. If not, they have an order with it now."""
    try:
        await check_out(runtime, discount_code="ONCE")
    except InvalidRequest as refusal:
        return [fault.code for fault in refusal.errors] == ["discount_exhausted"]
    return False


async def open_at_stripe(runtime: Runtime) -> list[str]:
    return [session["id"] for session in await sessions_at_stripe(runtime) if session["status"] == "open"]


async def shorten(connection: asyncpg.Connection) -> None:
    """Let the sessions have too little time left for a retry."""
    await connection.execute("UPDATE checkout_sessions SET expires_at = now() + interval '59 minutes'")


async def let_pass(connection: asyncpg.Connection, time: timedelta) -> None:
    """Let the attempts be older by this time."""
    await connection.execute(
        "UPDATE session_attempts SET started_at = started_at - $1::interval, parameters = jsonb_set(parameters::jsonb,"
        " '{session,expires_at}', to_jsonb((parameters::jsonb #>> '{session,expires_at}')::bigint - $2::bigint))::text",
        time,
        int(time.total_seconds()),
    )


def troubled(stripe: FlakyStripe, trouble: Trouble | None) -> None:
    """Let each request for a session have this trouble."""
    stripe.plan = lambda number, request: trouble if (request.method, request.path) == ("POST", SESSIONS) else None


async def test_a_retry_is_refused_while_others_have_used_the_code_up(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    first = await expired(runtime)
    second = await expired(runtime)
    third = await check_out(runtime, discount_code="ONCE")
    with pytest.raises(DiscountUsedUp, match=USED_UP):
        await retry_checkout(runtime, str(first.order_id))
    with pytest.raises(DiscountUsedUp, match=USED_UP):
        await resend_session(runtime, str(first.order_id), operator=ADA)
    assert await count_rows(connection, "session_attempts") == 3
    await merge_session(runtime, await expire_session(runtime.gateway, third.session_id), cause="test", actor="x")
    again = await retry_checkout(runtime, str(second.order_id))
    assert (again.status, again.amount_total) == ("pending", 3059)
    with pytest.raises(DiscountUsedUp):
        await retry_checkout(runtime, str(first.order_id))
    assert await is_used_up(runtime)
    assert await open_at_stripe(runtime) == [again.session_id]


async def test_of_several_retries_at_once_one_gets_the_last_redemption(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    orders = [await expired(runtime) for _ in range(4)]
    answers = await asyncio.gather(
        *(retry_checkout(runtime, str(order.order_id)) for order in orders), return_exceptions=True
    )
    assert sum(isinstance(answer, CheckoutAnswer) for answer in answers) == 1
    assert sum(isinstance(answer, DiscountUsedUp) for answer in answers) == 3
    assert len(await open_at_stripe(runtime)) == 1


async def test_nobody_takes_the_redemption_while_a_session_is_replaced(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    made = await check_out(runtime, discount_code="ONCE")
    await shorten(connection)
    used_up: list[bool] = []

    async def order_in_between(request: Request) -> None:
        if request.path.endswith("/expire"):  # its event is quicker than the answer
            fetched = await retrieve_session(runtime.gateway, made.session_id)
            await merge_session(runtime, fetched, cause="checkout.session.expired", actor="stripe")
            used_up.append(await is_used_up(runtime))

    stripe.before_answer = order_in_between
    renewed = await retry_checkout(runtime, str(made.order_id))
    assert set(used_up) == {True}
    assert await open_at_stripe(runtime) == [renewed.session_id]
    assert renewed.session_id != made.session_id
    assert await count_rows(connection, "session_attempts") == 2


async def replacement_broken_off(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> CheckoutAnswer:
    """Return an order with a session that was to be replaced when Stripe went away."""
    made = await start_checkout(runtime, a_request(discount_code="ONCE"), idempotency_key="key")
    await shorten(connection)
    stripe.plan = lambda number, request: "lose_request" if request.path.endswith("/expire") else None
    with pytest.raises(StripeUnavailable):
        await retry_checkout(runtime, str(made.order_id))
    stripe.plan = lambda number, request: None
    assert await open_at_stripe(runtime) == [made.session_id]
    return made


async def test_a_replacement_that_was_broken_off_leaves_one_way_to_pay(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    made = await replacement_broken_off(runtime, connection, stripe)
    again = await start_checkout(runtime, a_request(discount_code="ONCE"), idempotency_key="key")
    assert (again.order_id, again.status) == (made.order_id, "pending")
    assert await open_at_stripe(runtime) == [again.session_id]
    assert again.session_id != made.session_id


async def test_a_session_that_was_paid_although_it_was_to_be_replaced_is_not_replaced(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    made = await replacement_broken_off(runtime, connection, stripe)
    await pay(runtime, made.session_id, made.amount_total)
    await merge_session(runtime, await retrieve_session(runtime.gateway, made.session_id), cause="test", actor="x")
    again = await start_checkout(runtime, a_request(discount_code="ONCE"), idempotency_key="key")
    assert (again.session_id, again.status) == (made.session_id, "completed")
    assert len(await sessions_at_stripe(runtime)) == 1


@pytest.mark.parametrize("trouble", ["lose_request", "fail_500"])
async def test_an_order_without_an_answer_holds_its_redemption_until_its_session_would_have_ended(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe, trouble: Trouble
) -> None:
    troubled(stripe, trouble)
    with pytest.raises(StripeUnavailable):
        await start_checkout(runtime, a_request(discount_code="ONCE"), idempotency_key="key")
    troubled(stripe, None)
    assert await is_used_up(runtime)  # Stripe may have made its session
    await let_pass(connection, timedelta(minutes=121))
    assert not await is_used_up(runtime)
    with pytest.raises(DiscountUsedUp, match=USED_UP):
        await start_checkout(runtime, a_request(discount_code="ONCE"), idempotency_key="key")
    assert len(await open_at_stripe(runtime)) == 1


async def test_an_order_whose_session_stripe_refused_holds_no_redemption(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    troubled(stripe, "reject_400")
    with pytest.raises(StripeRejected):
        await start_checkout(runtime, a_request(discount_code="ONCE"), idempotency_key="key")
    troubled(stripe, None)
    assert not await is_used_up(runtime)


async def test_a_retry_without_an_answer_holds_its_redemption(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    order = await expired(runtime)
    troubled(stripe, "lose_answer")
    with pytest.raises(StripeUnavailable):
        await retry_checkout(runtime, str(order.order_id))
    troubled(stripe, None)
    assert await connection.fetchval("SELECT status FROM orders") == "expired"
    assert await is_used_up(runtime)
    again = await retry_checkout(runtime, str(order.order_id))
    assert await open_at_stripe(runtime) == [again.session_id]


async def test_an_order_of_the_other_mode_redeems_nothing_of_this_one(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    await check_out(runtime, discount_code="ONCE")
    await connection.execute("UPDATE orders SET livemode = true")
    assert not await is_used_up(runtime)


async def test_the_same_cart_again_is_refused_for_its_code_and_not_as_placed_already(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    once = await start_checkout(runtime, a_request(discount_code="ONCE"), idempotency_key="one")
    await merge_session(runtime, await expire_session(runtime.gateway, once.session_id), cause="test", actor="x")
    await check_out(runtime, discount_code="ONCE", customer=Customer("Bo", "bo@example.com", "+4930901821"))
    for _ in range(2):  # the key of a request that is refused names nothing
        with pytest.raises(InvalidRequest) as caught:
            await start_checkout(runtime, a_request(discount_code="ONCE"), idempotency_key="two")
        assert [fault.code for fault in caught.value.errors] == ["discount_exhausted"]
    without = await start_checkout(runtime, a_request(), idempotency_key="two")
    assert without.created
