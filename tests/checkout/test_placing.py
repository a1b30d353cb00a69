"""From a cart to a session: repeated, concurrent, killed, and with answers lost, refused or of another total."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from checkout_daemon.catalog.pricing import PriceChanged
from checkout_daemon.checkout.placing import retry_checkout, start_checkout
from checkout_daemon.checkout.sessions import merge_session
from checkout_daemon.checkout.shopper_view import show_to_shopper
from checkout_daemon.errors import (
    IdempotencyConflict,
    InvalidRequest,
    NotFound,
    NotPayable,
    StripeRejected,
    StripeUnavailable,
)
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api.sessions import expire_session, retrieve_session
from tests.support.flaky_stripe import FlakyStripe, Request, Trouble
from tests.support.shopping import SESSIONS, a_request, check_out, count_rows, first, pay, sessions_at_stripe


async def test_an_order_and_its_items_are_saved_and_its_session_has_its_total(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    answer = await start_checkout(runtime, a_request(discount_code="TEN"), idempotency_key=None)
    assert (answer.created, answer.status, answer.amount_total, answer.currency) == (True, "pending", 3059, "eur")
    session = (await retrieve_session(runtime.gateway, answer.session_id)).object
    assert (session["amount_subtotal"], session["amount_total"], session["url"]) == (3399, 3059, answer.url)
    assert session["client_reference_id"] == session["metadata"]["order_id"] == str(answer.order_id)
    assert session["customer_email"] == "ada@example.com"
    assert session["success_url"].endswith("?session_id={CHECKOUT_SESSION_ID}")
    assert str(answer.order_id) in session["cancel_url"]
    items = await connection.fetch("SELECT sku, quantity, amount, amount_discount FROM order_items ORDER BY position")
    assert [tuple(row) for row in items] == [("NOTE", 2, 2400, 240), ("PEN", 3, 999, 100)]
    shown = await show_to_shopper(runtime, answer.session_id)
    assert shown == await show_to_shopper(runtime, str(answer.order_id))
    assert shown.retry_url == f"/api/stripe-checkout/{answer.order_id}/retry"


async def test_a_free_order_goes_through_checkout_too(runtime: Runtime, connection: asyncpg.Connection) -> None:
    answer = await start_checkout(runtime, a_request(discount_code="ALL"), idempotency_key=None)
    assert answer.amount_total == 0
    assert answer.url


async def test_a_changed_price_is_refused_with_the_new_one_and_nothing_is_written(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    with pytest.raises(PriceChanged) as caught:
        await start_checkout(runtime, a_request(expected_total=3398), idempotency_key="key")
    assert caught.value.quote.amount_total == 3399
    assert await count_rows(connection, "orders") == 0


async def test_the_same_key_and_body_give_the_same_order_and_url(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    once = await start_checkout(runtime, a_request(), idempotency_key="key")
    again = await start_checkout(runtime, a_request(), idempotency_key="key")
    assert (once.created, again.created) == (True, False)
    assert (once.order_id, once.url) == (again.order_id, again.url)
    assert len(stripe.asked(SESSIONS)) == 1
    with pytest.raises(IdempotencyConflict):
        await start_checkout(runtime, a_request(request_hash=b"other"), idempotency_key="key")
    assert await count_rows(connection, "orders") == 1


async def test_twenty_requests_with_one_key_at_once_make_one_order_and_one_session(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    answers = await asyncio.gather(*(start_checkout(runtime, a_request(), idempotency_key="key") for _ in range(20)))
    assert len({(answer.order_id, answer.url) for answer in answers}) == 1
    assert sum(answer.created for answer in answers) == 1
    assert await count_rows(connection, "orders") == 1
    assert len(await sessions_at_stripe(runtime)) == 1


async def test_a_lost_answer_is_asked_for_again_with_the_same_bytes(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    stripe.plan = first("lose_answer")
    answer = await start_checkout(runtime, a_request(), idempotency_key="key")
    asked = stripe.asked(SESSIONS)
    assert len(asked) == 2
    assert (asked[0].idempotency_key, asked[0].body) == (asked[1].idempotency_key, asked[1].body)
    assert [session["id"] for session in await sessions_at_stripe(runtime)] == [answer.session_id]


async def test_an_order_is_kept_while_stripe_is_unreachable_and_the_key_finishes_it(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    stripe.plan = lambda number, request: "lose_request"
    with pytest.raises(StripeUnavailable):
        await start_checkout(runtime, a_request(), idempotency_key="key")
    assert await count_rows(connection, "orders") == 1
    stripe.plan = lambda number, request: None
    # Prices may have changed meanwhile: the order keeps its own.
    await connection.execute("UPDATE products SET unit_amount = 9999")
    answer = await start_checkout(runtime, a_request(), idempotency_key="key")
    assert (answer.created, answer.amount_total) == (False, 3399)
    assert len({request.body for request in stripe.asked(SESSIONS)}) == 1
    assert await count_rows(connection, "orders") == 1


async def test_the_same_key_finishes_an_order_whose_daemon_was_killed_before_the_answer(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    reached = asyncio.Event()

    def plan(number: int, request: Request) -> Trouble | None:
        if request.path == SESSIONS and request.method == "POST" and not reached.is_set():
            reached.set()
            return "lose_answer"
        return None

    stripe.plan = plan
    task = asyncio.create_task(start_checkout(runtime, a_request(), idempotency_key="key"))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    answer = await start_checkout(runtime, a_request(), idempotency_key="key")
    assert [session["id"] for session in await sessions_at_stripe(runtime)] == [answer.session_id]
    assert await count_rows(connection, "session_attempts") == 1


async def test_a_stored_failure_uses_up_the_key_and_a_new_attempt_follows(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    stripe.plan = first("fail_500")
    with pytest.raises(StripeUnavailable):
        await start_checkout(runtime, a_request(), idempotency_key="key")
    answer = await start_checkout(runtime, a_request(), idempotency_key="key")
    keys = [request.idempotency_key for request in stripe.asked(SESSIONS)]
    assert keys == [f"{answer.order_id}:1", f"{answer.order_id}:2"]
    assert len(await sessions_at_stripe(runtime)) == 1


async def test_a_session_created_despite_a_stored_failure_is_adopted(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    stripe.plan = lambda number, request: "lose_answer" if request.path == SESSIONS else None
    with pytest.raises(StripeUnavailable):
        await start_checkout(runtime, a_request(), idempotency_key="key")
    stripe.plan = lambda number, request: None
    await connection.execute("UPDATE session_attempts SET rejected_at = now(), error = 'Stripe failed with 500'")
    answer = await start_checkout(runtime, a_request(), idempotency_key="key")
    assert [session["id"] for session in await sessions_at_stripe(runtime)] == [answer.session_id]
    assert await count_rows(connection, "session_attempts") == 1


async def test_a_key_that_stripe_has_forgotten_is_not_used_again(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    stripe.plan = lambda number, request: "lose_request" if request.path == SESSIONS else None
    with pytest.raises(StripeUnavailable):
        await start_checkout(runtime, a_request(), idempotency_key="key")
    stripe.plan = lambda number, request: None
    stripe.requests.clear()
    await connection.execute(
        "UPDATE session_attempts SET started_at = $1", datetime.now(UTC) - timedelta(hours=23, minutes=1)
    )
    answer = await start_checkout(runtime, a_request(), idempotency_key="key")
    assert [request.idempotency_key for request in stripe.asked(SESSIONS)] == [f"{answer.order_id}:2"]


async def test_a_refusal_by_stripe_is_passed_on_and_the_order_is_kept(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    stripe.plan = lambda number, request: (
        "reject_400" if request.path == SESSIONS and request.method == "POST" else None
    )
    for _ in range(2):
        with pytest.raises(StripeRejected):
            await start_checkout(runtime, a_request(), idempotency_key="key")
    assert await count_rows(connection, "orders") == 1
    assert await count_rows(connection, "session_attempts") == 2


async def test_a_coupon_that_already_exists_is_used(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    stripe.plan = lambda number, request: "lose_request" if request.path == SESSIONS else None
    with pytest.raises(StripeUnavailable):
        await start_checkout(runtime, a_request(discount_code="TEN"), idempotency_key="key")
    stripe.plan = lambda number, request: None
    answer = await start_checkout(runtime, a_request(discount_code="TEN"), idempotency_key="key")
    assert answer.amount_total == 3059


async def test_one_order_gets_the_last_redemption_and_returns_it_when_it_expires(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    results = await asyncio.gather(
        *(check_out(runtime, discount_code="ONCE") for _ in range(5)),
        return_exceptions=True,
    )
    made = [result for result in results if not isinstance(result, BaseException)]
    assert len(made) == 1
    assert all(isinstance(result, InvalidRequest) for result in results if isinstance(result, BaseException))
    expired = await expire_session(runtime.gateway, made[0].session_id)
    await merge_session(runtime, expired, cause="test", actor="test")
    assert (await check_out(runtime, discount_code="ONCE")).created


async def test_an_unpaid_order_holds_a_limited_redemption_for_two_hours_only(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    limited = await check_out(runtime, discount_code="ONCE")
    other = await check_out(runtime, discount_code="TEN")
    assert limited.expires_at < datetime.now(UTC) + timedelta(hours=2, minutes=1)
    assert other.expires_at > datetime.now(UTC) + timedelta(hours=23)
    expired = await expire_session(runtime.gateway, limited.session_id)
    await merge_session(runtime, expired, cause="test", actor="test")
    again = await retry_checkout(runtime, str(limited.order_id))
    assert again.expires_at < datetime.now(UTC) + timedelta(hours=2, minutes=1)


async def test_retry_returns_the_open_session_while_it_has_an_hour_left(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    made = await start_checkout(runtime, a_request(), idempotency_key=None)
    again = await retry_checkout(runtime, str(made.order_id))
    assert (again.session_id, again.url) == (made.session_id, made.url)


async def test_retry_after_expiry_makes_a_new_session_at_the_orders_prices(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    made = await start_checkout(runtime, a_request(discount_code="TEN"), idempotency_key=None)
    expired = await expire_session(runtime.gateway, made.session_id)
    await merge_session(runtime, expired, cause="test", actor="test")
    assert (await show_to_shopper(runtime, made.session_id)).order.status == "expired"
    await connection.execute("UPDATE products SET unit_amount = 9999")
    again = await retry_checkout(runtime, made.session_id)
    assert again.session_id != made.session_id
    assert (again.status, again.amount_total) == ("pending", 3059)


async def test_retry_with_too_little_time_left_expires_the_old_session_first(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    made = await start_checkout(runtime, a_request(), idempotency_key=None)
    await connection.execute("UPDATE checkout_sessions SET expires_at = now() + interval '59 minutes'")
    answers = await asyncio.gather(*(retry_checkout(runtime, str(made.order_id)) for _ in range(5)))
    assert len({answer.session_id for answer in answers}) == 1
    states = {session["id"]: session["status"] for session in await sessions_at_stripe(runtime)}
    assert states == {made.session_id: "expired", answers[0].session_id: "open"}


async def test_retry_of_an_order_that_only_stripe_knows_is_paid_is_refused_and_updates_it(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    made = await start_checkout(runtime, a_request(), idempotency_key=None)
    await pay(runtime, made.session_id, made.amount_total)
    await connection.execute("UPDATE checkout_sessions SET expires_at = now() + interval '5 minutes'")
    with pytest.raises(NotPayable):
        await retry_checkout(runtime, str(made.order_id))
    assert (await show_to_shopper(runtime, made.session_id)).order.status == "completed"
    assert (await show_to_shopper(runtime, made.session_id)).retry_url is None


async def test_an_order_of_the_other_mode_has_no_retry_url_and_refuses_a_retry(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    made = await start_checkout(runtime, a_request(), idempotency_key=None)
    await connection.execute("UPDATE orders SET livemode = true")
    assert (await show_to_shopper(runtime, str(made.order_id))).retry_url is None
    with pytest.raises(NotPayable, match="other mode"):
        await retry_checkout(runtime, str(made.order_id))


async def test_a_refused_retry_keeps_the_corrected_status(runtime: Runtime, connection: asyncpg.Connection) -> None:
    made = await start_checkout(runtime, a_request(), idempotency_key=None)
    await pay(runtime, made.session_id, made.amount_total)
    await merge_session(runtime, await retrieve_session(runtime.gateway, made.session_id), cause="test", actor="test")
    await connection.execute("UPDATE orders SET status = 'pending', paid_at = NULL")
    await connection.execute("UPDATE payments SET order_id = NULL")
    with pytest.raises(NotPayable):
        await retry_checkout(runtime, str(made.order_id))
    assert (await show_to_shopper(runtime, made.session_id)).order.status == "completed"


async def test_a_session_of_another_total_is_expired_and_refused(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    stripe.plan = lambda number, request: "lose_request" if request.path == SESSIONS else None
    with pytest.raises(StripeUnavailable):
        await start_checkout(runtime, a_request(), idempotency_key="key")
    stripe.plan = lambda number, request: None
    tampered = await connection.fetchval("SELECT parameters FROM session_attempts")
    await connection.execute("UPDATE session_attempts SET parameters = $1", tampered.replace("1200", "1100"))
    with pytest.raises(StripeRejected, match="expired"):
        await start_checkout(runtime, a_request(), idempotency_key="key")
    assert [session["status"] for session in await sessions_at_stripe(runtime)] == ["expired"]


async def test_the_payment_page_has_the_shoppers_language_on_a_retry_too(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    made = await start_checkout(runtime, a_request(locale="de-AT"), idempotency_key=None)
    assert (await retrieve_session(runtime.gateway, made.session_id)).object["locale"] == "de"
    await merge_session(runtime, await expire_session(runtime.gateway, made.session_id), cause="test", actor="test")
    again = await retry_checkout(runtime, str(made.order_id))
    assert (await retrieve_session(runtime.gateway, again.session_id)).object["locale"] == "de"


@pytest.mark.parametrize("ref", ["00000000-0000-4000-8000-000000000000", "cs_test_unknown", "1001", "x"])
async def test_an_unknown_order_is_not_found(runtime: Runtime, ref: str) -> None:
    with pytest.raises(NotFound):
        await show_to_shopper(runtime, ref)
    with pytest.raises(NotFound):
        await retry_checkout(runtime, ref)
