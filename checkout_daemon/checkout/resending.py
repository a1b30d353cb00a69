"""Sends customers a link to pay for an unpaid order.

The link is valid for at least an hour, or for half of CHECKOUT_SESSION_MINUTES if that is less.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import asyncpg
import msgspec

from checkout_daemon.audit.audit_log import OperatorAction, act, check_note
from checkout_daemon.audit.operators import Operator
from checkout_daemon.audit.rights import require_act
from checkout_daemon.checkout.session_plans import Session
from checkout_daemon.checkout.sessions import fresh_session, refresh_sessions
from checkout_daemon.errors import NotPayable
from checkout_daemon.ledger.merge import Update, locked_order
from checkout_daemon.model.messages import MessageKind
from checkout_daemon.model.orders import PAYABLE_STATUSES
from checkout_daemon.orders.order_store import read_order
from checkout_daemon.outbox.outbox_store import link_subject, owe
from checkout_daemon.runtime import Runtime
from checkout_daemon.settings import Settings


@dataclass(frozen=True, slots=True)
class Resent:
    """A session that can be paid. `mailed`: a mail with its link is in the outbox."""

    order_id: str
    number: int
    session_id: str
    url: str
    expires_at: datetime
    mailed: bool


def mail_status(settings: Settings) -> str:
    """Return a sentence for the operator about when a queued mail is sent."""
    if settings.smtp_url:
        return "The mail is on its way: a running daemon sends it."
    return "The mail waits in the outbox: a daemon with CHECKOUT_SMTP_URL sends it."


async def resend_session(
    runtime: Runtime, order_id: str, *, operator: Operator, note: str = "", mail: bool = True
) -> Resent:
    """Return the order's open session if enough of its time is left, else a new one at the order's original prices.

    Asks Stripe first. Raise NotAnOperator, RoleTooLow, NotFound; NotPayable, also if only Stripe knew of a payment,
    which is merged then; StripeUnavailable or StripeRejected.
    """
    note = check_note(note)
    await runtime.database.run(require_act, [operator])  # before Stripe is asked to do anything
    async with runtime.database.connection() as connection:
        before = await read_order(connection, order_id)
    if before.livemode == runtime.settings.livemode:  # otherwise it is refused below
        await refresh_sessions(runtime, order_id, cause="session.resend", actor=operator.actor)
    try:
        session = await fresh_session(runtime, order_id, actor=operator.actor)
    except NotPayable as refusal:
        async with runtime.database.connection() as connection:
            after = await read_order(connection, order_id)
        if after.status != before.status and after.status not in PAYABLE_STATUSES:
            raise NotPayable(
                f"order {after.number} was {before.status} here, but at Stripe it is {after.status}: that is "
                "corrected now, and there is nothing to resend"
            ) from refusal
        raise
    await runtime.database.run(_record, order_id, session, operator, note, mail=mail)
    return Resent(order_id, before.number, session.id, session.url, session.expires_at, mail)


async def _record(
    connection: asyncpg.Connection, order_id: str, session: Session, operator: Operator, note: str, *, mail: bool
) -> None:
    """Record the resend together with its mail: both or neither."""
    await locked_order(connection, order_id)
    # A mail with this session's link that still waits is enough.
    subject = await link_subject(connection, order_id, session.id) if mail else None
    if subject is not None:
        payload = msgspec.json.encode({"session_id": session.id}).decode()
        await owe(connection, MessageKind.SESSION_LINK, order_id=order_id, subject_id=subject, payload=payload)
    update = Update("session.resent", operator.actor, note or session.id, order_ids=[order_id], always_logged=True)
    details = {"session": session.id, "mail": mail}
    await act(connection, order_id, OperatorAction("session.resent", operator, note, details), update)
