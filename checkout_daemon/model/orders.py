"""What an order is: its terms, its statuses, and what may be done in each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class OrderStatus(StrEnum):
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


# Resend, retry and cancel are for these alone; see derive.Derived.payable.
PAYABLE_STATUSES = frozenset({OrderStatus.PENDING, OrderStatus.FAILED, OrderStatus.EXPIRED})


@dataclass(frozen=True, slots=True)
class OrderTerms:
    """What the shopper agreed to pay; never changes. Amount in minor units."""

    id: str
    amount_total: int
    currency: str
    livemode: bool


@dataclass(frozen=True, slots=True)
class Order:
    """An order as lists and commands show it; names as in the contract, amounts in minor units."""

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
