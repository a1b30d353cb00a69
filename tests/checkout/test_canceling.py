"""An order is canceled only after Stripe has confirmed that nobody can pay it any more."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest

from checkout_daemon.audit.audit_log import verify
from checkout_daemon.audit.operators import Operator
from checkout_daemon.checkout.canceling import NotCancelable, cancel_order
from checkout_daemon.checkout.placing import retry_checkout, start_checkout
from checkout_daemon.errors import NotFound, NotPayable, StripeUnavailable
from checkout_daemon.ledger.facts import PaymentStatus, SessionFact, SessionStatus
from checkout_daemon.ledger.merge import Update, merge
from checkout_daemon.orders.order_pages import show_order
from checkout_daemon.runtime import Runtime
from tests.support.flaky_stripe import FlakyStripe
from tests.support.payments import paid
from tests.support.shopping import SESSIONS, a_request, check_out, first, paid_order, pay, sessions_at_stripe

ADA = Operator("ada", "shop1")


async def statuses_at_stripe(runtime: Runtime) -> list[str]:
    return sorted(session["status"] for session in await sessions_at_stripe(runtime))


async def test_the_session_is_expired_before_the_order_is_canceled(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    answer = await check_out(runtime)
    order = await cancel_order(runtime, str(answer.order_id), operator=ADA, note="ordered twice")
    assert order.status == "canceled"
    assert await statuses_at_stripe(runtime) == ["expired"]
    (*_, change) = (await show_order(runtime.database, order.id)).changes
    assert (change.cause, change.actor, change.note) == ("order.canceled", "ada@shop1", "ordered twice")
    with pytest.raises(NotCancelable, match="it is canceled already"):
        await cancel_order(runtime, order.id, operator=ADA)
    with pytest.raises(NotPayable):
        await retry_checkout(runtime, order.id)
    assert [tuple(row) for row in await connection.fetch("SELECT kind, actor FROM acts")] == [("canceled", "ada@shop1")]
    assert (await verify(runtime.database)).entries == 1


async def test_nothing_is_canceled_while_stripe_is_unreachable(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    answer = await check_out(runtime)
    stripe.plan = lambda number, request: "lose_request"
    with pytest.raises(StripeUnavailable):
        await cancel_order(runtime, str(answer.order_id), operator=ADA)
    assert (await show_order(runtime.database, str(answer.number))).order.status == "pending"
    stripe.plan = lambda number, request: "lose_request" if request.method == "POST" else None
    with pytest.raises(StripeUnavailable):
        await cancel_order(runtime, str(answer.order_id), operator=ADA)
    assert await connection.fetchval("SELECT count(*) FROM acts") == 0


async def test_a_paid_processing_or_mismatched_order_is_refused_even_if_only_stripe_knows(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    known, secretly, on_its_way, other = [
        await paid_order(runtime),
        *[await check_out(runtime) for _ in range(3)],
    ]
    await pay(runtime, secretly.session_id, secretly.amount_total)
    debited = SessionFact(on_its_way.session_id, False, SessionStatus.COMPLETE, PaymentStatus.UNPAID)
    updates = [Update("test", "stripe", facts=[debited]), paid(str(other.order_id), "pi_less", amount=1)]
    await runtime.database.run(merge, updates)

    async def refused(order: Any, why: str) -> None:
        with pytest.raises(NotCancelable, match=why) as caught:
            await cancel_order(runtime, str(order.order_id), operator=ADA)
        assert caught.value.exit_code == 4

    await refused(known, "it is completed: `checkout orders refund 1001` gives money back")
    await refused(secretly, "it is completed")
    await refused(on_its_way, "it is processing")
    await refused(other, r"does not match it \(amount_mismatch\)")
    with pytest.raises(NotFound):
        await cancel_order(runtime, "00000000-0000-0000-0000-000000000000", operator=ADA)
    assert await connection.fetchval("SELECT count(*) FROM acts") == 0


@pytest.mark.parametrize("trouble", ["lose_request", "lose_answer", "fail_500"])
async def test_an_attempt_without_an_answer_is_settled_first_and_its_checkout_cannot_return(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe, trouble: Any
) -> None:
    stripe.plan = lambda number, request: trouble if request.path == SESSIONS else None
    with pytest.raises(StripeUnavailable):
        await start_checkout(runtime, a_request(), idempotency_key="key")
    stripe.plan = lambda number, request: None
    order_id = str(await connection.fetchval("SELECT id FROM orders"))
    assert (await cancel_order(runtime, order_id, operator=ADA)).status == "canceled"
    assert "open" not in await statuses_at_stripe(runtime)
    if trouble == "fail_500":
        with pytest.raises(NotPayable, match="is canceled"):
            await start_checkout(runtime, a_request(), idempotency_key="key")
    else:
        assert (await start_checkout(runtime, a_request(), idempotency_key="key")).status == "canceled"
    assert "open" not in await statuses_at_stripe(runtime)


async def test_a_concurrent_retry_leaves_no_way_to_pay(runtime: Runtime, connection: asyncpg.Connection) -> None:
    answer = await check_out(runtime)
    await connection.execute("UPDATE checkout_sessions SET expires_at = now() + interval '10 minutes'")
    order_id = str(answer.order_id)
    outcomes = await asyncio.gather(
        retry_checkout(runtime, order_id),
        cancel_order(runtime, order_id, operator=ADA),
        return_exceptions=True,
    )
    canceled = (await show_order(runtime.database, order_id)).order.status == "canceled"
    assert canceled or isinstance(outcomes[1], NotPayable | StripeUnavailable), outcomes
    assert (await statuses_at_stripe(runtime)).count("open") == (0 if canceled else 1)


async def test_the_order_is_canceled_after_a_lost_answer_to_the_expiry(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    answer = await check_out(runtime)
    stripe.plan = first("lose_answer", f"{SESSIONS}/{answer.session_id}/expire")
    assert (await cancel_order(runtime, str(answer.order_id), operator=ADA)).status == "canceled"
    assert await statuses_at_stripe(runtime) == ["expired"]
