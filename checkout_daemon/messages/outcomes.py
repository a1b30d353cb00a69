"""How an attempt to send can end, and the checks that a message is still true."""

from __future__ import annotations

from datetime import timedelta

import asyncpg

from checkout_daemon.ledger.derive import REFUND_MESSAGES
from checkout_daemon.ledger.facts import RefundStatus
from checkout_daemon.model.messages import MessageKind, split_attention, why_untrue
from checkout_daemon.model.orders import AttentionCode, Order
from checkout_daemon.orders.fraud_warnings import is_under_way
from checkout_daemon.orders.order_lists import OrderView, RefundLine, read_view
from checkout_daemon.outbox.outbox_store import ClaimedMessage, is_acknowledged

REFUND_KINDS = frozenset(REFUND_MESSAGES.values())


class TryLater(Exception):
    """The attempt failed for now. `retry_after` is the pause that the receiver asked for."""

    def __init__(self, why: str, retry_after: timedelta | None = None) -> None:
        """Take the reason, and the receiver's pause if it named one."""
        super().__init__(why)
        self.retry_after = retry_after


class NotYet(Exception):
    """The message waits for something that the daemon does itself: that is no attempt, and nothing failed."""


class RefusedForGood(Exception):
    """No further attempt can succeed; a person must look."""


class NotNeeded(Exception):
    """The message is no longer true, or nobody should get it; the text states why."""


async def view_of(connection: asyncpg.Connection, message: ClaimedMessage) -> OrderView:
    """Return the order that a message is about. Raise NotNeeded if it no longer exists."""
    view = await read_view(connection, str(message.order_id))
    if view is None:
        raise NotNeeded("the order no longer exists")
    return view


async def attention_of(
    connection: asyncpg.Connection, order: Order, message: ClaimedMessage
) -> tuple[AttentionCode, str]:
    """Return the attention that a message is about, and its subject.

    Raise NotNeeded if the order no longer needs it, or a person acknowledged this subject: another subject may
    still have the same code. Raise NotYet while the daemon may still settle it without a person.
    """
    code, subject = split_attention(message.subject_id)
    if code not in order.attention:
        raise NotNeeded(f"the order no longer needs attention for {code}")
    if await is_acknowledged(connection, order.id, code, subject):
        raise NotNeeded(f"{code} was acknowledged")
    # If no payment is valid, nothing is decided.
    warned = code == AttentionCode.FRAUD_WARNING and order.paid_at is not None
    if warned and await is_under_way(connection, subject, order.id, message.created_at, livemode=order.livemode):
        raise NotYet("the payment may be refunded without a person")
    return AttentionCode(code), subject


def refund_of(view: OrderView, kind: MessageKind, refund_id: str) -> RefundLine:
    """Return the refund that a message is about, if it has the status that the message reports.

    Raise NotNeeded if its status is another by now, or it belongs to another order; TryLater if this version does
    not know its status.
    """
    refund = next((refund for refund in view.refunds if refund.id == refund_id), None)
    if refund is None:
        raise NotNeeded("the refund belongs to another order")
    if refund.unknown:
        raise TryLater(f"the refund has a status that this version does not know: {refund.unknown}")
    if REFUND_MESSAGES.get(RefundStatus(refund.status)) is not kind:
        raise NotNeeded(f"the refund is {refund.status} by now")
    return refund


def check_still_true(order: Order, kind: MessageKind) -> None:
    """Raise NotNeeded if the order's payment has changed since the message was queued."""
    if (why := why_untrue(order, kind)) is not None:
        raise NotNeeded(why)
