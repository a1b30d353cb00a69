"""With what an order was paid, as lists show it."""

from __future__ import annotations

from dataclasses import dataclass

from checkout_daemon.model.payment_names import method_name


@dataclass(frozen=True, slots=True)
class PaidWith:
    """The charge that paid an order, or else its last attempt, as lists and exports show it; None: not known."""

    payment_method: str | None = None
    card_brand: str | None = None
    last4: str | None = None
    card_funding: str | None = None
    card_country: str | None = None
    card_wallet: str | None = None
    card_network: str | None = None
    decline_code: str | None = None
    decline_message: str | None = None
    risk_level: str | None = None
    risk_score: int | None = None

    @property
    def name(self) -> str:
        """The card or account in short, and why it was declined: `Visa 9995, insufficient funds`."""
        declined = self.decline_code.replace("_", " ") if self.decline_code else ""
        return ", ".join(filter(None, (method_name(self.payment_method, self.card_brand, self.last4), declined)))
