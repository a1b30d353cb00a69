"""Which payment of an order a refund is of, and how much of it: what is refused before Stripe is asked."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from checkout_daemon.errors import CheckoutError, FieldError, InvalidRequest, NotFound
from checkout_daemon.ledger.derive import OrderFacts
from checkout_daemon.ledger.facts import DisputeFact, DisputeStatus
from checkout_daemon.ledger.merge import Merged
from checkout_daemon.model.money import format_money, step
from checkout_daemon.model.orders import OrderTerms
from checkout_daemon.orders.refund_requests import RefundRequest
from checkout_daemon.orders.refundable import RefundablePayment, refundable_payments


class NotRefundable(CheckoutError):
    """Nothing was paid, or less is left of it."""

    code = "not_refundable"
    status = 409
    exit_code = 4
    title = "The order cannot be refunded like this"


# Stripe refuses these; an inquiry may still be refunded, which is how one ends well.
# https://docs.stripe.com/disputes/responding
_DISPUTES_AGAINST_REFUNDS = frozenset(
    {
        DisputeStatus.NEEDS_RESPONSE,
        DisputeStatus.RESPONSE_DISABLED,
        DisputeStatus.UNDER_REVIEW,
        DisputeStatus.LOST,
        DisputeStatus.APPEAL_NEEDS_RESPONSE,
        DisputeStatus.APPEAL_UNDER_REVIEW,
    }
)


class RefundUnderWay(CheckoutError):
    """Another refund of the order has no certain answer from Stripe yet."""

    code = "refund_under_way"
    status = 409
    exit_code = 4
    title = "Another refund is under way"


class SeveralPayments(CheckoutError):
    """The order has several payments with money left; the message lists them."""

    code = "several_payments"
    status = 409
    exit_code = 2
    title = "Several payments can be refunded"


@dataclass(frozen=True, slots=True)
class RefundWish:
    """What an operator asks for: all that is left of the one payment, unless told otherwise.

    `payment_id` may be a charge's or a session's. `reason` is one of Stripe's. Amount in minor units.
    """

    amount: int | None = None
    payment_id: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class RefundPlan:
    """What will be given back, and what is left then. Amounts in minor units."""

    order_id: str
    number: int
    payment_id: str
    amount: int
    currency: str
    left_afterwards: int


def plan(merged: Merged, order_id: str, wish: RefundWish, unanswered: RefundRequest | None) -> RefundPlan:
    """Plan a refund. Raises NotFound, NotRefundable, RefundUnderWay, SeveralPayments or InvalidRequest."""
    order = merged.orders[order_id]
    if unanswered is not None:
        raise RefundUnderWay(
            f"order {order.number} has a refund of {format_money(unanswered.amount, unanswered.currency)} since "
            f"{unanswered.started_at:%Y-%m-%d %H:%M:%S} UTC that Stripe has not answered for certain: it is under way, "
            "so do not ask again; a running daemon looks for it at Stripe and records what it finds: `checkout orders "
            f"explain {order.number}` shows where it stands"
        )
    terms = OrderTerms(order.id, order.amount_total, order.currency, order.livemode)
    facts = merged.facts(order_id)
    payments = refundable_payments(terms, facts)
    disputed = _disputed(facts)
    if wish.payment_id is not None:
        payment = _named(merged, order.number, payments, wish.payment_id)
    else:
        payment = _only(merged, order_id, payments, disputed)
    if payment.id in disputed:
        raise NotRefundable(_why_not(disputed[payment.id], order.number))
    amount = payment.left if wish.amount is None else wish.amount
    smallest = step(payment.currency)
    if amount <= 0 or amount % smallest:
        multiple = f", a multiple of {smallest}" if smallest > 1 else ""
        detail = f"a refund in {payment.currency} is at least {smallest} in minor units{multiple}, not {amount}"
        raise InvalidRequest([FieldError("/amount", "invalid_amount", detail)])
    if amount > payment.left:
        raise NotRefundable(
            f"{format_money(amount, payment.currency)} is more than the {format_money(payment.left, payment.currency)} "
            f"left of payment {payment.id} of order {order.number}"
        )
    return RefundPlan(order_id, order.number, payment.id, amount, payment.currency, payment.left - amount)


def _disputed(facts: OrderFacts) -> dict[str, DisputeFact]:
    """Return the payments that Stripe refunds no more, with the dispute that is why."""
    return {each.payment_id: each for each in facts.disputes if each.status in _DISPUTES_AGAINST_REFUNDS}


def _why_not(dispute: DisputeFact, number: int) -> str:
    if dispute.status is DisputeStatus.LOST:
        why = "is lost, so the customer has the money already"
    else:
        why = "is open: answer or accept it in Stripe's dashboard; to accept it gives the money back"
    return (
        f"payment {dispute.payment_id} of order {number} cannot be refunded: its dispute {dispute.id} {why}; "
        f"`checkout orders explain {number}` shows what to do"
    )


def _named(merged: Merged, number: int, payments: Sequence[RefundablePayment], named: str) -> RefundablePayment:
    payment_id = merged.base.links.payment_of(named)
    for each in payments:
        if each.id == payment_id:
            if not each.left:
                raise NotRefundable(f"nothing is left of payment {payment_id} of order {number}: it is refunded")
            return each
    raise NotFound(f"order {number} has no payment {named!r}: `checkout orders show {number}` has those it has")


def _only(
    merged: Merged, order_id: str, payments: Sequence[RefundablePayment], disputed: Collection[str]
) -> RefundablePayment:
    order = merged.orders[order_id]
    left = [each for each in payments if each.left]
    left = [each for each in left if each.id not in disputed] or left[:1]
    if len(left) > 1:
        listed = "\n".join(f"  --payment {each.id}  {format_money(each.left, each.currency)} left" for each in left)
        raise SeveralPayments(f"order {order.number} has several payments; name the one that you mean:\n{listed}")
    if left:
        return left[0]
    if payments:
        raise NotRefundable(f"nothing is left of what was paid for order {order.number}: it is refunded")
    if not order.amount_total:
        raise NotRefundable(f"order {order.number} was free: there is nothing to give back")
    status = merged.derived(order_id).status
    raise NotRefundable(f"nothing was paid for order {order.number} yet: it is {status}")
