"""Facts about charges: with what a payment was attempted, and why it was declined. They never move a status."""

from __future__ import annotations

from datetime import datetime
from enum import IntEnum
from operator import attrgetter
from typing import Any, ClassVar

import msgspec

from checkout_daemon.ledger.facts import Fact, Ranked, greatest, later


class ChargeStatus(Ranked):
    """Stripe's `status` of a charge, in join order. UNKNOWN: none that this version knows."""

    UNKNOWN = "unknown"
    PENDING = "pending"
    FAILED = "failed"
    SUCCEEDED = "succeeded"


class DeclineSource(IntEnum):
    """Where a decline code was read; the most exact wins."""

    ERROR_CODE = 0
    FAILURE_CODE = 1
    OUTCOME = 2
    DECLINE_CODE = 3


class DeclineReport(msgspec.Struct, frozen=True, order=True, array_like=True):
    """Why a charge was declined: of the most exact source, its latest report. `message` may be empty."""

    source: DeclineSource
    at: datetime
    code: str
    message: str


class RiskReport(msgspec.Struct, frozen=True, order=True, array_like=True):
    """The latest report of Stripe's assessment: a level, and a score of 0 to 100, or -1 if Stripe reports none."""

    at: datetime
    level: str
    score: int


class ChargeFact(Fact, frozen=True, array_like=True):
    """An attempt to take the money of a payment.

    What describes the card or account is constant at Stripe; a report may lack some of it. greatest() makes even a
    contradiction end the same in any order. Texts are as Stripe wrote them.
    """

    moves_orders = False
    of_payment = False
    key_fields = attrgetter("payment_id", "id", "livemode")
    joins: ClassVar[Any] = {
        "created_at": min,
        "status": later,
        **dict.fromkeys(("method", "brand", "last4", "funding", "country", "wallet", "network"), greatest),
        "decline": greatest,
        "risk": greatest,
    }
    payment_id: str  # pi_; the charge itself where there is no PaymentIntent
    id: str  # ch_, or py_ for bank debits; pm_ or pi_ if the attempt was refused before there was a charge
    livemode: bool
    created_at: datetime
    status: ChargeStatus
    method: str | None = None  # card, sepa_debit, …
    brand: str | None = None
    last4: str | None = None  # of the card, or of the account that was debited
    funding: str | None = None
    country: str | None = None
    wallet: str | None = None
    network: str | None = None
    decline: DeclineReport | None = None
    risk: RiskReport | None = None
