"""A corrected email or phone: who gets which mail, what finds the order, and where the old address is not kept."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from checkout_daemon.audit import audit_store
from checkout_daemon.audit.audit_log import verify
from checkout_daemon.audit.operators import Operator
from checkout_daemon.checkout.resending import resend_session
from checkout_daemon.errors import InvalidRequest
from checkout_daemon.ledger.facts import Act, ActKind, PaymentStatus, RefundFact, RefundStatus, SessionStatus
from checkout_daemon.ledger.merge import Update, merge
from checkout_daemon.messages.delivering import deliver_due
from checkout_daemon.model.messages import Channel, MessageKind
from checkout_daemon.orders.correcting import Contact, NotCorrectable, check_contact, correct_order, plan_correction
from checkout_daemon.orders.erasing import erase, plan_erasure
from checkout_daemon.orders.exporting import csv_lines, export_orders
from checkout_daemon.orders.lookup import add_search
from checkout_daemon.orders.order_filter import OrderFilter
from checkout_daemon.orders.order_pages import page_of_orders, show_order
from checkout_daemon.orders.shipping import Parcel, ship_order
from checkout_daemon.outbox.outbox_store import claim_messages, owe, record_delivery
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api.sessions import retrieve_session
from tests.messages.test_mails import daemon, order_of, outcomes, session
from tests.orders.test_erasing import deliver_all, everything
from tests.support.mail_server import MailServer
from tests.support.orders import add_expired_order
from tests.support.payments import paid
from tests.support.selling import to_be_sent
from tests.support.shopping import check_out, paid_order, sessions_at_stripe
from tests.support.stripe_events import event_body

BO = Operator("bo", "shop1")
OLD, NEW = "ada@example.com", "ada.right@example.com"
RIGHT = Contact(email=NEW)


@pytest.fixture
def server() -> Iterator[MailServer]:
    server = MailServer()
    yield server
    server.stop()


@pytest.fixture
async def mailing(database_url: str, server: MailServer, tmp_path: Path) -> AsyncIterator[Runtime]:
    """A daemon that can send mails."""
    async with daemon(database_url, tmp_path, server.start()) as runtime:
        yield runtime


def recipients(server: MailServer) -> list[tuple[str, ...]]:
    return [taken.recipients for taken in server.taken]


async def test_a_confirmation_that_went_to_the_old_address_goes_once_to_the_new_one(
    mailing: Runtime, connection: asyncpg.Connection, server: MailServer
) -> None:
    order_id = await order_of(connection)
    await mailing.database.run(merge, [paid(order_id, "pi_1")])
    await deliver_due(mailing, Channel.MAIL)
    assert recipients(server) == [(OLD,)]

    corrected = await correct_order(mailing.database, order_id, RIGHT, operator=BO, note="mistyped")
    assert (corrected.fields, corrected.mails, corrected.open_sessions) == (("email",), ("order.completed",), ())
    assert corrected.order.customer_email == NEW
    await deliver_due(mailing, Channel.MAIL)
    await deliver_due(mailing, Channel.MAIL)
    assert recipients(server) == [(OLD,), (NEW,)]
    assert await outcomes(connection) == [("sent", None)]


async def test_a_mail_that_is_being_sent_to_the_old_address_is_sent_to_the_new_one_as_well(
    mailing: Runtime, connection: asyncpg.Connection, server: MailServer
) -> None:
    order_id = await order_of(connection)
    await mailing.database.run(merge, [paid(order_id, "pi_1")])
    (claimed,) = await claim_messages(connection, Channel.MAIL, 1, lease_seconds=600)
    await correct_order(mailing.database, order_id, RIGHT, operator=BO)
    assert await record_delivery(connection, claimed, "sent") is False  # it read the old address
    await deliver_due(mailing, Channel.MAIL)
    assert recipients(server) == [(NEW,)]


async def test_a_mail_that_the_old_addresss_server_refused_for_good_is_tried_at_the_new_one(
    mailing: Runtime, connection: asyncpg.Connection, server: MailServer
) -> None:
    server.refuse = lambda address: "550 no such user" if address == OLD else None
    order_id = await order_of(connection)
    await mailing.database.run(merge, [paid(order_id, "pi_1")])
    await deliver_due(mailing, Channel.MAIL)
    assert [status for status, _ in await outcomes(connection)] == ["dead"]
    await correct_order(mailing.database, order_id, RIGHT, operator=BO)
    await deliver_due(mailing, Channel.MAIL)
    assert (recipients(server), await outcomes(connection)) == ([(NEW,)], [("sent", None)])


async def test_of_a_refunded_order_the_refund_is_mailed_again_and_the_confirmation_is_not(
    mailing: Runtime, connection: asyncpg.Connection, server: MailServer
) -> None:
    order_id = await order_of(connection)
    await mailing.database.run(merge, [paid(order_id, "pi_1")])
    await deliver_due(mailing, Channel.MAIL)
    refund = RefundFact("re_1", False, "pi_1", RefundStatus.SUCCEEDED, 5000, "eur")
    await mailing.database.run(merge, [Update("t", "stripe", subject_id="pi_1", facts=[refund])])
    await deliver_due(mailing, Channel.MAIL)
    planned = await plan_correction(mailing.database, order_id, RIGHT)
    assert planned.mails == ("order.refunded",)
    assert await outcomes(connection) == [("sent", None)] * 2  # a plan changes nothing


async def test_of_the_mails_that_an_order_was_shipped_the_newest_goes_out_again_while_it_holds(
    mailing: Runtime, connection: asyncpg.Connection, server: MailServer
) -> None:
    order_id = await order_of(connection)
    await to_be_sent(connection, order_id)
    await mailing.database.run(merge, [paid(order_id, "pi_1")])
    for number in ("JJD01", "JJD02"):
        await ship_order(mailing.database, order_id, Parcel("DHL", number), operator=BO)
        await deliver_due(mailing, Channel.MAIL)
    assert recipients(server) == [(OLD,)] * 3

    corrected = await correct_order(mailing.database, order_id, RIGHT, operator=BO)
    assert sorted(corrected.mails) == ["order.completed", "order.shipped"]
    await deliver_due(mailing, Channel.MAIL)
    again = server.taken[3:]
    assert [taken.recipients for taken in again] == [(NEW,)] * 2
    assert [number for taken in again for number in ("JJD01", "JJD02") if number in taken.part("plain")] == ["JJD02"]

    refund = RefundFact("re_1", False, "pi_1", RefundStatus.SUCCEEDED, 5000, "eur")
    await mailing.database.run(merge, [Update("t", "stripe", subject_id="pi_1", facts=[refund])])
    await deliver_due(mailing, Channel.MAIL)
    assert (await plan_correction(mailing.database, order_id, Contact(email=OLD))).mails == ("order.refunded",)


async def test_a_reminder_goes_out_again_only_while_the_order_can_be_paid(
    mailing: Runtime, connection: asyncpg.Connection, server: MailServer
) -> None:
    order_id = await order_of(connection)
    await owe(connection, MessageKind.ORDER_REMINDER, order_id=order_id)
    await deliver_due(mailing, Channel.MAIL)
    assert (await correct_order(mailing.database, order_id, RIGHT, operator=BO)).mails == ("order.reminder",)
    await deliver_due(mailing, Channel.MAIL)
    assert recipients(server) == [(OLD,), (NEW,)]

    await mailing.database.run(merge, [paid(order_id, "pi_1")])
    await deliver_due(mailing, Channel.MAIL)
    assert (await plan_correction(mailing.database, order_id, Contact(email=OLD))).mails == ("order.completed",)


async def test_that_a_payment_failed_is_not_mailed_again_of_a_canceled_order(
    mailing: Runtime, connection: asyncpg.Connection, server: MailServer
) -> None:
    order_id = await order_of(connection)
    failed = session(order_id, "cs_1", SessionStatus.COMPLETE, PaymentStatus.FAILED)
    await mailing.database.run(merge, [failed])
    await deliver_due(mailing, Channel.MAIL)
    assert (await plan_correction(mailing.database, order_id, RIGHT)).mails == ("payment.failed",)
    canceled = Update("order.canceled", "bo", acts=[(order_id, Act(ActKind.CANCELED))])
    await mailing.database.run(merge, [canceled])
    assert (await plan_correction(mailing.database, order_id, RIGHT)).mails == ()


async def test_the_link_goes_out_again_and_resending_replaces_the_session_with_the_old_address(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    order = await check_out(runtime)
    order_id = str(order.order_id)
    await resend_session(runtime, order_id, operator=BO)
    await connection.execute("UPDATE outbox SET status = 'sent'")
    corrected = await correct_order(runtime.database, order_id, RIGHT, operator=BO)
    assert (corrected.mails, corrected.open_sessions) == (("session.link",), (order.session_id,))
    assert await outcomes(connection) == [("queued", None)]

    resent = await resend_session(runtime, order_id, operator=BO, mail=False)
    assert resent.session_id != order.session_id
    assert (await retrieve_session(runtime.gateway, resent.session_id)).object["customer_email"] == NEW
    at_stripe = [session["id"] for session in await sessions_at_stripe(runtime) if session["status"] == "open"]
    assert at_stripe == [resent.session_id]
    again = await resend_session(runtime, order_id, operator=BO, mail=False)
    assert again.session_id == resent.session_id  # it has the new address


async def test_a_new_phone_sends_nothing_and_is_stored_in_the_form_of_a_checkout(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    order = await paid_order(runtime)
    await connection.execute("UPDATE outbox SET status = 'sent'")
    contact = check_contact(None, "+43 664 123 45 67")
    corrected = await correct_order(runtime.database, str(order.order_id), contact, operator=BO)
    assert (corrected.fields, corrected.mails, corrected.open_sessions) == (("phone",), (), ())
    assert corrected.order.customer_phone == "+436641234567"
    assert await outcomes(connection) == [("sent", None)]


async def test_lists_searches_and_exports_find_the_order_by_its_new_address_only(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    order = await check_out(runtime)
    await correct_order(runtime.database, str(order.order_id), Contact(email="Bo@b.example"), operator=BO)

    async def numbers(wanted: OrderFilter) -> list[int]:
        return [found.number for found in await page_of_orders(runtime.database, wanted, limit=10)]

    assert await numbers(OrderFilter(email="bo@B.example")) == [order.number]
    assert await numbers(OrderFilter(email=OLD)) == []
    assert await numbers(await add_search(runtime.database, OrderFilter(), "b.example")) == [order.number]
    assert await numbers(await add_search(runtime.database, OrderFilter(), "ada@")) == []
    texts = "SELECT text FROM order_texts"
    assert await connection.fetchval(texts) == "ada\nbo@b.example\n+4930901820"
    (page,) = [page async for page in export_orders(runtime.database, OrderFilter(), limit=None, items=False)]
    assert "Bo@b.example" in csv_lines(page.rows)
    assert OLD not in csv_lines(page.rows)


async def test_the_audit_log_has_who_and_why_and_the_old_address_is_nowhere_after_an_erasure(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    order = await paid_order(runtime)
    order_id = str(order.order_id)
    await deliver_all(runtime, event_body("customer.created", {"id": "cus_1", "object": "customer", "email": OLD}))
    await correct_order(runtime.database, order_id, RIGHT, operator=BO, note="called: mistyped")
    (*_, change) = (await show_order(runtime.database, order_id)).changes
    assert (change.cause, change.actor, change.note) == ("order.corrected", "bo@shop1", "called: mistyped")
    (entry,) = await audit_store.read_entries(connection, order_id)
    assert (entry.kind, entry.operator) == ("order.corrected", "bo")
    assert "@example.com" not in entry.details + (entry.personal or "")
    assert (await verify(runtime.database)).faults == []

    assert OLD in await everything(connection)  # in the parameters of its session, and in Stripe's event
    await erase(runtime.database, await plan_erasure(runtime.database, order_id, customer=False), operator=BO)
    left = await everything(connection)
    assert [address for address in (OLD, NEW) if address in left] == []
    assert (await verify(runtime.database)).faults == []


async def test_what_cannot_be_corrected_is_refused_and_nothing_is_written(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    with pytest.raises(InvalidRequest, match=r"enter an email address.*country code"):
        check_contact("ada@", "0664")
    with pytest.raises(InvalidRequest, match="email, phone or both"):
        check_contact(None, None)
    order_id = await add_expired_order(connection)
    with pytest.raises(NotCorrectable, match="order 1001 has this email already"):
        await correct_order(runtime.database, order_id, Contact(email=OLD), operator=BO)
    await erase(runtime.database, await plan_erasure(runtime.database, order_id, customer=False), operator=BO)
    before = await everything(connection)
    with pytest.raises(NotCorrectable, match="the customer of order 1001 was erased"):
        await correct_order(runtime.database, order_id, RIGHT, operator=BO)
    assert await everything(connection) == before
