"""The charges of an order: with what it was paid, and why an attempt to pay it was declined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from checkout_daemon.database.queries import sql
from checkout_daemon.database.records import record_of
from checkout_daemon.model.charges import PaidWith
from checkout_daemon.model.payment_names import code_words, decline_words, method_name


@dataclass(frozen=True, slots=True)
class ChargeLine:
    """An attempt to take the money of a payment. Codes are Stripe's; `risk_score` is 0 to 100.

    Its id is a charge's, or that of the payment method or PaymentIntent if it was refused before there was a charge.
    """

    id: str
    payment_id: str
    status: str
    created_at: datetime
    method: str | None = None
    brand: str | None = None
    last4: str | None = None
    funding: str | None = None
    country: str | None = None
    wallet: str | None = None
    network: str | None = None
    decline_code: str | None = None
    decline_message: str | None = None
    risk_level: str | None = None
    risk_score: int | None = None

    @property
    def name(self) -> str:
        """The card or account in short, such as `Visa 4242`; empty if nothing is known."""
        return method_name(self.method, self.brand, self.last4)

    @property
    def described(self) -> str:
        """The card or account with what else is known of it, such as `Visa 4242, debit, AT, Apple Pay`."""
        wallet = self.wallet.replace("_", " ").title() if self.wallet else None
        network = f"over {code_words(self.network)}" if self.network and self.network != self.brand else None
        return ", ".join(filter(None, (self.name, self.funding, self.country, wallet, network)))

    @property
    def declined(self) -> str:
        """Why it was declined, such as `Your card has insufficient funds (insufficient_funds)`; empty if it was not."""
        return decline_words(self.decline_message, self.decline_code)

    @property
    def risk(self) -> str:
        """Stripe's assessment, such as `normal risk (12)`; empty without one."""
        if self.risk_level is None or self.risk_level == "not_assessed":
            return ""
        score = "" if self.risk_score is None else f" ({self.risk_score})"
        return f"{self.risk_level.replace('_', ' ')} risk{score}"


async def read_paid_with(connection: asyncpg.Connection, order_ids: Sequence[str]) -> dict[str, PaidWith]:
    """Return for each of these orders with what it was paid, or tried to be paid."""
    found = dict.fromkeys(order_ids, PaidWith())
    for row in await connection.fetch(sql("read_paid_with"), list(order_ids)):
        found[str(row["order_id"])] = record_of(PaidWith, row)
    return found
