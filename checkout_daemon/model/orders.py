"""An order: its statuses, its terms, and what an operator can do about an attention."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import assert_never

_ORDER_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class OrderStatus(StrEnum):
    """The status of an order, derived from what Stripe reported about it."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    DISPUTED = "disputed"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELED = "canceled"


class AttentionCode(StrEnum):
    """Why a person must look at an order."""

    AMOUNT_MISMATCH = "amount_mismatch"
    CURRENCY_MISMATCH = "currency_mismatch"
    LIVEMODE_MISMATCH = "livemode_mismatch"
    PAID_TWICE = "paid_twice"
    PAID_AFTER_CANCEL = "paid_after_cancel"
    REFUND_FAILED = "refund_failed"
    DISPUTE_NEEDS_RESPONSE = "dispute_needs_response"
    DISPUTE_LOST = "dispute_lost"
    DISPUTE_REINSTATED = "dispute_reinstated"
    DISPUTE_WITHDRAWN = "dispute_withdrawn"
    UNKNOWN_STATUS = "unknown_status"
    PAYMENT_CANCELED = "payment_canceled"
    APPEARED_LATE = "appeared_late"
    OVERSOLD = "oversold"
    FRAUD_WARNING = "fraud_warning"


# Only these can be resent, retried and canceled; see Derived.payable in ledger/derive.py.
PAYABLE_STATUSES = frozenset({OrderStatus.PENDING, OrderStatus.FAILED, OrderStatus.EXPIRED})


REFUND_REASONS = ("duplicate", "fraudulent", "requested_by_customer")
"""What Stripe accepts as the reason of a refund: https://docs.stripe.com/api/refunds/create"""

PAYMENT_SKU, PAYMENT_NAME = "PAYMENT", "Payment"
"""The item of an imported order that is only a payment. Its name is what the other system called that, if anything."""


@dataclass(frozen=True, slots=True)
class OrderTerms:
    """The terms that the shopper agreed to. They never change. Amount in minor units."""

    id: str
    amount_total: int
    currency: str
    livemode: bool


@dataclass(frozen=True, slots=True)
class Order:
    """An order as lists and commands show it. Amounts in minor units.

    `imported_from` is the session, PaymentIntent or charge of another system that it was made from.
    """

    id: str
    number: int
    status: str
    attention: tuple[str, ...]
    currency: str
    amount_subtotal: int
    amount_discount: int
    amount_total: int
    amount_refunded: int
    customer_name: str
    customer_email: str
    customer_phone: str
    discount_code: str | None
    livemode: bool
    created_at: datetime
    updated_at: datetime
    paid_at: datetime | None
    imported_from: str | None = None
    amount_shipping: int | None = None  # None: nothing is sent
    amount_tax: int | None = None  # part of the total; None: the shop stated no taxes
    shipped_at: datetime | None = None


def order_id_from(text: str) -> str | None:
    """Return the text in lower case if it has the form of an order's id, or None."""
    return text.lower() if _ORDER_ID.fullmatch(text) else None


def attention_command(
    code: AttentionCode, subject: str, number: int, warned: Mapping[str, str] = MappingProxyType({})
) -> str:
    """Return the command that fixes an attention.

    `subject` is the payment to refund, or the refund, dispute or warning that it is about (or several,
    comma-separated). `warned` has the payments with an early fraud warning that a refund may avert, by the warning's
    id.
    """
    match code:
        case AttentionCode.AMOUNT_MISMATCH | AttentionCode.CURRENCY_MISMATCH | AttentionCode.PAID_TWICE:
            return _refund_command(number, subject, fraud=subject in warned.values())
        case AttentionCode.FRAUD_WARNING:
            suspect = next((warned[warning] for warning in subject.split(",") if warning in warned), None)
            return _refund_command(number, suspect, fraud=True)
        case AttentionCode.PAID_AFTER_CANCEL | AttentionCode.OVERSOLD:
            return f"checkout orders refund {number}"
        case AttentionCode.DISPUTE_NEEDS_RESPONSE:
            return f"checkout disputes evidence {number}"
        case AttentionCode.UNKNOWN_STATUS | AttentionCode.PAYMENT_CANCELED:
            return f"checkout sessions sync {number}"
        case (
            AttentionCode.LIVEMODE_MISMATCH
            | AttentionCode.REFUND_FAILED
            | AttentionCode.DISPUTE_LOST
            | AttentionCode.DISPUTE_REINSTATED
            | AttentionCode.DISPUTE_WITHDRAWN
            | AttentionCode.APPEARED_LATE
        ):
            # No command of ours fixes these: explain shows what does, and by when.
            return f"checkout orders explain {number}"
        case _:
            assert_never(code)


def _refund_command(number: int, payment_id: str | None, *, fraud: bool) -> str:
    payment = f" --payment {payment_id}" if payment_id else ""
    return f"checkout orders refund {number}{payment}" + (" --reason fraudulent" if fraud else "")
