"""Builds the Stripe CLI's fixture steps that bring an event about for one order.

They act on the order's own session, payment or dispute, in its own amount and currency. The format is the Stripe CLI's:
https://docs.stripe.com/cli/fixtures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from checkout_daemon.errors import CheckoutError
from checkout_daemon.ledger.event_types import EVENT_TYPES, Scenario
from checkout_daemon.model.money import format_money
from checkout_daemon.model.orders import PAYABLE_STATUSES, OrderStatus
from checkout_daemon.orders.order_lists import DisputeLine, OrderSession, OrderView, PaymentLine, RefundLine

DEBIT = "sepa_debit"
TAG = "checkout_trigger"
"""The metadata key that marks what a trigger made."""

_SUCCEEDING_IBAN = "AT611904300234573201"
_FAILING_IBAN = "IT60X0542811101000000123456"
_LIVE_REFUNDS = ("requires_action", "pending", "succeeded")
_OPEN_DISPUTES = ("needs_response", "warning_needs_response", "under_review", "warning_under_review")
_ADDRESS = {"line1": "Stephansplatz 1", "city": "Wien", "postal_code": "1010", "country": "AT"}


class NotInThisState(CheckoutError):
    """The event cannot be brought about for the order as it is; the message says why and what to do first."""

    code = "not_in_this_state"
    status = 409
    exit_code = 4
    title = "The order's state does not allow it"


@dataclass(frozen=True, slots=True)
class Step:
    """One request of the CLI's. `refusal`: the type of error that is expected, and no failure."""

    name: str
    method: str
    path: str
    params: dict[str, Any] | None = None
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """`make_session` is the command that makes an open session for the order; `amount` is for refunds, else all left.

    `methods` are the payment methods that its open session takes, where `needs_methods` says that it matters.
    """

    event: str
    view: OrderView
    make_session: str
    amount: int | None = None
    methods: Sequence[str] = ()
    offline: bool = False  # the Stripe asked is ours, which can do more than Stripe's test mode

    @property
    def named(self) -> str:
        return f"order {self.view.order.number}"


def fixture(steps: Sequence[Step]) -> dict[str, Any]:
    """Return the fixture file that the CLI reads."""
    return {"_meta": {"template_version": 0}, "fixtures": [_as_json(step) for step in steps]}


def steps_for(wanted: Wanted) -> list[Step]:
    """Return the requests that bring the event about for the order. Raises NotInThisState."""
    return _STEPS[EVENT_TYPES[wanted.event].scenario](wanted)


def needs_methods(event: str) -> bool:
    """Return whether the payment methods of the order's session matter: only a debit is paid later."""
    return EVENT_TYPES[event].scenario in (Scenario.DEBIT, Scenario.DEBIT_THAT_FAILS)


def takes_amount(event: str) -> bool:
    """Return whether an amount can be chosen: only that of a refund."""
    return EVENT_TYPES[event].scenario in (Scenario.REFUND, Scenario.CHANGE_REFUND)


def open_session(view: OrderView) -> OrderSession | None:
    return next((each for each in reversed(view.sessions) if each.status == "open"), None)


def _pay(wanted: Wanted) -> list[Step]:
    session = _session(wanted)
    if wanted.view.order.amount_total == 0:
        if wanted.event != "checkout.session.completed":
            raise NotInThisState(f"{wanted.named} costs nothing: nothing is charged; checkout.session.completed works")
        return [Step("confirm", "post", f"/v1/payment_pages/{session.id}/confirm", {"expected_amount": 0})]
    return _pay_by(wanted, _card("tok_visa"))


def _decline(wanted: Wanted) -> list[Step]:
    _session(wanted, charges=True)
    return _pay_by(wanted, _card("tok_visa_chargeDeclined"), refusal="card_error")


def _expire(wanted: Wanted) -> list[Step]:
    return [Step("expire", "post", f"/v1/checkout/sessions/{_session(wanted).id}/expire")]


def _decline_and_expire(wanted: Wanted) -> list[Step]:
    """A payment must be begun before it can be canceled, and only its session's end cancels it."""
    return [*_decline(wanted), *_expire(wanted)]


def _debit(wanted: Wanted) -> list[Step]:
    return _pay_by_debit(wanted, _SUCCEEDING_IBAN)


def _debit_that_fails(wanted: Wanted) -> list[Step]:
    return _pay_by_debit(wanted, _FAILING_IBAN)


def _pay_by_debit(wanted: Wanted, iban: str) -> list[Step]:
    session = _session(wanted, charges=True)
    if DEBIT not in wanted.methods:
        takes = ", ".join(wanted.methods)
        raise NotInThisState(
            f"{wanted.named}'s session {session.id} takes {takes} and not {DEBIT}: only a debit is paid later; "
            "orders in eur take it once SEPA Direct Debit is enabled in Stripe's settings"
        )
    return _pay_by(wanted, {"type": DEBIT, DEBIT: {"iban": iban}})


def _refund(wanted: Wanted) -> list[Step]:
    payment, left = _refundable(wanted)
    amount = left if wanted.amount is None else wanted.amount
    if amount > left:
        currency = wanted.view.order.currency
        raise NotInThisState(
            f"{wanted.named} has {format_money(left, currency)} left to refund: --amount {amount} is more than {left}"
        )
    whose = "payment_intent" if payment.id.startswith("pi_") else "charge"
    return [Step("refund", "post", "/v1/refunds", {whose: payment.id, "amount": amount})]


def _change_refund(wanted: Wanted) -> list[Step]:
    """The last refund that lives, else a new one."""
    known = [each for each in wanted.view.refunds if each.status in _LIVE_REFUNDS]
    change = {"metadata": {TAG: "changed"}}
    if known and wanted.amount is None:
        return [Step("updated_refund", "post", f"/v1/refunds/{known[-1].id}", change)]
    return [*_refund(wanted), Step("updated_refund", "post", "/v1/refunds/${refund:id}", change)]


def _refund_that_fails(wanted: Wanted) -> list[Step]:
    """Only refunds to a certain test card fail, so the order is paid with it first."""
    if open_session(wanted.view) is None and _paid(wanted.view):
        raise NotInThisState(f"{wanted.named} is paid already, and only refunds to Stripe's card tok_refundFail fail")
    session = _session(wanted, charges=True)
    return [
        *_pay_by(wanted, _card("tok_refundFail")),
        Step("paid_session", "get", f"/v1/checkout/sessions/{session.id}"),
        Step("refund", "post", "/v1/refunds", {"payment_intent": "${paid_session:payment_intent}"}),
    ]


def _dispute(wanted: Wanted) -> list[Step]:
    """A dispute comes from the card that is paid with; the offline Stripe also disputes what is paid already."""
    if open_session(wanted.view) is None and (paid := _paid(wanted.view)):
        if not wanted.offline:
            raise NotInThisState(
                f"{wanted.named} is paid already, and Stripe disputes no payment at our word, only those by the test "
                "card tok_createDispute: take an unpaid order, which is then paid with it"
            )
        return _dispute_paid(paid[-1])
    _session(wanted, charges=True)
    return _pay_by(wanted, _card("tok_createDispute"))


def _dispute_paid(payment: PaymentLine) -> list[Step]:
    by_hand = "/v1/test_helpers/charges/{}/dispute"
    if payment.id.startswith("ch_"):
        return [Step("dispute", "post", by_hand.format(payment.id))]
    return [
        Step("paid_intent", "get", f"/v1/payment_intents/{payment.id}"),
        Step("dispute", "post", by_hand.format("${paid_intent:latest_charge}")),
    ]


def _change_dispute(wanted: Wanted) -> list[Step]:
    dispute = _open_dispute(wanted)
    return [Step("dispute", "post", f"/v1/disputes/{dispute.id}", {"metadata": {TAG: "changed"}})]


def _close_dispute(wanted: Wanted) -> list[Step]:
    return [Step("dispute", "post", f"/v1/disputes/{_open_dispute(wanted).id}/close")]


def _win_dispute(wanted: Wanted) -> list[Step]:
    dispute = _open_dispute(wanted)
    if dispute.status != "needs_response":
        raise NotInThisState(
            f"{wanted.named}'s dispute {dispute.id} is {dispute.status.replace('_', ' ')}: no money was withdrawn that "
            "an answer could bring back now"
        )
    # Stripe's test mode decides by this very text.
    evidence = {"evidence": {"uncategorized_text": "winning_evidence"}}
    return [Step("dispute", "post", f"/v1/disputes/{dispute.id}", evidence)]


def _pay_by(wanted: Wanted, method: dict[str, Any], *, refusal: str | None = None) -> list[Step]:
    order, session = wanted.view.order, _session(wanted)
    details = {"email": order.customer_email, "name": order.customer_name, "address": _ADDRESS}
    confirm = {"payment_method": "${payment_method:id}", "expected_amount": order.amount_total}
    return [
        Step("payment_method", "post", "/v1/payment_methods", {**method, "billing_details": details}),
        Step("confirm", "post", f"/v1/payment_pages/{session.id}/confirm", confirm, refusal),
    ]


def _card(token: str) -> dict[str, Any]:
    return {"type": "card", "card": {"token": token}}


def _session(wanted: Wanted, *, charges: bool = False) -> OrderSession:
    """The order's open session; `charges`: for which something is to be paid."""
    order, session = wanted.view.order, open_session(wanted.view)
    if session is None:
        if OrderStatus(order.status) in PAYABLE_STATUSES and not wanted.view.payments:
            raise NotInThisState(f"{wanted.named} has no open session; this makes one: {wanted.make_session}")
        status = order.status.replace("_", " ")
        raise NotInThisState(f"{wanted.named} is {status} and has no open session: take one that is not paid")
    if charges and order.amount_total == 0:
        raise NotInThisState(f"{wanted.named} costs nothing: nothing is charged that could be refused or come later")
    return session


def _paid(view: OrderView) -> list[PaymentLine]:
    return [each for each in view.payments if each.valid]


def _refundable(wanted: Wanted) -> tuple[PaymentLine, int]:
    payments = _paid(wanted.view)
    if not payments:
        first = f"checkout trigger checkout.session.completed --order {wanted.view.order.number}"
        raise NotInThisState(f"{wanted.named} has no payment to refund; this pays it: {first}")
    for payment in payments:
        if (left := (payment.amount or 0) - _refunded(payment, wanted.view.refunds)) > 0:
            return payment, left
    raise NotInThisState(f"{wanted.named} is refunded already: nothing is left")


def _refunded(payment: PaymentLine, refunds: Sequence[RefundLine]) -> int:
    return sum(each.amount for each in refunds if each.payment_id == payment.id and each.status in _LIVE_REFUNDS)


def _open_dispute(wanted: Wanted) -> DisputeLine:
    for dispute in reversed(wanted.view.disputes):
        if dispute.status in _OPEN_DISPUTES:
            return dispute
    first = f"checkout trigger charge.dispute.created --order {wanted.view.order.number}"
    raise NotInThisState(f"{wanted.named} has no dispute that is open; this makes one of an unpaid order: {first}")


def _as_json(step: Step) -> dict[str, Any]:
    """Return the step without the fields that are not set, since the CLI does not accept null."""
    fields: dict[str, Any] = {"name": step.name, "path": step.path, "method": step.method}
    if step.params is not None:
        fields["params"] = step.params
    if step.refusal is not None:
        fields["expected_error_type"] = step.refusal
    return fields


_STEPS: dict[Scenario, Callable[[Wanted], list[Step]]] = {
    Scenario.PAY: _pay,
    Scenario.DECLINE: _decline,
    Scenario.DEBIT: _debit,
    Scenario.DEBIT_THAT_FAILS: _debit_that_fails,
    Scenario.EXPIRE: _expire,
    Scenario.DECLINE_AND_EXPIRE: _decline_and_expire,
    Scenario.REFUND: _refund,
    Scenario.CHANGE_REFUND: _change_refund,
    Scenario.REFUND_THAT_FAILS: _refund_that_fails,
    Scenario.DISPUTE: _dispute,
    Scenario.CHANGE_DISPUTE: _change_dispute,
    Scenario.CLOSE_DISPUTE: _close_dispute,
    Scenario.WIN_DISPUTE: _win_dispute,
}
