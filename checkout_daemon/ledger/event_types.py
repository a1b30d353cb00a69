"""The event types that the daemon uses, one row each: how to translate one, what it means and how to trigger it.

This module imports nothing of the project, so that a shell completes an event type without waiting for the translators.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, NamedTuple


class Scenario(StrEnum):
    """What `checkout trigger --order` does to an order at Stripe so that the event happens.

    The requests of each scenario are in stripe_cli/order_fixtures.py.
    """

    PAY = "pay"
    DECLINE = "decline"
    DEBIT = "debit"
    DEBIT_THAT_FAILS = "debit_that_fails"
    EXPIRE = "expire"
    DECLINE_AND_EXPIRE = "decline_and_expire"
    REFUND = "refund"
    CHANGE_REFUND = "change_refund"
    REFUND_THAT_FAILS = "refund_that_fails"
    DISPUTE = "dispute"
    CHANGE_DISPUTE = "change_dispute"
    CLOSE_DISPUTE = "close_dispute"
    WIN_DISPUTE = "win_dispute"
    WARN = "warn"
    CHANGE_WARNING = "change_warning"


class EventType(NamedTuple):
    """One row of the table; a NamedTuple, which imports quicker than a dataclass.

    `translator` names a function of ledger/translate as `module.function`.
    """

    name: str
    translator: str
    description: str
    scenario: Scenario

    @property
    def needs(self) -> Literal["unpaid", "paid", "disputed"]:
        """Return the state that the order of `checkout trigger --order` must have; unpaid: with an open session."""
        if self.scenario in (Scenario.REFUND, Scenario.CHANGE_REFUND, Scenario.CHANGE_WARNING):
            return "paid"
        changes_dispute = self.scenario in (Scenario.CHANGE_DISPUTE, Scenario.CLOSE_DISPUTE, Scenario.WIN_DISPUTE)
        return "disputed" if changes_dispute else "unpaid"


_ROWS = (
    EventType(
        "checkout.session.completed",
        "session.completed",
        "the shopper finished Checkout: paid, or a debit is on its way",
        Scenario.PAY,
    ),
    EventType(
        "checkout.session.async_payment_succeeded",
        "session.async_payment_succeeded",
        "a debit arrived: paid",
        Scenario.DEBIT,
    ),
    EventType(
        "checkout.session.async_payment_failed",
        "session.async_payment_failed",
        "a debit was refused",
        Scenario.DEBIT_THAT_FAILS,
    ),
    EventType("checkout.session.expired", "session.expired", "a session closed without payment", Scenario.EXPIRE),
    EventType("payment_intent.succeeded", "payment_intent.succeeded", "a payment came in", Scenario.PAY),
    EventType(
        "payment_intent.payment_failed",
        "payment_intent.failed",
        "an attempt to pay was refused; the session stays open",
        Scenario.DECLINE,
    ),
    EventType("payment_intent.processing", "payment_intent.links_only", "a debit is on its way", Scenario.DEBIT),
    EventType(
        "payment_intent.canceled",
        "payment_intent.canceled",
        "a payment was canceled; no money will come of it",
        Scenario.DECLINE_AND_EXPIRE,
    ),
    EventType("charge.succeeded", "charge.succeeded", "a card or account was charged", Scenario.PAY),
    EventType("charge.failed", "charge.failed", "a card or account was not charged", Scenario.DECLINE),
    EventType("charge.refunded", "charge.refunded", "money was refunded; reports the total", Scenario.REFUND),
    EventType("charge.refund.updated", "refund.translate", "a refund changed", Scenario.CHANGE_REFUND),
    EventType("charge.dispute.created", "dispute.translate", "the cardholder disputes a payment", Scenario.DISPUTE),
    EventType(
        "charge.dispute.updated",
        "dispute.translate",
        "a dispute changed: new evidence, or the other side must answer",
        Scenario.CHANGE_DISPUTE,
    ),
    EventType(
        "charge.dispute.closed",
        "dispute.translate",
        "a dispute ended: won, lost, or a closed inquiry",
        Scenario.CLOSE_DISPUTE,
    ),
    EventType(
        "charge.dispute.funds_withdrawn",
        "dispute.funds_withdrawn",
        "the bank withdrew the disputed money",
        Scenario.DISPUTE,
    ),
    EventType(
        "charge.dispute.funds_reinstated",
        "dispute.funds_reinstated",
        "the disputed money came back to us",
        Scenario.WIN_DISPUTE,
    ),
    EventType("refund.created", "refund.translate", "a refund was made", Scenario.REFUND),
    EventType("refund.updated", "refund.translate", "a refund changed", Scenario.CHANGE_REFUND),
    EventType(
        "refund.failed",
        "refund.translate",
        "the bank returned a refund: the money is ours again",
        Scenario.REFUND_THAT_FAILS,
    ),
    EventType(
        "radar.early_fraud_warning.created",
        "fraud_warning.translate",
        "the card's issuer reports a payment as fraudulent",
        Scenario.WARN,
    ),
    EventType(
        "radar.early_fraud_warning.updated",
        "fraud_warning.translate",
        "a refund or dispute overtook such a warning",
        Scenario.CHANGE_WARNING,
    ),
)

EVENT_TYPES = {row.name: row for row in _ROWS}
"""By name, in the order in which they are shown. The webhook endpoint is registered for exactly these."""

PAYOUT_TYPES = ("payout.canceled", "payout.failed", "payout.paid", "payout.reconciliation_completed")
"""What our endpoint is registered for besides, about the balance. An endpoint without them is no fault."""

BALANCE_TYPES = (*PAYOUT_TYPES, "payout.created", "payout.updated", "charge.updated")
"""Events that no order depends on: they have the balance read at once (bank/reading.py), and are never merged."""

ENDPOINT_TYPES = (*EVENT_TYPES, *PAYOUT_TYPES)
"""What our endpoint at Stripe is registered for. `charge.updated` is not: there is one for every payment, and what it
reports, a balance transaction without its amounts, is read from Stripe's list, a hundred at a time."""
