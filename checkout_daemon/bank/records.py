"""The records of the balance at Stripe: its lines and its payouts. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from checkout_daemon.errors import StripeUnavailable


@dataclass(frozen=True, slots=True)
class BalanceLine:
    """A balance transaction: what one payment, refund, dispute or payout did to the balance.

    Amounts are minor units of `currency`, in which Stripe settles, and net = amount - fee. `type` and `category` are in
    Stripe's words. The source has an amount of its own where it is in another currency: amount = source_amount x
    `exchange_rate`, in units.
    """

    id: str
    livemode: bool
    type: str
    category: str
    amount: int
    fee: int
    net: int
    currency: str
    exchange_rate: Decimal | None
    source_id: str | None
    source_amount: int | None
    source_currency: str | None
    payment_id: str | None
    payout_id: str | None
    created_at: datetime
    available_on: datetime


@dataclass(frozen=True, slots=True)
class Payout:
    """Money that Stripe sends to the bank, in minor units. `status` and `reconciliation` are in Stripe's words.

    `lines_read_at` is when all of its lines were last read, None before.
    """

    id: str
    livemode: bool
    amount: int
    currency: str
    status: str
    automatic: bool
    reconciliation: str
    failure_code: str | None
    created_at: datetime
    arrives_at: datetime
    lines_read_at: datetime | None = None


def line_of(found: Mapping[str, Any], *, livemode: bool, payout_id: str | None = None) -> BalanceLine:
    """Read a balance transaction of Stripe's API, with its source expanded or not. Raise StripeUnavailable."""
    try:
        source = found["source"]
        whole: Mapping[str, Any] = source if isinstance(source, dict) else {}
        rate = found.get("exchange_rate")
        return BalanceLine(
            id=_text(found["id"]),
            livemode=livemode,
            type=_text(found["type"]),
            category=_text(found.get("reporting_category") or found["type"]),
            amount=_whole(found["amount"]),
            fee=_whole(found["fee"]),
            net=_whole(found["net"]),
            currency=_text(found["currency"]),
            exchange_rate=None if rate is None else Decimal(str(rate)),
            source_id=whole.get("id") if whole else source if isinstance(source, str) else None,
            source_amount=_whole(whole["amount"]) if "amount" in whole else None,
            source_currency=_text(whole["currency"]) if "currency" in whole else None,
            payment_id=_payment(whole),
            payout_id=payout_id,
            created_at=_time(found["created"]),
            available_on=_time(found["available_on"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise StripeUnavailable(
            f"a balance transaction of Stripe ({found.get('id')}) cannot be read: {error}"
        ) from error


def payout_of(found: Mapping[str, Any], *, livemode: bool) -> Payout:
    """Read a payout of Stripe's API. Raise StripeUnavailable."""
    try:
        return Payout(
            id=_text(found["id"]),
            livemode=livemode,
            amount=_whole(found["amount"]),
            currency=_text(found["currency"]),
            status=_text(found["status"]),
            automatic=bool(found["automatic"]),
            reconciliation=_text(found.get("reconciliation_status") or "not_applicable"),
            failure_code=found.get("failure_code"),
            created_at=_time(found["created"]),
            arrives_at=_time(found["arrival_date"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise StripeUnavailable(f"a payout of Stripe ({found.get('id')}) cannot be read: {error}") from error


def _payment(source: Mapping[str, Any]) -> str | None:
    """Return the payment that a charge, refund or dispute belongs to: its PaymentIntent, or its charge without one."""
    if source.get("object") not in ("charge", "refund", "dispute"):
        return None
    of_charge = source["id"] if source["object"] == "charge" else source.get("charge")
    for named in (source.get("payment_intent"), of_charge):
        if isinstance(named, str):
            return named
    return None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{value!r} is no amount")
    return value


def _time(value: Any) -> datetime:
    return datetime.fromtimestamp(_whole(value), UTC)
