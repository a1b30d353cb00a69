"""The command that fixes an attention of an order. A payment with an early fraud warning is refunded before others."""

from __future__ import annotations

from collections.abc import Collection

from checkout_daemon.ledger.derive import LIVE_REFUNDS
from checkout_daemon.model.orders import AttentionCode, attention_command
from checkout_daemon.orders.order_lists import FraudWarningLine, OrderView, RefundLine
from checkout_daemon.orders.refund_rules import prevents_refund

_OF_ONE_PAYMENT = (AttentionCode.AMOUNT_MISMATCH, AttentionCode.CURRENCY_MISMATCH, AttentionCode.PAID_TWICE)


def command_for(view: OrderView, code: AttentionCode, subject: str) -> str:
    """Return the command that fixes an attention.

    `subject` is the payment, refund, dispute or warning that it is about (or several, comma-separated).
    """
    # If a person acknowledged the warnings, the payment counts as any other.
    warnings = open_warnings(view) if AttentionCode.FRAUD_WARNING in view.order.attention else ()
    warned = {found.id: found.payment_id for found in warnings}
    if code in _OF_ONE_PAYMENT:
        payment_id = _to_refund(view, code, subject.split(","), warned.values())
        if payment_id is None:
            return f"checkout orders explain {view.order.number}"
        subject = payment_id
    return attention_command(code, subject, view.order.number, warned)


def open_warnings(view: OrderView) -> list[FraudWarningLine]:
    """Return the early fraud warnings whose dispute a refund may still avert."""
    disputed = {dispute.payment_id for dispute in view.disputes}
    actionable = [warning for warning in view.fraud_warnings if warning.actionable]
    return [
        warning
        for warning in actionable
        if warning.payment_id not in disputed
        and (warning.amount is None or _refunded(view, warning.payment_id) < warning.amount)
    ]


def left_of_payments(view: OrderView) -> dict[str, int]:
    """Return what is left of each payment of the order's mode in minor units: 0 if all of it is refunded.

    The session of a free order is left out: no money moved.
    """
    moved = [line for line in view.payments if line.amount and line.livemode == view.order.livemode]
    ids = dict.fromkeys(line.id for line in moved if not line.id.startswith("cs_"))
    return {payment_id: max(_left(view, payment_id), 0) for payment_id in ids}


def refund_again(view: OrderView, refund: RefundLine) -> str:
    """Return the command that makes a refund once more that failed or was canceled."""
    return f"checkout orders refund {view.order.number} --amount {refund.amount} --payment {refund.payment_id}"


def replacing(view: OrderView, refund: RefundLine) -> str:
    """Return the ids of the refunds that may replace one that failed or was canceled, or the empty text.

    They are of the same payment, became known since then, and gave back as much. Whether they were meant to replace it
    is not known.
    """
    since = [
        line
        for line in view.refunds
        if line.payment_id == refund.payment_id and line.created_at >= refund.created_at and _is_live(line)
    ]
    return ", ".join(line.id for line in since) if sum(line.amount for line in since) >= refund.amount else ""


def _to_refund(view: OrderView, code: AttentionCode, named: Collection[str], warned: Collection[str]) -> str | None:
    """Return the payment to refund: one that was warned about, else the latest. None if there is nothing to give back.

    Of an order that was paid more than once, one payment stays. If all others are refunded, or disputed so that a
    refund would be refused, none is named: of a disputed payment, the customer's bank decides who gets the money.
    """
    twice = code is AttentionCode.PAID_TWICE
    disputed = {dispute.payment_id for dispute in view.disputes if prevents_refund(dispute.status)}
    left = [
        line
        for line in view.payments
        if (line.valid if twice else line.id in named) and line.id not in disputed and _left(view, line.id) > 0
    ]
    if len(left) < (2 if twice else 1):
        return None
    return max(left, key=lambda line: (line.id in warned, line.paid_at or view.order.created_at, line.id)).id


def _left(view: OrderView, payment_id: str) -> int:
    """Return what is left of a payment in minor units. If reports disagree, the largest counts, as for refunds."""
    livemode = view.order.livemode
    reported = [line.amount or 0 for line in view.payments if line.id == payment_id and line.livemode == livemode]
    return max(reported, default=0) - _refunded(view, payment_id)


def _refunded(view: OrderView, payment_id: str) -> int:
    return sum(refund.amount for refund in view.refunds if refund.payment_id == payment_id and _is_live(refund))


def _is_live(refund: RefundLine) -> bool:
    """Return whether a refund counts as money that was given back, as one of unknown status does."""
    return refund.status in LIVE_REFUNDS or refund.unknown is not None
