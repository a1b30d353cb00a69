"""Decides which payment a refund is of and how much it gives back, and refuses it before Stripe is asked."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from checkout_daemon.errors import CheckoutError, FieldError, InvalidRequest, NotFound
from checkout_daemon.ledger.derive import LIVE_REFUNDS, OrderFacts
from checkout_daemon.ledger.facts import DisputeFact, DisputeStatus
from checkout_daemon.ledger.merge import Merged
from checkout_daemon.ledger.order_states import LockedOrder
from checkout_daemon.model.money import LARGEST_AMOUNT, format_money, step
from checkout_daemon.orders.refund_items import RefundedItem, WantedItem
from checkout_daemon.orders.refund_request_store import RefundRequest

# Stripe refuses refunds of payments with these disputes. An inquiry may still be refunded, which ends it well.
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

TOO_LARGE = f"a refund is at most {LARGEST_AMOUNT} in minor units: give what is left of the payment, or less"


class NotRefundable(CheckoutError):
    """Nothing was paid, less is left than asked for, or a dispute prevents the refund."""

    code = "not_refundable"
    status = 409
    exit_code = 4
    title = "The order cannot be refunded like this"


class RefundUnderWay(CheckoutError):
    """Another refund of the order has no definite answer from Stripe yet."""

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
class RefundOptions:
    """What an operator may choose. By default, a refund gives back all that is left of the order's one payment.

    `payment_id` may be the id of a charge or a session. `reason` is one of Stripe's. Amount in minor units. With
    `items`, the amount is what they cost; one that is given as well must be the same. `restock`: its items go back into
    stock; without items, all that were not refunded before.
    """

    amount: int | None = None
    payment_id: str | None = None
    reason: str | None = None
    items: tuple[WantedItem, ...] = ()
    restock: bool = False


@dataclass(frozen=True, slots=True)
class RefundPlan:
    """What a refund gives back, and what it leaves of the payment. Amounts in minor units."""

    order_id: str
    number: int
    payment_id: str
    amount: int
    currency: str
    left_afterwards: int
    items: tuple[RefundedItem, ...] = ()

    def confirmed(self, reason: str | None, *, restock: bool = False) -> RefundOptions:
        """Return the options that lead to exactly this refund, or are refused."""
        items = tuple(WantedItem(item.sku, item.quantity) for item in self.items)
        return RefundOptions(self.amount, self.payment_id, reason, items, restock)


@dataclass(frozen=True, slots=True)
class RefundablePayment:
    """A payment of an order's mode, and what is left of it in minor units."""

    id: str
    currency: str
    left: int


def prevents_refund(dispute_status: str) -> bool:
    """Return whether Stripe refuses refunds of a payment with a dispute of this status."""
    return dispute_status in _DISPUTES_AGAINST_REFUNDS


def plan(merged: Merged, order_id: str, options: RefundOptions, unanswered: RefundRequest | None) -> RefundPlan:
    """Plan a refund of an amount. Raise NotFound, NotRefundable, RefundUnderWay, SeveralPayments or InvalidRequest."""
    payment = choose_payment(merged, order_id, options, unanswered)
    return plan_amount(merged.orders[order_id], payment, payment.left if options.amount is None else options.amount)


def choose_payment(
    merged: Merged, order_id: str, options: RefundOptions, unanswered: RefundRequest | None
) -> RefundablePayment:
    """Return the payment to refund. Raise NotFound, NotRefundable, RefundUnderWay or SeveralPayments."""
    order = merged.orders[order_id]
    if unanswered is not None:
        raise RefundUnderWay(
            f"order {order.number} has a refund of {format_money(unanswered.amount, unanswered.currency)} since "
            f"{unanswered.started_at:%Y-%m-%d %H:%M:%S} UTC that Stripe has not answered for certain: it is under way, "
            "so do not ask again; a running daemon looks for it at Stripe and records the result: `checkout orders "
            f"explain {order.number}` shows its progress"
        )
    facts = merged.facts(order_id)
    payments = _payments(facts, livemode=order.livemode)
    disputed = {dispute.payment_id: dispute for dispute in facts.disputes if prevents_refund(dispute.status)}
    if options.payment_id is not None:
        payment = _named(merged, order.number, payments, options.payment_id)
    else:
        payment = _only(merged, order_id, payments, disputed)
    if payment.id in disputed:
        raise NotRefundable(_why_not(disputed[payment.id], order.number))
    return payment


def plan_amount(
    order: LockedOrder, payment: RefundablePayment, amount: int, items: tuple[RefundedItem, ...] = ()
) -> RefundPlan:
    """Plan a refund of an amount: what the items cost, if there are any. Raise NotRefundable or InvalidRequest."""
    smallest = step(payment.currency)
    if amount <= 0 or amount % smallest:
        multiple = f", a multiple of {smallest}" if smallest > 1 else ""
        detail = f"a refund in {payment.currency} is at least {smallest} in minor units{multiple}, not {amount}"
        raise InvalidRequest([FieldError("/amount", "invalid_amount", detail)])
    if amount > LARGEST_AMOUNT:
        raise InvalidRequest([FieldError("/amount", "invalid_amount", TOO_LARGE)])
    if amount > payment.left:
        raise NotRefundable(
            f"{format_money(amount, payment.currency)} is more than the {format_money(payment.left, payment.currency)} "
            f"left of payment {payment.id} of order {order.number}"
        )
    return RefundPlan(order.id, order.number, payment.id, amount, payment.currency, payment.left - amount, items)


def _payments(facts: OrderFacts, *, livemode: bool) -> list[RefundablePayment]:
    """Return the payments of the order's mode by id: valid or not, and also if nothing is left of them.

    If reports disagree on an amount, the largest counts: Stripe knows how much there really was.
    """
    found = []
    for payment_id, observations in dict(facts.payments).items():
        reported = [
            (observation.amount, observation.currency)
            for observation in observations
            if observation.livemode == livemode and observation.amount > 0
        ]
        if not reported or payment_id.startswith("cs_"):  # the session of a free order: no money moved
            continue
        amount, currency = max(reported)
        refunds = [refund for refund in facts.refunds if refund.payment_id == payment_id]
        refunded = sum(refund.amount for refund in refunds if refund.status in LIVE_REFUNDS)
        found.append(RefundablePayment(payment_id, currency, max(amount - refunded, 0)))
    return sorted(found, key=lambda payment: payment.id)


def _why_not(dispute: DisputeFact, number: int) -> str:
    if dispute.status is DisputeStatus.LOST:
        why = "is lost, so the customer already has the money"
    elif dispute.status in (DisputeStatus.UNDER_REVIEW, DisputeStatus.APPEAL_UNDER_REVIEW):
        why = "is answered, and the customer's bank decides"
    else:
        why = (
            f"is open: answer it (`checkout disputes evidence {dispute.id}`), or give the money back by accepting it "
            f"(`checkout disputes accept {dispute.id}`)"
        )
    return (
        f"payment {dispute.payment_id} of order {number} cannot be refunded: its dispute {dispute.id} {why}; "
        f"`checkout orders explain {number}` shows how it stands"
    )


def _named(merged: Merged, number: int, payments: Sequence[RefundablePayment], named: str) -> RefundablePayment:
    payment_id = merged.base.links.payment_of(named)
    for payment in payments:
        if payment.id == payment_id:
            if not payment.left:
                raise NotRefundable(f"nothing is left of payment {payment_id} of order {number}: it is refunded")
            return payment
    raise NotFound(f"order {number} has no payment {named!r}: `checkout orders show {number}` lists its payments")


def _only(
    merged: Merged, order_id: str, payments: Sequence[RefundablePayment], disputed: Collection[str]
) -> RefundablePayment:
    order = merged.orders[order_id]
    left = [payment for payment in payments if payment.left]
    left = [payment for payment in left if payment.id not in disputed] or left[:1]
    if len(left) > 1:
        listed = "\n".join(
            f"  --payment {payment.id}  {format_money(payment.left, payment.currency)} left" for payment in left
        )
        raise SeveralPayments(f"order {order.number} has several payments; name the one that you mean:\n{listed}")
    if left:
        return left[0]
    if payments:
        raise NotRefundable(f"nothing is left of what was paid for order {order.number}: it is refunded")
    if not order.amount_total:
        raise NotRefundable(f"order {order.number} was free: there is nothing to give back")
    status = merged.derived(order_id).status
    raise NotRefundable(f"nothing was paid for order {order.number} yet: it is {status}")
