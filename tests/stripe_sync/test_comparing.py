"""An order is compared with Stripe, and updated from Stripe's facts."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from checkout_daemon.checkout.placing import CheckoutAnswer
from checkout_daemon.errors import NotFound, StripeUnavailable
from checkout_daemon.ledger.facts import RefundFact, RefundStatus
from checkout_daemon.ledger.merge import Update, load_all, merge
from checkout_daemon.orders.order_pages import show_order
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_sync.comparing import Difference, Synced, sync_order
from tests.support.flaky_stripe import FlakyStripe
from tests.support.shopping import check_out, first, paid_order, pay, sessions_at_stripe
from tests.support.waiting import until


async def sync(runtime: Runtime, order: CheckoutAnswer | str, **options: Any) -> Synced:
    order_id = order if isinstance(order, str) else str(order.order_id)
    return await sync_order(runtime, order_id, **{"cause": "session.sync", "actor": "ada@shop1"} | options)


async def ask(runtime: Runtime, path: str, params: dict[str, Any]) -> dict[str, Any]:
    return (await runtime.gateway.post("test", path, params, idempotency_key=str(uuid4()))).object


async def payment_of(runtime: Runtime, order: CheckoutAnswer) -> str:
    (found,) = [session for session in await sessions_at_stripe(runtime) if session["id"] == order.session_id]
    return str(found["payment_intent"])


async def test_a_payment_that_was_not_delivered_is_reported_and_then_merged(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    order = await check_out(runtime)
    await pay(runtime, order.session_id, order.amount_total)
    payment = await payment_of(runtime, order)

    seen = await sync(runtime, order, apply=False)
    assert (seen.status_before, seen.status, seen.applied) == ("pending", "completed", False)
    assert set(seen.differences) == {
        Difference(order.session_id, "status", "open", "complete"),
        Difference(order.session_id, "payment_status", "unpaid", "paid"),
        Difference(payment, "amount", None, "€33.99"),
    }
    assert seen.left == seen.differences
    assert (await show_order(runtime.database, str(order.order_id))).order.status == "pending"

    done = await sync(runtime, order, note="they called")
    assert (done.status, done.differences, done.left) == ("completed", seen.differences, ())
    view = await show_order(runtime.database, str(order.order_id))
    assert view.order.status == "completed"
    last = view.changes[-1]
    assert (last.cause, last.actor, last.note) == ("session.sync", "ada@shop1", "they called")
    again = await sync(runtime, order)
    assert (again.differences, again.status_before, again.status) == ((), "completed", "completed")
    assert len((await show_order(runtime.database, str(order.order_id))).changes) == len(view.changes)


async def test_the_ids_of_stripes_objects_are_locked_before_the_order(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    """As by every merge: an event of the payment holds its id, and may need the order next."""
    order = await check_out(runtime)
    await pay(runtime, order.session_id, order.amount_total)
    event = Update("payment_intent.created", "stripe", subject_id=await payment_of(runtime, order))

    async def is_waiting() -> bool:
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        return bool(await connection.fetchval(waiting))

    async with asyncio.TaskGroup() as group, connection.transaction():
        await load_all(connection, [event])
        syncing = group.create_task(sync(runtime, order))
        await until(is_waiting)
        await connection.execute("SELECT FROM orders WHERE id = $1 FOR NO KEY UPDATE NOWAIT", order.order_id)
    assert syncing.result().status == "completed"


async def test_refunds_and_disputes_that_were_not_delivered_are_merged(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    order = await paid_order(runtime)
    payment = await payment_of(runtime, order)
    refund = await ask(runtime, "/v1/refunds", {"payment_intent": payment, "amount": 399})
    intent = await runtime.gateway.call("get", lambda client: client.v1.payment_intents.retrieve_async(payment))
    charge = intent.object["latest_charge"]
    dispute = await ask(runtime, f"/v1/test_helpers/charges/{charge}/dispute", {"reason": "fraudulent"})
    done = await sync(runtime, order)
    assert {(d.object_id, d.field, d.stored, d.at_stripe) for d in done.differences} == {
        (refund["id"], "status", None, "succeeded"),
        (refund["id"], "amount", None, "€3.99"),
        (dispute["id"], "status", None, "needs_response"),
        (dispute["id"], "amount", None, "€33.99"),
    }
    assert (done.status, done.amount_refunded, done.attention) == ("disputed", 399, ("dispute_needs_response",))
    await ask(runtime, f"/v1/disputes/{dispute['id']}/close", {})
    closed = await sync(runtime, order)
    assert closed.differences == (Difference(dispute["id"], "status", "needs_response", "lost"),)
    assert closed.attention == ("dispute_lost",)


async def test_the_evidence_of_a_dispute_is_filled_where_it_is_unknown_and_compared_where_it_is_known(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    order = await paid_order(runtime)
    payment = await payment_of(runtime, order)
    intent = await runtime.gateway.call("get", lambda client: client.v1.payment_intents.retrieve_async(payment))
    dispute = await ask(
        runtime, f"/v1/test_helpers/charges/{intent.object['latest_charge']}/dispute", {"reason": "fraudulent"}
    )
    await sync(runtime, order)
    held = "SELECT network_reason, has_evidence, submission_count, past_due FROM disputes"
    at_stripe = await connection.fetchrow(held)
    assert at_stripe is not None
    assert None not in at_stripe.values()

    # as a release stored it that did not read them
    await connection.execute(
        "UPDATE disputes SET network_reason = NULL, has_evidence = NULL, submission_count = NULL, past_due = NULL"
    )
    filled = await sync(runtime, order)
    assert (filled.differences, await connection.fetchrow(held)) == ((), at_stripe)
    await ask(
        runtime, f"/v1/disputes/{dispute['id']}", {"evidence": {"uncategorized_text": "Delivered."}, "submit": False}
    )
    changed = await sync(runtime, order)
    assert changed.differences == (Difference(dispute["id"], "has_evidence", "False", "True"),)


async def test_a_session_whose_answer_was_lost_is_found_again(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    stripe.plan = lambda number, request: "lose_answer" if request.method == "POST" else None
    with pytest.raises(StripeUnavailable):
        await check_out(runtime)
    stripe.plan = first("lose_answer", "/nothing")
    order_id = str(await connection.fetchval("SELECT id FROM orders"))
    (session,) = await sessions_at_stripe(runtime)
    assert session["client_reference_id"] == order_id
    await pay(runtime, session["id"], 3399)
    done = await sync(runtime, order_id)
    assert (done.status_before, done.status) == ("pending", "completed")
    assert await connection.fetchval("SELECT session_id FROM session_attempts") == session["id"]
    assert await connection.fetchval("SELECT attempt FROM checkout_sessions") == 1
    assert (await sync(runtime, order_id)).differences == ()


async def test_a_fact_that_stripe_does_not_know_is_reported_and_left_to_a_person(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    order = await paid_order(runtime)
    payment = await payment_of(runtime, order)
    made_up = RefundFact("re_made_up", False, payment, RefundStatus.SUCCEEDED, 100, "eur")
    await runtime.database.run(merge, [Update("test", "test", subject_id=payment, facts=[made_up])])
    done = await sync(runtime, order)
    assert done.differences == (Difference("re_made_up", "status", "succeeded", None, fixable=False),)
    assert done.left == done.differences


async def test_an_order_that_does_not_exist_and_a_stripe_that_does_not_answer(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    with pytest.raises(NotFound):
        await sync(runtime, "70cc88c7-68e2-4cf2-a46e-933955a2fd42")
    order = await check_out(runtime)
    stripe.plan = lambda number, request: "lose_request"
    with pytest.raises(StripeUnavailable):
        await sync(runtime, order)
    assert (await show_order(runtime.database, str(order.order_id))).order.status == "pending"


async def test_a_shopper_who_stopped_at_three_d_secure_is_no_difference(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    order = await check_out(runtime)
    card = {"number": "4000002760003184", "exp_month": 12, "exp_year": 2040, "cvc": "123"}
    await pay(runtime, order.session_id, order.amount_total, type="card", card=card)
    assert (await payment_of(runtime, order)).startswith("pi_")
    for apply in (False, True, False):
        done = await sync(runtime, order, apply=apply)
        assert (done.differences, done.status) == ((), "pending")
