"""What can be given back of an order's payments: valid ones, second ones, and those that do not match the order."""

from __future__ import annotations

from dataclasses import dataclass

from checkout_daemon.ledger.derive import LIVE_REFUNDS, OrderFacts
from checkout_daemon.model.orders import OrderTerms


@dataclass(frozen=True, slots=True)
class RefundablePayment:
    """A payment in which there was money, and how much of it is left. Amounts in minor units."""

    id: str
    amount: int
    currency: str
    left: int


def refundable_payments(terms: OrderTerms, facts: OrderFacts) -> tuple[RefundablePayment, ...]:
    """Payments of the order's mode, also where nothing is left, by id.

    Where Stripe's objects disagree on an amount the largest counts: how much there really was, Stripe knows.
    """
    found: list[RefundablePayment] = []
    for payment_id, told in dict(facts.payments).items():
        most = max(
            (each for each in told if each.livemode == terms.livemode and each.amount > 0),
            key=lambda each: (each.amount, each.currency),
            default=None,
        )
        if most is None or payment_id.startswith("cs_"):  # a free order's session: no money moved
            continue
        refunded = sum(
            each.amount for each in facts.refunds if each.payment_id == payment_id and each.status in LIVE_REFUNDS
        )
        found.append(RefundablePayment(payment_id, most.amount, most.currency, max(most.amount - refunded, 0)))
    return tuple(sorted(found, key=lambda each: each.id))
