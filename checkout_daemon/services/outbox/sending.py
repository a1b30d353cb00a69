"""What all channels need: why an attempt ended otherwise than well, and what of an order a message is about."""

from __future__ import annotations

from datetime import timedelta

from checkout_daemon.domain.orders import AttentionCode, Order
from checkout_daemon.domain.outbox import split_attention
from checkout_daemon.store.order_reads import OrderView, RefundLine


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


def refund_of(view: OrderView, refund_id: str) -> RefundLine:
    """Raises NotNeeded where the refund turned out to be of another order."""
    for refund in view.refunds:
        if refund.id == refund_id:
            return refund
    raise NotNeeded("the refund is of another order")
