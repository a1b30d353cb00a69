"""What each event type that we use says, and which orders it can be brought about for: for people.

Imports nothing of ours: a shell that completes a type of event waits for no more than this.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Meaning:
    """`order`: what an order must be for `checkout trigger --order`: unpaid, with an open session; paid; disputed."""

    says: str
    order: str


MEANINGS = {
    "checkout.session.completed": Meaning(
        "the shopper has been through Checkout: paid, or a debit is on its way", "unpaid"
    ),
    "checkout.session.async_payment_succeeded": Meaning("a debit that was on its way has come: paid", "unpaid"),
    "checkout.session.async_payment_failed": Meaning("a debit that was on its way was refused", "unpaid"),
    "checkout.session.expired": Meaning("a session closed without payment", "unpaid"),
    "payment_intent.succeeded": Meaning("a payment came in", "unpaid"),
    "payment_intent.payment_failed": Meaning("a try to pay was refused; the session stays open", "unpaid"),
    "payment_intent.processing": Meaning("a debit is on its way", "unpaid"),
    "payment_intent.canceled": Meaning("a payment that was begun will not come", "unpaid"),
    "charge.succeeded": Meaning("a card or account was charged", "unpaid"),
    "charge.failed": Meaning("a card or account was not charged", "unpaid"),
    "charge.refunded": Meaning("money was given back; how much in all", "paid"),
    "charge.refund.updated": Meaning("a refund changed", "paid"),
    "charge.dispute.created": Meaning("the cardholder disputes a payment", "unpaid"),
    "charge.dispute.updated": Meaning("a dispute changed: evidence, or who has the next word", "disputed"),
    "charge.dispute.closed": Meaning("a dispute ended: won, lost, or a closed inquiry", "disputed"),
    "charge.dispute.funds_withdrawn": Meaning("the bank took the disputed money back", "unpaid"),
    "charge.dispute.funds_reinstated": Meaning("the disputed money is ours again", "disputed"),
    "refund.created": Meaning("a refund was made", "paid"),
    "refund.updated": Meaning("a refund changed", "paid"),
    "refund.failed": Meaning("the bank sent a refund back: the money is ours again", "unpaid"),
}
"""By event type: one for each of EVENT_TYPES, in their order."""
