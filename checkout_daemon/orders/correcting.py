"""Corrects a customer's mistyped email or phone, and has the mails that went to the old address sent again.

The old email or phone is kept nowhere: not in the audit log, which only names the fields, and not in the change log.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import asyncpg

from checkout_daemon.audit.audit_log import OperatorAction, act, check_note
from checkout_daemon.audit.operators import Operator
from checkout_daemon.database.pool import Database
from checkout_daemon.database.queries import sql
from checkout_daemon.errors import CheckoutError, FieldError, InvalidRequest
from checkout_daemon.ledger.derive import Message
from checkout_daemon.ledger.facts import SessionStatus
from checkout_daemon.ledger.merge import Merged, Update, locked_order
from checkout_daemon.model.customer import check_email, check_phone
from checkout_daemon.model.messages import Channel, MessageKind, why_untrue
from checkout_daemon.model.orders import Order, OrderStatus
from checkout_daemon.orders.erasing import read_erasure_state
from checkout_daemon.orders.order_store import read_order
from checkout_daemon.outbox.outbox_store import MessageFilter, MessageLine, list_messages, send_anew

_MOST_MAILS = 1000
_WAITING = ("queued", "failed", "dead")
_SETTLED = ("sent", "dismissed")


class NotCorrectable(CheckoutError):
    """The order's customer was erased, or it has this email and phone already."""

    code = "not_correctable"
    status = 409
    exit_code = 4
    title = "There is nothing to correct"


@dataclass(frozen=True, slots=True)
class Contact:
    """The new email and phone, in the form in which they are stored. None: the order keeps its own."""

    email: str | None = None
    phone: str | None = None


@dataclass(frozen=True, slots=True)
class Correction:
    """An order with its corrected contact.

    `fields` are `email` and `phone`, as far as they change. `mails` are the kinds of the mails that go to the new
    email. `open_sessions` can be paid and have the old email: Stripe cannot change the email of a session.
    """

    order: Order
    fields: tuple[str, ...]
    mails: tuple[str, ...]
    open_sessions: tuple[str, ...]


def check_contact(email: str | None, phone: str | None) -> Contact:
    """Check a new email and phone as checkout does. Raise InvalidRequest with every fault, or if both are None."""
    checked = (
        None if email is None else check_email(email),
        None if phone is None else check_phone(phone),
    )
    faults = [result for result in checked if isinstance(result, FieldError)]
    if checked == (None, None):
        faults = [FieldError("/customer", "invalid_contact", "give the right email, phone or both")]
    if faults:
        raise InvalidRequest(faults)
    return Contact(*(result for result in checked if not isinstance(result, FieldError)))


async def plan_correction(database: Database, order_id: str, contact: Contact) -> Correction:
    """Return what a correction would change. Raise OrderNotFound or NotCorrectable."""
    correction, _ = await database.run(_plan, order_id, contact)
    return correction


async def correct_order(
    database: Database, order_id: str, contact: Contact, *, operator: Operator, note: str = ""
) -> Correction:
    """Correct an order's email, phone or both, and return the order with what goes to the new email.

    Mails that wait go there, and those that were sent and still hold are sent again. Raise OrderNotFound,
    NotCorrectable, or InvalidRequest for the note.
    """
    return await database.run(_correct, order_id, contact, operator, check_note(note))


async def _correct(
    connection: asyncpg.Connection, order_id: str, contact: Contact, operator: Operator, note: str
) -> Correction:
    correction, mails = await _plan(connection, order_id, contact)
    order = correction.order
    await connection.execute(sql("correct_order"), order_id, order.customer_email, order.customer_phone)
    # After the new email is written: a daemon that is sending one of them now had the old one, and loses its claim.
    await send_anew(connection, [mail.id for mail in mails])
    update = Update("order.corrected", operator.actor, note, order_ids=[order_id], always_logged=True)
    details = {"fields": list(correction.fields), "mails": [mail.id for mail in mails]}
    await act(connection, order_id, OperatorAction("order.corrected", operator, note, details), update)
    return replace(correction, order=await read_order(connection, order_id))


async def _plan(
    connection: asyncpg.Connection, order_id: str, contact: Contact
) -> tuple[Correction, list[MessageLine]]:
    merged = await locked_order(connection, order_id)
    order = await read_order(connection, order_id)
    if (await read_erasure_state(connection, order_id)).erased_at is not None:
        raise NotCorrectable(f"the customer of order {order.number} was erased: there is nobody to correct")
    corrected = replace(
        order,
        customer_email=order.customer_email if contact.email is None else contact.email,
        customer_phone=order.customer_phone if contact.phone is None else contact.phone,
    )
    fields = [
        name
        for name, kept in (("email", order.customer_email), ("phone", order.customer_phone))
        if getattr(contact, name) not in (None, kept)
    ]
    if not fields:
        raise NotCorrectable(f"order {order.number} has this {' and '.join(_named(contact))} already")
    if "email" not in fields:
        return Correction(corrected, tuple(fields), (), ()), []
    open_sessions = [fact.id for fact in merged.facts(order_id).sessions if fact.status is SessionStatus.OPEN]
    mails = await _mails_to_send(connection, merged, order, open_sessions)
    kinds = tuple(mail.kind for mail in mails)
    return Correction(corrected, tuple(fields), kinds, tuple(sorted(open_sessions))), mails


async def _mails_to_send(
    connection: asyncpg.Connection, merged: Merged, order: Order, open_sessions: list[str]
) -> list[MessageLine]:
    """Return the mails that a new email must get: all that wait, and those sent that still hold.

    Of the links to pay, and of the mails that the order was shipped, only the newest is sent again.
    """
    wanted = MessageFilter(order_id=order.id, channels=(Channel.MAIL.value,))
    mails = await list_messages(connection, wanted, limit=_MOST_MAILS)
    derived = merged.derived(order.id)
    newest = {mail.kind: mail for mail in reversed(mails) if mail.status != "skipped"}

    def holds(mail: MessageLine) -> bool:
        if why_untrue(order, mail.kind) is not None:
            return False
        if mail.kind == MessageKind.SESSION_LINK:
            link_is_open = mail.subject_id.partition("#")[0] in open_sessions
            return mail == newest[mail.kind] and derived.payable and link_is_open
        if mail.kind in (MessageKind.ORDER_SHIPPED, MessageKind.ORDER_REMINDER):  # they do not follow from facts
            return mail == newest[mail.kind]
        if mail.kind == MessageKind.PAYMENT_FAILED and derived.status is not OrderStatus.FAILED:
            return False
        return Message(mail.kind, mail.subject_id) in derived.messages

    return [mail for mail in mails if mail.status in _WAITING or (mail.status in _SETTLED and holds(mail))]


def _named(contact: Contact) -> list[str]:
    return [name for name in ("email", "phone") if getattr(contact, name) is not None]
