"""The command that puts an attention right, for messages to operators."""

from __future__ import annotations

from typing import assert_never

from checkout_daemon.model.orders import AttentionCode


def attention_command(code: AttentionCode, subject: str, number: int) -> str:
    """`subject` is the payment (or payments, comma-separated), refund or dispute that it is about."""
    match code:
        case AttentionCode.AMOUNT_MISMATCH | AttentionCode.CURRENCY_MISMATCH | AttentionCode.PAID_TWICE:
            return f"checkout orders refund {number} --payment {subject.rpartition(',')[2]}"
        case AttentionCode.PAID_AFTER_CANCEL:
            return f"checkout orders refund {number}"
        case AttentionCode.UNKNOWN_STATUS | AttentionCode.PAYMENT_CANCELED:
            return f"checkout sessions sync {number}"
        case (
            AttentionCode.LIVEMODE_MISMATCH
            | AttentionCode.REFUND_FAILED
            | AttentionCode.DISPUTE_NEEDS_RESPONSE
            | AttentionCode.DISPUTE_LOST
            | AttentionCode.DISPUTE_REINSTATED
            | AttentionCode.DISPUTE_WITHDRAWN
            | AttentionCode.APPEARED_LATE
        ):
            # No command of ours ends these; it says what does, and by when.
            return f"checkout orders explain {number}"
        case _:
            assert_never(code)
