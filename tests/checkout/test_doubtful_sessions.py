"""Sessions that Stripe creates although it answered with a 500 are found later and never a second way to pay."""

from __future__ import annotations

import asyncio
import json
import logging
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from checkout_daemon.audit.operators import Operator
from checkout_daemon.checkout.doubtful_sessions import settle_doubtful_sessions
from checkout_daemon.checkout.placing import CheckoutAnswer, start_checkout
from checkout_daemon.checkout.sessions import merge_session
from checkout_daemon.errors import StripeUnavailable
from checkout_daemon.orders.explaining import explain_order
from checkout_daemon.orders.order_lists import OrderView
from checkout_daemon.orders.order_pages import show_order
from checkout_daemon.patience import shopper_waits
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api.client import StripeFailed
from checkout_daemon.stripe_api.payments import list_disputes, list_refunds
from checkout_daemon.stripe_api.sessions import expire_session, list_coupons, retrieve_session
from checkout_daemon.stripe_sync.our_endpoint import create, endpoints_for
from checkout_daemon.stripe_sync.reconciling import reconcile
from tests.support.flaky_stripe import FlakyStripe, Request
from tests.support.shopping import SESSIONS, a_request, first, paid_order, pay, sessions_at_stripe

COUPONS = "/v1/coupons"
ENDPOINTS = "/v1/webhook_endpoints"


async def statuses(runtime: Runtime) -> dict[str, str]:
    return {session["id"]: session["status"] for session in await sessions_at_stripe(runtime)}


async def settle_now(runtime: Runtime, connection: asyncpg.Connection, *, hours: int = 0) -> int:
    """Run the job a minute and some hours later."""
    await wait(connection, hours)
    return await settle_doubtful_sessions(runtime)


async def wait(connection: asyncpg.Connection, hours: int) -> None:
    await connection.execute(
        "UPDATE doubtful_attempts SET since = since - span, looked_at = looked_at - span"
        " FROM make_interval(hours => $1, mins => 1) AS span",
        hours,
    )


async def failed_then_made(runtime: Runtime, stripe: FlakyStripe) -> CheckoutAnswer:
    """Return an order whose first session Stripe answered with a 500 and holds back, and whose second exists."""
    stripe.plan = first("fail_500_late")
    with pytest.raises(StripeFailed):
        await start_checkout(runtime, a_request(), idempotency_key="key")
    return await start_checkout(runtime, a_request(), idempotency_key="key")


async def shown(runtime: Runtime) -> OrderView:
    return await show_order(runtime.database, "1001")


async def test_a_session_that_appears_after_a_new_one_is_expired(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    made = await failed_then_made(runtime, stripe)
    assert await settle_now(runtime, connection) == 1
    await stripe.let_through()
    assert sorted((await statuses(runtime)).values()) == ["open", "open"]
    assert await settle_doubtful_sessions(runtime) == 0  # it was looked for a moment ago
    await wait(connection, hours=1)
    assert sum(await asyncio.gather(settle_doubtful_sessions(runtime), settle_doubtful_sessions(runtime))) == 1
    after = await statuses(runtime)
    assert after.pop(made.session_id) == "open"
    assert list(after.values()) == ["expired"]
    assert [(line.attempt, line.status) for line in (await shown(runtime)).sessions] == [(1, "expired"), (2, "open")]
    assert await settle_now(runtime, connection, hours=30) == 0


async def test_a_late_session_is_adopted_if_the_order_has_no_other(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    stripe.plan = first("fail_500_late")
    with pytest.raises(StripeFailed):
        await start_checkout(runtime, a_request(), idempotency_key="key")
    (finding, *_) = (await explain_order(runtime.database, "1001")).findings
    assert (finding.code, "leaves open whether it made one: Stripe failed with 500" in finding.description) == (
        "session_unanswered",
        True,
    )
    await stripe.let_through()
    assert await settle_now(runtime, connection) == 1
    answer = await start_checkout(runtime, a_request(), idempotency_key="key")
    assert await statuses(runtime) == {answer.session_id: "open"}


async def test_a_late_session_that_was_paid_closes_the_other(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    made = await failed_then_made(runtime, stripe)
    await stripe.let_through()
    (late,) = set(await statuses(runtime)) - {made.session_id}
    await pay(runtime, late, made.amount_total)
    assert await settle_now(runtime, connection) == 1
    assert await statuses(runtime) == {made.session_id: "expired", late: "complete"}
    assert ((await shown(runtime)).order.status, (await shown(runtime)).order.attention) == ("completed", ())


async def test_the_order_needs_attention_if_both_sessions_are_paid(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    made = await failed_then_made(runtime, stripe)
    await stripe.let_through()
    for session_id in await statuses(runtime):
        await pay(runtime, session_id, made.amount_total)
    fetched = await retrieve_session(runtime.gateway, made.session_id)
    await merge_session(runtime, fetched, cause="test", actor="stripe")
    assert await settle_now(runtime, connection) == 1
    assert (await shown(runtime)).order.attention == ("paid_twice",)


async def test_the_order_needs_attention_if_a_given_up_session_is_paid(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    made = await failed_then_made(runtime, stripe)
    assert await settle_now(runtime, connection, hours=25) == 1
    assert await settle_now(runtime, connection, hours=25) == 0
    await expire_session(runtime.gateway, made.session_id)
    await stripe.let_through()
    (late,) = set(await statuses(runtime)) - {made.session_id}
    await pay(runtime, late, made.amount_total)
    fetched = await retrieve_session(runtime.gateway, late)
    await merge_session(runtime, fetched, cause="checkout.session.completed", actor="stripe")
    order = (await shown(runtime)).order
    assert (order.status, order.attention) == ("completed", ("appeared_late",))


async def test_the_log_names_the_order_of_a_session_that_cannot_be_adopted_or_is_given_up(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "checkout_daemon.checkout.doubtful_sessions")
    await failed_then_made(runtime, stripe)
    assert await settle_now(runtime, connection, hours=25) == 1
    assert "attempt 1 of order 1001 is given up" in caplog.text
    await connection.execute("UPDATE doubtful_attempts SET closed_at = NULL")
    await stripe.let_through()
    stripe.plan = lambda number, request: (
        "reject_400" if request.method == "GET" and request.path.startswith(f"{SESSIONS}/") else None
    )
    assert await settle_now(runtime, connection, hours=50) == 1
    assert "of order 1001, attempt 1, which appeared late, could not be adopted: " in caplog.text
    assert "`checkout orders explain 1001` shows the order" in caplog.text


async def test_an_incomplete_list_does_not_prove_that_a_session_is_absent(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    other = await paid_order(runtime)
    payment = (await show_order(runtime.database, str(other.number))).payments[0].id
    stripe.plan = first("fail_500_late")
    with pytest.raises(StripeFailed):
        await start_checkout(runtime, a_request(insist=True), idempotency_key="key")

    def cut_off(request: Request, content: bytes) -> bytes:
        lists = ("/v1/refunds", "/v1/disputes", ENDPOINTS, SESSIONS)
        if request.method == "GET" and request.path in lists:
            return json.dumps(json.loads(content) | {"data": [], "has_more": True}).encode()
        return content

    stripe.rewrite = cut_off
    with pytest.raises(StripeUnavailable, match="not all of them could be seen"):
        await start_checkout(runtime, a_request(insist=True), idempotency_key="key")
    with pytest.raises(StripeUnavailable):
        await settle_now(runtime, connection)
    assert await connection.fetchval("SELECT count(*) FROM session_attempts") == 2
    assert await connection.fetchval("SELECT looked_at FROM doubtful_attempts") is None
    for seen in (list_refunds(runtime.gateway, payment), list_disputes(runtime.gateway, payment)):
        with pytest.raises(StripeUnavailable):
            await seen
    with pytest.raises(StripeUnavailable):
        await endpoints_for(runtime.gateway, "https://shop.example/api/webhook")


async def test_clocks_that_differ_do_not_hide_a_session(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    """The attempt started by a clock that was two hours ahead of Stripe's."""
    stripe.plan = first("fail_500_late")
    with pytest.raises(StripeFailed):
        await start_checkout(runtime, a_request(), idempotency_key="key")
    await connection.execute("UPDATE session_attempts SET started_at = started_at + interval '2 hours'")
    await stripe.let_through()
    answer = await start_checkout(runtime, a_request(), idempotency_key="key")
    assert await statuses(runtime) == {answer.session_id: "open"}


async def test_a_failed_coupon_does_not_use_up_the_session_key(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    stripe.plan = first("fail_500_late", COUPONS)
    with pytest.raises(StripeFailed):
        await start_checkout(runtime, a_request(discount_code="TEN"), idempotency_key="key")
    await stripe.let_through()
    answer = await start_checkout(runtime, a_request(discount_code="TEN"), idempotency_key="key")
    assert [request.idempotency_key for request in stripe.asked(SESSIONS)] == [f"{answer.order_id}:1"]


@pytest.mark.parametrize("done_all_the_same", [True, False])
async def test_after_a_failed_expiry_the_session_is_read(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe, done_all_the_same: bool
) -> None:
    answer = await start_checkout(runtime, a_request(), idempotency_key="key")
    path = f"{SESSIONS}/{answer.session_id}/expire"
    stripe.plan = first("fail_500_done" if done_all_the_same else "fail_500_late", path)
    if done_all_the_same:
        assert (await expire_session(runtime.gateway, answer.session_id)).object["status"] == "expired"
    else:
        with pytest.raises(StripeFailed):
            await expire_session(runtime.gateway, answer.session_id)
        assert await statuses(runtime) == {answer.session_id: "open"}


async def test_an_endpoint_created_despite_a_failure_is_deleted_because_its_secret_is_lost(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    url = "https://shop.example/api/webhook"

    async def made_first(request: Request) -> None:
        if request.path == ENDPOINTS and request.method == "POST":
            stripe.plan = lambda number, request: None

    stripe.before_answer = made_first
    stripe.plan = lambda number, request: (
        "lose_answer" if request.path == ENDPOINTS and request.method == "POST" else None
    )
    made = await create(runtime.gateway, url, lambda _: None)  # the same call, repeated with the same key
    assert [endpoint.id for endpoint in await endpoints_for(runtime.gateway, url)] == [made.endpoint.id]
    stripe.before_answer = None
    other = "https://other.example/api/webhook"
    stripe.plan = lambda number, request: (
        "lose_answer" if request.path == ENDPOINTS and request.method == "POST" else None
    )
    with pytest.raises(StripeUnavailable, match="its secret was lost, so it was deleted: run"):
        await create(runtime.gateway, other, lambda _: None)
    assert await endpoints_for(runtime.gateway, other) == []
    stripe.plan = first("fail_500_late", ENDPOINTS)
    with pytest.raises(StripeFailed, match="not known whether Stripe created the endpoint"):
        await create(runtime.gateway, other, lambda _: None)


async def test_a_secret_is_not_lost_if_its_endpoint_cannot_be_marked(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    url = "https://shop.example/api/webhook"
    stripe.plan = lambda number, request: "fail_500" if request.path.startswith(f"{ENDPOINTS}/") else None
    made = await create(runtime.gateway, url, lambda _: None)
    assert made.secret.startswith("whsec_")
    assert [endpoint.id for endpoint in await endpoints_for(runtime.gateway, url)] == [made.endpoint.id]


async def test_a_coupon_that_appears_after_its_deletion_is_a_difference_and_is_deleted(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    order = await paid_order(runtime, discount_code="TEN")
    own = await paid_order(runtime, discount_code="TEN")
    coupon = f"co-{order.order_id}"
    # Its deletion was recorded, and another request of ours had its effect after that.
    await connection.execute("UPDATE orders SET coupon_deleted_at = now() WHERE id = $1", order.order_id)
    since = datetime.now(UTC) - timedelta(days=1)
    found: list[str] = []

    async def compare(*, apply: bool) -> int:
        found.clear()
        done = await reconcile(
            runtime,
            since=since,
            apply=apply,
            operator=Operator("ada", "shop1"),
            on_outcome=lambda outcome: found.extend(
                difference.object_id for difference in getattr(outcome, "differences", ())
            ),
        )
        return done.tally.left

    assert (await compare(apply=False), found) == (1, [coupon])
    assert (await compare(apply=True), found) == (0, [coupon])
    assert (await compare(apply=False), found) == (0, [])
    assert [coupon["id"] for coupon in await list_coupons(runtime.gateway)] == [f"co-{own.order_id}"]


async def test_while_a_shopper_waits_only_the_minutes_around_the_attempt_are_searched(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    """Two days of sessions take longer than a shopper waits; the job that searches them leaves one way to pay."""
    stripe.plan = first("fail_500_late")
    with pytest.raises(StripeFailed):
        await start_checkout(runtime, a_request(), idempotency_key="key")
    await connection.execute("UPDATE session_attempts SET started_at = started_at + interval '2 hours'")
    await stripe.let_through()
    with shopper_waits():
        answer = await start_checkout(runtime, a_request(), idempotency_key="key")
    assert len(stripe.asked(SESSIONS, "GET")) == 1
    await settle_now(runtime, connection)
    open_ones = [session_id for session_id, status in (await statuses(runtime)).items() if status == "open"]
    assert open_ones == [answer.session_id]


async def test_a_copy_with_an_unknown_status_does_not_hide_the_attempts_session(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    stripe.plan = first("fail_500_late")
    with pytest.raises(StripeFailed):
        await start_checkout(runtime, a_request(), idempotency_key="key")
    await stripe.let_through()

    def doubled(request: Request, content: bytes) -> bytes:
        if (request.method, request.path) != ("GET", SESSIONS):
            return content
        page = json.loads(content)
        odd = [session | {"id": f"{session['id']}x", "status": "paused"} for session in page["data"]]
        return json.dumps(page | {"data": page["data"] + odd}).encode()

    stripe.rewrite = doubled
    answer = await start_checkout(runtime, a_request(), idempotency_key="key")
    stripe.rewrite = lambda request, content: content
    assert await statuses(runtime) == {answer.session_id: "open"}
