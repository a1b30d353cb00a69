"""Refunds: Stripe makes each once, whoever asks twice and whatever gets lost; impossible ones are refused."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import aiohttp
import asyncpg
import pytest

from checkout_daemon.audit import audit_store
from checkout_daemon.audit.audit_log import verify
from checkout_daemon.audit.operators import Operator
from checkout_daemon.checkout.placing import CheckoutAnswer
from checkout_daemon.errors import CheckoutError, InvalidRequest, NotFound, StripeRejected, StripeUnavailable
from checkout_daemon.ledger.facts import DisputeFact, DisputeStatus, Link, LinkRank
from checkout_daemon.ledger.merge import Update, merge
from checkout_daemon.orders import refunding
from checkout_daemon.orders.explaining import explain_order
from checkout_daemon.orders.notes import acknowledge
from checkout_daemon.orders.order_lists import OrderView
from checkout_daemon.orders.order_pages import show_order
from checkout_daemon.orders.refund_rules import NotRefundable, RefundOptions, RefundUnderWay, SeveralPayments
from checkout_daemon.orders.refunding import Refunded, plan_refund, refund, resume_refunds
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api.client import StripeFailed
from checkout_daemon.stripe_api.payments import list_refunds
from checkout_daemon.stripe_sync.comparing import sync_order
from tests.support.flaky_stripe import FlakyStripe
from tests.support.payments import paid
from tests.support.shopping import check_out, first, paid_order
from tests.support.stripe_events import insert_order

ADA = Operator("ada", "shop1")
REFUNDS = "/v1/refunds"


@pytest.fixture
async def order(runtime: Runtime, connection: asyncpg.Connection) -> CheckoutAnswer:
    """Return a paid order of 33.99 eur."""
    return await paid_order(runtime)


async def ask(runtime: Runtime, order: CheckoutAnswer, **options: Any) -> Refunded:
    return await refund(runtime, str(order.order_id), RefundOptions(**options), operator=ADA, note="broken")


async def shown(runtime: Runtime, order: CheckoutAnswer) -> OrderView:
    return await show_order(runtime.database, str(order.number))


async def at_stripe(runtime: Runtime, order: CheckoutAnswer) -> list[int]:
    payment = (await shown(runtime, order)).payments[0].id
    return [made.object["amount"] for made in await list_refunds(runtime.gateway, payment)]


async def kinds(runtime: Runtime, order: CheckoutAnswer) -> list[str]:
    async with runtime.database.connection() as connection:
        return [entry.kind for entry in await audit_store.read_entries(connection, str(order.order_id))]


async def resume_now(connection: asyncpg.Connection, runtime: Runtime) -> int:
    await connection.execute("UPDATE refund_requests SET next_attempt_at = now()")
    return await resume_refunds(runtime)


async def test_a_part_and_then_the_rest_is_refunded_and_both_are_in_the_audit_log(
    runtime: Runtime, order: CheckoutAnswer
) -> None:
    some = await ask(runtime, order, amount=1000, reason="requested_by_customer")
    assert (some.amount, some.status, some.order_status, some.amount_refunded) == (
        1000,
        "succeeded",
        "partially_refunded",
        1000,
    )
    rest = await ask(runtime, order)
    assert (rest.amount, rest.order_status, rest.amount_refunded) == (2399, "refunded", 3399)
    assert await at_stripe(runtime, order) == [2399, 1000]
    with pytest.raises(NotRefundable, match="it is refunded"):
        await ask(runtime, order)
    assert await kinds(runtime, order) == ["refund.requested", "refund.made"] * 2
    async with runtime.database.connection() as connection:
        (asked, made, *_) = await audit_store.read_entries(connection, str(order.order_id))
    assert json.loads(asked.personal or "") == {"note": "broken"}
    assert json.loads(asked.details)["reason"] == "requested_by_customer"
    assert json.loads(made.before)["status"] == "completed"
    assert json.loads(made.after) == {"status": "partially_refunded", "attention": [], "amount_refunded": 1000}
    assert (await verify(runtime.database)).faults == []


async def test_two_at_once_are_one_refund(runtime: Runtime, order: CheckoutAnswer) -> None:
    outcomes = await asyncio.gather(*(ask(runtime, order) for _ in range(2)), return_exceptions=True)
    (done,) = [outcome for outcome in outcomes if isinstance(outcome, Refunded)]
    (refused,) = [outcome for outcome in outcomes if isinstance(outcome, CheckoutError)]
    assert isinstance(refused, RefundUnderWay | NotRefundable)
    assert refused.exit_code == 4
    assert await at_stripe(runtime, order) == [done.amount] == [3399]


@pytest.mark.parametrize("trouble", ["lose_request", "lose_answer", "refuse_429"])
async def test_a_refund_without_an_answer_blocks_the_next_and_a_job_finishes_it(
    runtime: Runtime, order: CheckoutAnswer, connection: asyncpg.Connection, stripe: FlakyStripe, trouble: Any
) -> None:
    stripe.plan = lambda number, request: trouble if request.path == REFUNDS else None
    with pytest.raises(StripeUnavailable, match="a running daemon continues it"):
        await ask(runtime, order, amount=1000)
    with pytest.raises(RefundUnderWay, match="€10"):
        await ask(runtime, order, amount=500)
    with pytest.raises(RefundUnderWay):
        await plan_refund(runtime.database, str(order.order_id), RefundOptions())
    assert await resume_refunds(runtime) == 0  # its command may still be waiting
    with pytest.raises(StripeUnavailable):
        await resume_now(connection, runtime)
    stripe.plan = lambda number, request: None
    await connection.execute("UPDATE refund_requests SET next_attempt_at = now()")
    assert sum(await asyncio.gather(resume_refunds(runtime), resume_refunds(runtime))) == 1
    assert await resume_now(connection, runtime) == 0
    assert await at_stripe(runtime, order) == [1000]
    assert len({(request.idempotency_key, request.body) for request in stripe.asked(REFUNDS)}) == 1
    assert (await shown(runtime, order)).order.amount_refunded == 1000
    assert await kinds(runtime, order) == ["refund.requested", "refund.made"]


@pytest.mark.parametrize("made_anyway", [True, False])
async def test_after_a_stored_500_the_refund_is_looked_for(
    runtime: Runtime, order: CheckoutAnswer, stripe: FlakyStripe, made_anyway: bool
) -> None:
    if made_anyway:
        tried = iter([True])

        async def fail_at_first(request: Any) -> None:
            if request.path == REFUNDS and next(tried, False):
                stripe.rewrite = lambda request, content: content
                stripe.plan = first("fail_500", REFUNDS)

        stripe.before_answer = fail_at_first
        stripe.plan = first("lose_answer", REFUNDS)
        done = await ask(runtime, order, amount=1000)
        assert (done.amount, done.amount_refunded) == (1000, 1000)
        assert await at_stripe(runtime, order) == [1000]
    else:
        stripe.plan = first("fail_500", REFUNDS)
        with pytest.raises(StripeFailed, match=r"500.*not known whether.*do not ask for it again.*6 hours") as caught:
            await ask(runtime, order, amount=1000)
        assert caught.value.exit_code == 5
        assert await at_stripe(runtime, order) == []
        assert await kinds(runtime, order) == ["refund.requested"]


async def hours_later(connection: asyncpg.Connection, hours: int) -> None:
    await connection.execute(
        "UPDATE refund_requests SET started_at = started_at - make_interval(hours => $1) WHERE answered_at IS NULL",
        hours,
    )


async def test_a_refund_made_after_its_500_is_found_and_no_second_one_is_possible_meanwhile(
    runtime: Runtime, order: CheckoutAnswer, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    stripe.plan = lambda number, request: (
        "fail_500_late" if request.path == REFUNDS and request.method == "POST" else None
    )
    with pytest.raises(StripeFailed):
        await ask(runtime, order, amount=1000)
    for _ in range(3):
        with pytest.raises(RefundUnderWay, match=r"under way.*do not ask again"):
            await ask(runtime, order, amount=1000)
        await hours_later(connection, 1)
        assert await resume_now(connection, runtime) == 1
    await stripe.let_through()
    assert await resume_now(connection, runtime) == 1
    assert await at_stripe(runtime, order) == [1000]
    assert await kinds(runtime, order) == ["refund.requested", "refund.made"]
    view = await shown(runtime, order)
    assert (view.order.amount_refunded, view.order.attention) == (1000, ())


async def test_a_refund_that_appears_after_its_request_was_given_up_asks_for_attention(
    runtime: Runtime, order: CheckoutAnswer, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    stripe.plan = lambda number, request: (
        "fail_500_late" if request.path == REFUNDS and request.method == "POST" else None
    )
    with pytest.raises(StripeFailed):
        await ask(runtime, order, amount=1000)
    await hours_later(connection, 7)
    assert await resume_now(connection, runtime) == 1
    assert (await kinds(runtime, order))[-1] == "refund.refused"
    stripe.plan = lambda number, request: None
    again = await ask(runtime, order, amount=1000)
    assert (await shown(runtime, order)).order.attention == ()
    await stripe.let_through()
    compared = await sync_order(runtime, str(order.order_id), cause="session.synced", actor=ADA)
    assert len(await at_stripe(runtime, order)) == 2
    assert compared.attention == ("appeared_late",)
    view = await shown(runtime, order)
    assert (view.order.amount_refunded, view.order.attention) == (2000, ("appeared_late",))
    late = next(line.id for line in view.refunds if line.id != again.refund_id)
    explained = await explain_order(runtime.database, str(order.number))
    (finding,) = [found for found in explained.findings if found.code == "appeared_late"]
    assert late in finding.description
    assert finding.command == f"checkout orders ack {order.number} appeared_late"
    once_more = await sync_order(runtime, str(order.order_id), cause="session.synced", actor=ADA)
    assert [(difference.object_id, difference.field) for difference in once_more.left] == [(late, "request")]
    await acknowledge(runtime.database, str(order.order_id), "appeared_late", operator=ADA)
    assert (await shown(runtime, order)).order.attention == ()
    assert (await sync_order(runtime, str(order.order_id), cause="session.synced", actor=ADA)).left == ()


async def test_a_revoked_api_key_does_not_close_an_earlier_request(
    runtime: Runtime, order: CheckoutAnswer, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    stripe.plan = lambda number, request: "lose_answer" if request.path == REFUNDS else None
    with pytest.raises(StripeUnavailable):
        await ask(runtime, order, amount=1000)
    stripe.plan = lambda number, request: "deny_401"
    assert await resume_now(connection, runtime) == 1
    with pytest.raises(RefundUnderWay):
        await ask(runtime, order, amount=1000)


async def test_a_refund_that_nobody_may_look_for_is_closed_after_a_day(
    runtime: Runtime, order: CheckoutAnswer, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    stripe.plan = lambda number, request: "lose_answer" if request.path == REFUNDS else None
    with pytest.raises(StripeUnavailable):
        await ask(runtime, order, amount=1000)
    stripe.plan = lambda number, request: "deny_401" if request.path == REFUNDS else None
    await hours_later(connection, 20)
    assert await resume_now(connection, runtime) == 1
    assert (await kinds(runtime, order))[-1] == "refund.requested"
    await hours_later(connection, 5)
    assert await resume_now(connection, runtime) == 1
    assert (await kinds(runtime, order))[-1] == "refund.refused"
    error = await connection.fetchval("SELECT error FROM refund_requests")
    assert "does not list the refunds" in error
    assert "look there whether it was made before you request it again" in error
    # It was made: once Stripe reports it, a person must look.
    stripe.plan = lambda number, request: None
    compared = await sync_order(runtime, str(order.order_id), cause="session.synced", actor=ADA)
    assert compared.attention == ("appeared_late",)


async def test_after_a_day_a_refund_is_looked_for_before_it_is_requested_again(
    runtime: Runtime, order: CheckoutAnswer, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    """If our clock is slow, Stripe has forgotten the key earlier than we think."""
    stripe.plan = lambda number, request: "lose_answer" if request.path == REFUNDS else None
    with pytest.raises(StripeUnavailable):
        await ask(runtime, order, amount=1000)
    stripe.plan = lambda number, request: None
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{stripe.base}/sandbox/clock", json={"advance": "25h"}) as answer,
    ):
        assert answer.status == 200
    assert await resume_now(connection, runtime) == 1
    assert await at_stripe(runtime, order) == [1000]


async def test_a_refund_made_before_a_backup_was_restored_is_not_made_again(
    runtime: Runtime, order: CheckoutAnswer, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    asked: dict[str, Any] = {
        "operator": ADA,
        "request_id": str(uuid4()),
        "requested_at": datetime.now(UTC) - timedelta(hours=25),
    }
    first_made = await refund(runtime, str(order.order_id), RefundOptions(1000), **asked)
    for table in ("refund_requests", "refunds"):
        await connection.execute(f"DELETE FROM {table}")
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{stripe.base}/sandbox/clock", json={"advance": "25h"}) as answer,
    ):
        assert answer.status == 200
    again = await refund(runtime, str(order.order_id), RefundOptions(1000), **asked)
    assert again.refund_id == first_made.refund_id
    assert await at_stripe(runtime, order) == [1000]


@pytest.mark.parametrize(
    ("status", "refused"),
    [
        ("needs_response", "is open: answer it (`checkout disputes evidence dp_1`)"),
        ("lost", "is lost, so the customer already has the money"),
        ("under_review", "is answered, and the customer's bank decides"),
        ("warning_needs_response", None),
    ],
)
async def test_a_disputed_payment_is_refunded_only_while_it_is_an_inquiry(
    runtime: Runtime, database_url: str, status: str, refused: str | None
) -> None:
    order_id = await insert_order(database_url)
    now = datetime.now(UTC)
    dispute = DisputeFact("dp_1", False, "pi_1", DisputeStatus(status), None, 5000, "eur", None, now, "evt_1")
    updates = [paid(order_id, "pi_1"), Update("test", "stripe", subject_id="pi_1", facts=[dispute])]
    await runtime.database.run(merge, updates)
    if refused is None:
        assert (await plan_refund(runtime.database, order_id, RefundOptions())).amount == 5000
        return
    for options in (RefundOptions(), RefundOptions(payment_id="pi_1")):
        with pytest.raises(NotRefundable, match=r"its dispute dp_1 is.*`checkout orders explain 1001`") as caught:
            await plan_refund(runtime.database, order_id, options)
        assert refused in caught.value.detail
        assert caught.value.exit_code == 4


async def test_a_process_that_was_suspended_longer_than_its_claim_leaves_the_refund_to_others(
    runtime: Runtime, order: CheckoutAnswer, connection: asyncpg.Connection, stripe: FlakyStripe,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    with monkeypatch.context() as patched:
        patched.setattr(refunding, "RESUME_AFTER", timedelta())  # any time is too long
        with pytest.raises(StripeUnavailable, match="a running daemon continues it"):
            await ask(runtime, order, amount=1000)
        with pytest.raises(StripeUnavailable, match="suspended"):
            await resume_now(connection, runtime)
    assert stripe.asked(REFUNDS) == []
    assert await resume_now(connection, runtime) == 1
    assert await at_stripe(runtime, order) == [1000]


async def test_a_key_that_stripe_has_forgotten_is_not_used_again(
    runtime: Runtime, order: CheckoutAnswer, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    async def a_day_later() -> None:
        stripe.plan = lambda number, request: None
        await connection.execute("UPDATE refund_requests SET started_at = started_at - interval '24 hours'")
        asked = len(stripe.asked(REFUNDS))
        assert await resume_now(connection, runtime) == 1
        assert len(stripe.asked(REFUNDS)) == asked

    stripe.plan = lambda number, request: "lose_answer" if request.path == REFUNDS else None
    with pytest.raises(StripeUnavailable):
        await ask(runtime, order, amount=1000)
    await a_day_later()
    assert (await shown(runtime, order)).order.amount_refunded == 1000
    stripe.plan = lambda number, request: "lose_request" if request.path == REFUNDS else None
    with pytest.raises(StripeUnavailable):
        await ask(runtime, order, amount=500)
    await a_day_later()
    assert await at_stripe(runtime, order) == [1000]
    assert (await kinds(runtime, order))[-1] == "refund.refused"


async def test_a_refusal_after_a_lost_answer_does_not_allow_a_second_refund(
    runtime: Runtime, order: CheckoutAnswer, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    stripe.plan = lambda number, request: "lose_answer" if request.path == REFUNDS else None
    with pytest.raises(StripeUnavailable):
        await ask(runtime, order, amount=1000)
    stripe.plan = lambda number, request: "reject_400"  # as with a key that was revoked meanwhile
    assert await resume_now(connection, runtime) == 1
    with pytest.raises(RefundUnderWay):
        await ask(runtime, order, amount=1000)
    stripe.plan = lambda number, request: "reject_400" if request.method == "POST" else None
    assert await resume_now(connection, runtime) == 1
    assert (await shown(runtime, order)).order.amount_refunded == 1000
    assert await at_stripe(runtime, order) == [1000]


async def test_a_refusal_is_reported_in_stripes_words_and_allows_the_next_refund(
    runtime: Runtime, order: CheckoutAnswer
) -> None:
    payment = (await shown(runtime, order)).payments[0].id
    await runtime.gateway.call(  # in the Dashboard, without an event
        "refund", lambda client: client.v1.refunds.create_async(params={"payment_intent": payment, "amount": 3000})
    )
    with pytest.raises(StripeRejected, match="greater than unrefunded amount on charge") as caught:
        await ask(runtime, order)
    assert caught.value.exit_code == 1
    (*_, change) = (await shown(runtime, order)).changes
    assert (change.cause, change.actor) == ("refund.refused", "ada@shop1")
    assert "greater than unrefunded amount" in change.note
    assert (await ask(runtime, order, amount=399)).status == "succeeded"


async def test_an_impossible_refund_is_refused_without_asking_stripe(
    runtime: Runtime, order: CheckoutAnswer, stripe: FlakyStripe
) -> None:
    with pytest.raises(NotRefundable, match=r"€34\.00 is more than the €33\.99 left"):
        await ask(runtime, order, amount=3400)
    with pytest.raises(InvalidRequest, match="a refund is at most 9007199254740992 in minor units"):
        await ask(runtime, order, amount=10**30)
    with pytest.raises(NotFound, match="no payment 'pi_other'"):
        await ask(runtime, order, payment_id="pi_other")
    with pytest.raises(NotRefundable, match="nothing was paid for order 1002 yet: it is pending"):
        await ask(runtime, await check_out(runtime))
    with pytest.raises(NotRefundable, match="order 1003 was free"):
        await ask(runtime, await paid_order(runtime, discount_code="ALL"))
    with pytest.raises(InvalidRequest):
        await refund(runtime, str(order.order_id), RefundOptions(), operator=ADA, note="\0")
    with pytest.raises(NotFound):
        await refund(runtime, "00000000-0000-0000-0000-000000000000", RefundOptions(), operator=ADA)
    assert stripe.asked(REFUNDS) == []


async def test_a_second_payment_is_refunded_by_its_id_and_clears_the_attention(
    runtime: Runtime, order: CheckoutAnswer, connection: asyncpg.Connection
) -> None:
    other = await paid_order(runtime)
    second = (await shown(runtime, other)).payments[0].id
    # The other order's payment turns out to be this one's.
    await connection.execute("DELETE FROM links")
    mine = (await shown(runtime, order)).payments[0].id
    links = [Link(payment, str(order.order_id), LinkRank.METADATA) for payment in (mine, second)]
    await runtime.database.run(merge, [Update("test", "stripe", subject_id=mine, links=links)])
    assert (await shown(runtime, order)).order.attention == ("paid_twice",)
    with pytest.raises(SeveralPayments, match=f"--payment {second}  €33") as caught:
        await ask(runtime, order)
    assert caught.value.exit_code == 2
    done = await ask(runtime, order, payment_id=second)
    assert (done.payment_id, done.amount, done.order_status) == (second, 3399, "completed")
    assert (await shown(runtime, order)).order.attention == ()


async def test_a_payment_that_does_not_match_is_refunded_to_its_own_amount(runtime: Runtime, database_url: str) -> None:
    order_id = await insert_order(database_url)
    await runtime.database.run(merge, [paid(order_id, "pi_less", amount=4000)])
    planned = await plan_refund(runtime.database, order_id, RefundOptions())
    assert (planned.payment_id, planned.amount, planned.left_afterwards) == ("pi_less", 4000, 0)
    with pytest.raises(StripeRejected, match="No such payment_intent"):  # made up here
        await refund(runtime, order_id, RefundOptions(), operator=ADA)
