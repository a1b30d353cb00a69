"""Resent links and expired sessions: one way to pay at a time, and none if Stripe knows of a payment."""

from __future__ import annotations

import asyncio
import json

import asyncpg
import pytest

from checkout_daemon.audit import audit_store
from checkout_daemon.audit.audit_log import verify
from checkout_daemon.audit.operators import Operator
from checkout_daemon.checkout.expiring import SessionNotOpen, expire_sessions
from checkout_daemon.checkout.placing import CheckoutAnswer
from checkout_daemon.checkout.resending import Resent, resend_session
from checkout_daemon.checkout.sessions import merge_session
from checkout_daemon.errors import NotFound, NotPayable, StripeUnavailable
from checkout_daemon.orders.order_pages import show_order
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api.sessions import expire_session, retrieve_session
from tests.support.flaky_stripe import FlakyStripe
from tests.support.shopping import SESSIONS, check_out, pay, sessions_at_stripe

ADA = Operator("ada", "shop1")
MAILS = "SELECT kind, subject_id, payload FROM outbox WHERE channel = 'mail' ORDER BY created_at, subject_id"


@pytest.fixture
async def order(runtime: Runtime, connection: asyncpg.Connection) -> CheckoutAnswer:
    """Return an unpaid order of 30.59 EUR with a discount."""
    return await check_out(runtime, discount_code="TEN")


async def resend(runtime: Runtime, order: CheckoutAnswer, *, mail: bool = True) -> Resent:
    return await resend_session(runtime, str(order.order_id), operator=ADA, note="asked by phone", mail=mail)


async def open_at_stripe(runtime: Runtime) -> list[str]:
    return [session["id"] for session in await sessions_at_stripe(runtime) if session["status"] == "open"]


async def test_an_open_session_with_an_hour_left_is_resent(
    runtime: Runtime, order: CheckoutAnswer, connection: asyncpg.Connection
) -> None:
    resent = await resend(runtime, order)
    assert (resent.session_id, resent.url, resent.mailed) == (order.session_id, order.url, True)
    (mail,) = await connection.fetch(MAILS)
    assert (mail["kind"], mail["subject_id"]) == ("session.link", order.session_id)
    assert json.loads(mail["payload"]) == {"session_id": order.session_id}
    await resend(runtime, order)  # the first mail still waits and has the same link
    assert len(await connection.fetch(MAILS)) == 1
    await connection.execute("UPDATE outbox SET status = 'sent'")
    await resend(runtime, order)
    assert [row["subject_id"] for row in await connection.fetch(MAILS)] == [order.session_id, f"{order.session_id}#2"]
    assert (await resend(runtime, order, mail=False)).mailed is False
    (*_, change) = (await show_order(runtime.database, str(order.number))).changes
    assert (change.cause, change.actor, change.note) == ("session.resent", "ada@shop1", "asked by phone")
    async with runtime.database.connection() as reader:
        assert len(await audit_store.read_entries(reader, str(order.order_id))) == 4
    assert (await verify(runtime.database)).faults == []


async def test_an_expired_session_is_replaced_at_the_orders_prices(
    runtime: Runtime, order: CheckoutAnswer, connection: asyncpg.Connection
) -> None:
    await expire_session(runtime.gateway, order.session_id)  # and no event arrived
    await connection.execute("UPDATE products SET unit_amount = unit_amount * 2")
    resent = await resend(runtime, order)
    assert resent.session_id != order.session_id
    session = (await retrieve_session(runtime.gateway, resent.session_id)).object
    assert (session["amount_total"], session["url"]) == (3059, resent.url)


async def test_a_session_with_less_than_an_hour_left_is_expired_before_the_new_one(
    runtime: Runtime, order: CheckoutAnswer, stripe: FlakyStripe, connection: asyncpg.Connection
) -> None:
    stripe.rewrite = lambda request, content: (
        content.replace(b'"expires_at"', b'"expires_at_was"') if order.session_id in request.path else content
    )
    await connection.execute("UPDATE checkout_sessions SET expires_at = now() + interval '59 minutes'")
    resent = await resend(runtime, order)
    assert await open_at_stripe(runtime) == [resent.session_id]
    asked = [sent.path for sent in stripe.requests if sent.method == "POST" and sent.path.startswith(SESSIONS)]
    assert asked == [SESSIONS, f"{SESSIONS}/{order.session_id}/expire", SESSIONS]


async def test_an_order_that_only_stripe_knows_is_paid_is_corrected_and_not_resent(
    runtime: Runtime, order: CheckoutAnswer, connection: asyncpg.Connection
) -> None:
    await pay(runtime, order.session_id, order.amount_total)
    with pytest.raises(NotPayable, match="was pending here, but at Stripe it is completed") as caught:
        await resend(runtime, order)
    assert caught.value.exit_code == 4
    assert (await show_order(runtime.database, str(order.number))).order.status == "completed"
    with pytest.raises(NotPayable, match="order 1001 is completed: there is nothing to pay"):
        await resend(runtime, order)
    assert [row["kind"] for row in await connection.fetch(MAILS)] == ["order.completed"]
    with pytest.raises(NotFound):
        await resend_session(runtime, "00000000-0000-0000-0000-000000000000", operator=ADA)


async def test_an_order_whose_customer_was_erased_is_refused_with_its_number(
    runtime: Runtime, order: CheckoutAnswer, connection: asyncpg.Connection
) -> None:
    await expire_session(runtime.gateway, order.session_id)  # and no event arrived
    await connection.execute("UPDATE orders SET customer_email = ''")
    with pytest.raises(
        NotPayable, match=r"the customer of order 1001 was erased, so nobody can pay it: .* a new order"
    ):
        await resend(runtime, order)
    assert (await show_order(runtime.database, str(order.number))).order.status == "expired"


async def test_nothing_is_mailed_while_stripe_is_unreachable_and_two_resends_create_one_session(
    runtime: Runtime, order: CheckoutAnswer, stripe: FlakyStripe, connection: asyncpg.Connection
) -> None:
    fetched = await expire_session(runtime.gateway, order.session_id)
    await merge_session(runtime, fetched, cause="test", actor="stripe")
    stripe.plan = lambda number, request: "lose_answer" if request.path == SESSIONS else None
    with pytest.raises(StripeUnavailable):
        await resend(runtime, order)
    assert await connection.fetch(MAILS) == []
    stripe.plan = lambda number, request: None
    one, two = await asyncio.gather(resend(runtime, order), resend(runtime, order))
    assert [one.session_id] == [two.session_id] == await open_at_stripe(runtime)
    assert len(await connection.fetch(MAILS)) == 1


async def test_an_expired_session_cannot_be_paid_and_is_in_the_audit_log(
    runtime: Runtime, order: CheckoutAnswer
) -> None:
    expired = await expire_sessions(runtime, str(order.order_id), operator=ADA, note="fraud")
    assert (expired.session_ids, expired.order.status) == ((order.session_id,), "expired")
    assert await open_at_stripe(runtime) == []
    with pytest.raises(SessionNotOpen, match=f"{order.session_id} is expired; order 1001 is expired"):
        await expire_sessions(runtime, str(order.order_id), operator=ADA)
    async with runtime.database.connection() as connection:
        requested, entry = await audit_store.read_entries(connection, str(order.order_id))
    assert (requested.kind, requested.personal) == ("session.expiry_requested", '{"note":"fraud"}')
    assert (entry.kind, '"status":"pending"' in entry.before, '"status":"expired"' in entry.after) == (
        "session.expired",
        True,
        True,
    )


async def test_who_expired_a_session_is_in_the_audit_log_even_if_the_answer_is_lost(
    runtime: Runtime, order: CheckoutAnswer, stripe: FlakyStripe
) -> None:
    stripe.plan = lambda number, request: "lose_answer" if request.path.endswith("/expire") else None
    with pytest.raises(StripeUnavailable):
        await expire_sessions(runtime, str(order.order_id), operator=ADA, note="fraud")
    stripe.plan = lambda number, request: None
    assert await open_at_stripe(runtime) == []
    with pytest.raises(SessionNotOpen):
        await expire_sessions(runtime, str(order.order_id), operator=ADA)
    async with runtime.database.connection() as connection:
        (entry,) = await audit_store.read_entries(connection, str(order.order_id))
    assert (entry.kind, entry.operator) == ("session.expiry_requested", ADA.user)


async def test_a_session_that_turns_out_paid_is_merged_instead(runtime: Runtime, order: CheckoutAnswer) -> None:
    await pay(runtime, order.session_id, order.amount_total)
    found = f"{order.session_id} is complete and paid; order 1001 is completed"
    with pytest.raises(SessionNotOpen, match=found) as caught:
        await expire_sessions(runtime, str(order.order_id), order.session_id, operator=ADA)
    assert caught.value.exit_code == 4
    with pytest.raises(NotFound):
        await expire_sessions(runtime, "00000000-0000-0000-0000-000000000000", operator=ADA)
