"""What the offline Stripe takes for itself, by one table, and the currency in which it settles."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from checkout_daemon.sandbox.amounts import decimals
from checkout_daemon.sandbox.box import Box

CARD_SHARE = Fraction(29, 1000)
"""Of a payment by card: 2.9 %, rounded half up to a minor unit."""

_FIXED = {0: 30, 2: 30, 3: 300}
_DEBIT = {0: 35, 2: 35, 3: 350}
_DISPUTE = {0: 1500, 2: 1500, 3: 15_000}
"""Minor units by the decimals of the currency: 0.30 more for a card, 0.35 for a bank debit, 15.00 for a dispute."""

_STATE = "settlement"


@dataclass(frozen=True, slots=True)
class Settlement:
    """The currency to which payments in the currencies of `rates` are converted; without one, each stays as it is.

    A rate is what one unit of the payment's currency is worth, such as 0.92 of EUR for USD.
    """

    currency: str | None = None
    rates: Mapping[str, float] = field(default_factory=dict)

    def convert(self, amount: int, currency: str) -> tuple[int, str, float | None]:
        """Return the settled amount in minor units, its currency, and the rate, or None without a conversion."""
        rate = self.rates.get(currency) if currency != self.currency else None
        if self.currency is None or rate is None:
            return amount, currency, None
        exact = Fraction(str(rate)) * amount * 10 ** decimals(self.currency) / 10 ** decimals(currency)
        return rounded(exact), self.currency, rate


def read_settlement(box: Box) -> Settlement:
    """Return how payments are settled."""
    stored = box.storage.state(_STATE)
    return Settlement(**json.loads(stored)) if stored else Settlement()


def set_settlement(box: Box, settlement: Settlement) -> None:
    """Settle later payments like this. Those that are booked stay as they are."""
    box.storage.set_state(_STATE, json.dumps({"currency": settlement.currency, "rates": dict(settlement.rates)}))


def fee_of(kind: str, amount: int, currency: str) -> int:
    """Return the fee of a payment in minor units, given the kind of its balance transaction."""
    if kind == "charge":
        return rounded(amount * CARD_SHARE) + _FIXED[decimals(currency)]
    return _DEBIT[decimals(currency)] if kind == "payment" else 0


def dispute_fee(currency: str) -> int:
    """Return the fee of a dispute in minor units."""
    return _DISPUTE[decimals(currency)]


def rounded(exact: Fraction) -> int:
    """Return the nearest whole number, half away from zero."""
    whole = int(abs(exact) + Fraction(1, 2))
    return whole if exact >= 0 else -whole
