"""The command that fixes an attention of an order. A payment with an early fraud warning is refunded before others."""

from __future__ import annotations

from checkout_daemon.ledger.derive import LIVE_REFUNDS
from checkout_daemon.model.orders import AttentionCode, attention_command
from checkout_daemon.orders.order_lists import FraudWarningLine, OrderView


def command_for(view: OrderView, code: AttentionCode, subject: str) -> str:
    """Return the command that fixes an attention; `subject` as in `attention_command`."""
    # If a person acknowledged the warnings, the payment counts as any other.
    warnings = open_warnings(view) if AttentionCode.FRAUD_WARNING in view.order.attention else ()
    return attention_command(code, subject, view.order.number, {found.id: found.payment_id for found in warnings})


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


def _refunded(view: OrderView, payment_id: str) -> int:
    live = [refund for refund in view.refunds if refund.status in LIVE_REFUNDS]
    return sum(refund.amount for refund in live if refund.payment_id == payment_id)
