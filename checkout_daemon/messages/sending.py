"""What all channels need: why an attempt ended otherwise than well, and what of an order a message is about."""

from __future__ import annotations

from datetime import timedelta

import asyncpg

from checkout_daemon.ledger.derive import REFUND_MESSAGES
from checkout_daemon.ledger.facts import RefundStatus
from checkout_daemon.model.messages import MessageKind, split_attention
from checkout_daemon.model.orders import AttentionCode, Order, OrderStatus
from checkout_daemon.orders.order_lists import OrderView, RefundLine
from checkout_daemon.outbox.outbox_store import ClaimedMessage, is_acknowledged

REFUND_KINDS = frozenset(REFUND_MESSAGES.values())


class TryLater(Exception):
    """It did not work this time. `retry_after`: the receiver asked to be left alone that long."""

    def __init__(self, why: str, retry_after: timedelta | None = None) -> None:
        super().__init__(why)
        self.retry_after = retry_after


class RefusedForGood(Exception):
    """No attempt will do better; a person must look."""


class NotNeeded(Exception):
    """What it says is no longer so, or there is nobody to tell; the message says why."""


def attention_of(order: Order, subject_id: str) -> tuple[AttentionCode, str]:
    """The attention that a message is about, and its subject. Raises NotNeeded where there is no such any more."""
    code, subject = split_attention(subject_id)
    if code not in order.attention:
        raise NotNeeded(f"the order no longer asks for {code}")
    return AttentionCode(code), subject


async def check_not_acknowledged(connection: asyncpg.Connection, message: ClaimedMessage) -> None:
    """Raise NotNeeded where a person has seen to this one: the order may ask for another of its kind."""
    code, subject = split_attention(message.subject_id)
    if await is_acknowledged(connection, str(message.order_id), code, subject):
        raise NotNeeded(f"{code} was acknowledged")


def refund_of(view: OrderView, kind: MessageKind, refund_id: str) -> RefundLine:
    """Return the refund that a message is about, if it is in the state that the message reports.

    Raises NotNeeded where it is in another by now, or of another order; TryLater if this version does not know its
    status.
    """
    refund = next((each for each in view.refunds if each.id == refund_id), None)
    if refund is None:
        raise NotNeeded("the refund is of another order")
    if refund.unknown:
        raise TryLater(f"the refund is in a state that this version does not know: {refund.unknown}")
    if REFUND_MESSAGES.get(RefundStatus(refund.status)) is not kind:
        raise NotNeeded(f"the refund is {refund.status} by now")
    return refund


def check_still_so(order: Order, kind: MessageKind) -> None:
    """Raise NotNeeded where what a message says of the order's payment has turned since it was owed."""
    match kind:
        case MessageKind.ORDER_COMPLETED if order.paid_at is None:
            raise NotNeeded("the order counts no longer as paid")
        case MessageKind.ORDER_COMPLETED if order.status == OrderStatus.REFUNDED:
            raise NotNeeded("the order is refunded by now")
        case MessageKind.PAYMENT_FAILED if order.paid_at is not None:
            raise NotNeeded(f"the order is {order.status} by now")
        case _:
            pass
