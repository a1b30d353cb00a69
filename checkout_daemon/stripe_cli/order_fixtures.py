"""Build the Stripe CLI's fixture steps that cause an event for one order.

They act on the order's own session, payment or dispute, in its own amount and currency. The CLI's format:
https://docs.stripe.com/cli/fixtures.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from checkout_daemon.errors import CheckoutError
from checkout_daemon.ledger.event_types import EVENT_TYPES, Scenario
from checkout_daemon.model.money import format_money
from checkout_daemon.model.orders import PAYABLE_STATUSES, OrderStatus
from checkout_daemon.orders.order_lists import DisputeLine, OrderSession, OrderView, PaymentLine, RefundLine

DEBIT = "sepa_debit"
TAG = "checkout_trigger"
"""The metadata key that marks what a trigger made. Its value is always new: no change means no event."""

_SUCCEEDING_IBAN = "AT611904300234573201"
_FAILING_IBAN = "IT60X0542811101000000123456"
_LIVE_REFUNDS = ("requires_action", "pending", "succeeded")
_OPEN_DISPUTES = ("needs_response", "warning_needs_response", "under_review", "warning_under_review")
_ADDRESS = {"line1": "Stephansplatz 1", "city": "Wien", "postal_code": "1010", "country": "AT"}


class NotInThisState(CheckoutError):
    """The event is impossible for the order in its state; the message gives the reason and what to do first."""

    code = "not_in_this_state"
    status = 409
    exit_code = 4
    title = "The order's state does not allow it"


@dataclass(frozen=True, slots=True)
class Step:
    """One request of the CLI. An error of `expected_error_type` is not a failure."""

    name: str
    method: str
    path: str
    params: dict[str, Any] | None = None
    expected_error_type: str | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """The event to cause and its order. `make_session` is the command that creates an open session for the order.

    `amount` is what to refund, or None for everything left. `methods` are the payment methods that the open session
    takes; they are needed only if `needs_methods` is true.
    """

    event: str
    view: OrderView
    make_session: str
    amount: int | None = None
    methods: Sequence[str] = ()
    offline: bool = False  # our own Stripe, which can do more than Stripe's test mode

    @property
    def named(self) -> str:
        """The order as messages name it."""
        return f"order {self.view.order.number}"


def fixture(steps: Sequence[Step]) -> dict[str, Any]:
    """Return the fixture file that the CLI reads."""
    # The CLI does not accept null.
    fixtures = [{name: value for name, value in asdict(step).items() if value is not None} for step in steps]
    return {"_meta": {"template_version": 0}, "fixtures": fixtures}


def steps_for(wanted: Wanted) -> list[Step]:
    """Return the requests that cause the event for the order. Raise NotInThisState."""
    return _STEPS[EVENT_TYPES[wanted.event].scenario](wanted)


def needs_methods(event: str) -> bool:
    """Return whether the payment methods of the session matter: only a debit is paid later."""
    return EVENT_TYPES[event].scenario in (Scenario.DEBIT, Scenario.DEBIT_THAT_FAILS)


def takes_amount(event: str) -> bool:
    """Return whether an amount can be chosen, as for a refund."""
    return EVENT_TYPES[event].scenario in (Scenario.REFUND, Scenario.CHANGE_REFUND)


def open_session(view: OrderView) -> OrderSession | None:
    """Return the order's latest open session, or None."""
    return next((session for session in reversed(view.sessions) if session.status == "open"), None)


def _pay(wanted: Wanted) -> list[Step]:
    session = _session(wanted)
    if wanted.view.order.amount_total == 0:
        if wanted.event != "checkout.session.completed":
            raise NotInThisState(f"{wanted.named} costs nothing, so nothing is charged: use checkout.session.completed")
        return [Step("confirm", "post", f"/v1/payment_pages/{session.id}/confirm", {"expected_amount": 0})]
    return _pay_by(wanted, _card("tok_visa"))


def _decline(wanted: Wanted) -> list[Step]:
    _session(wanted, charges=True)
    return _pay_by(wanted, _card("tok_visa_chargeDeclined"), expected_error_type="card_error")


def _expire(wanted: Wanted) -> list[Step]:
    return [Step("expire", "post", f"/v1/checkout/sessions/{_session(wanted).id}/expire")]


def _decline_and_expire(wanted: Wanted) -> list[Step]:
    """Begin a payment, since only that can be canceled, and expire its session, since only that cancels it."""
    return [*_decline(wanted), *_expire(wanted)]


def _debit(wanted: Wanted, *, iban: str) -> list[Step]:
    session = _session(wanted, charges=True)
    if DEBIT not in wanted.methods:
        takes = ", ".join(wanted.methods)
        raise NotInThisState(
            f"{wanted.named}'s session {session.id} takes {takes}, but only {DEBIT} is paid later: enable SEPA Direct "
            "Debit in Stripe's settings and use an order in eur"
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
    """Change the latest refund that has not failed, or create one first."""
    known = [refund for refund in wanted.view.refunds if refund.status in _LIVE_REFUNDS]
    change = {"metadata": {TAG: secrets.token_hex(8)}}
    if known and wanted.amount is None:
        return [Step("updated_refund", "post", f"/v1/refunds/{known[-1].id}", change)]
    return [*_refund(wanted), Step("updated_refund", "post", "/v1/refunds/${refund:id}", change)]


def _refund_that_fails(wanted: Wanted) -> list[Step]:
    """Pay with the one test card whose refunds fail, and refund that."""
    if open_session(wanted.view) is None and _paid(wanted.view):
        raise NotInThisState(f"{wanted.named} is paid, and only refunds to the test card tok_refundFail fail")
    session = _session(wanted, charges=True)
    return [
        *_pay_by(wanted, _card("tok_refundFail")),
        Step("paid_session", "get", f"/v1/checkout/sessions/{session.id}"),
        Step("refund", "post", "/v1/refunds", {"payment_intent": "${paid_session:payment_intent}"}),
    ]


def _dispute(wanted: Wanted) -> list[Step]:
    """Pay with the test card that is disputed; the offline Stripe can also dispute an earlier payment."""
    if open_session(wanted.view) is None and (paid := _paid(wanted.view)):
        if not wanted.offline:
            raise NotInThisState(
                f"{wanted.named} is paid, and Stripe only disputes payments by the test card tok_createDispute: "
                "use an unpaid order, which is then paid with that card"
            )
        return _dispute_paid(paid[-1])
    _session(wanted, charges=True)
    return _pay_by(wanted, _card("tok_createDispute"))


def _dispute_paid(payment: PaymentLine) -> list[Step]:
    if payment.id.startswith("ch_"):
        return [Step("dispute", "post", f"/v1/test_helpers/charges/{payment.id}/dispute")]
    return [
        Step("paid_intent", "get", f"/v1/payment_intents/{payment.id}"),
        Step("dispute", "post", "/v1/test_helpers/charges/${paid_intent:latest_charge}/dispute"),
    ]


def _change_dispute(wanted: Wanted) -> list[Step]:
    dispute = _open_dispute(wanted)
    return [Step("dispute", "post", f"/v1/disputes/{dispute.id}", {"metadata": {TAG: secrets.token_hex(8)}})]


def _close_dispute(wanted: Wanted) -> list[Step]:
    return [Step("dispute", "post", f"/v1/disputes/{_open_dispute(wanted).id}/close")]


def _win_dispute(wanted: Wanted) -> list[Step]:
    dispute = _open_dispute(wanted)
    if dispute.status != "needs_response":
        raise NotInThisState(
            f"{wanted.named}'s dispute {dispute.id} is {dispute.status.replace('_', ' ')}: there is no withdrawn money "
            "that evidence could bring back now"
        )
    # Stripe's test mode decides by this text.
    evidence = {"evidence": {"uncategorized_text": "winning_evidence"}}
    return [Step("dispute", "post", f"/v1/disputes/{dispute.id}", evidence)]


def _warn(wanted: Wanted) -> list[Step]:
    """Pay with the test card that leads to a warning; the offline Stripe can also warn about an earlier payment."""
    if open_session(wanted.view) is None and (paid := _paid(wanted.view)):
        if not wanted.offline:
            raise NotInThisState(
                f"{wanted.named} is paid, and Stripe only warns of payments by the test card "
                "tok_createIssuerFraudRecord: use an unpaid order, which is then paid with that card"
            )
        return _warn_paid(paid[-1])
    _session(wanted, charges=True)
    return _pay_by(wanted, _card("tok_createIssuerFraudRecord"))


def _warn_paid(payment: PaymentLine) -> list[Step]:
    if payment.id.startswith("ch_"):
        return [Step("warning", "post", f"/v1/test_helpers/charges/{payment.id}/early_fraud_warning")]
    return [
        Step("warned_intent", "get", f"/v1/payment_intents/{payment.id}"),
        Step("warning", "post", "/v1/test_helpers/charges/${warned_intent:latest_charge}/early_fraud_warning"),
    ]


def _change_warning(wanted: Wanted) -> list[Step]:
    """Refund what a warning is about; the offline Stripe can warn first."""
    payment, left = _refundable(wanted)
    warned = any(warning.actionable for warning in wanted.view.fraud_warnings)
    if not warned and not wanted.offline:
        first = f"checkout trigger radar.early_fraud_warning.created --order {wanted.view.order.number}"
        raise NotInThisState(
            f"{wanted.named} has no fraud warning; this pays an unpaid order and leads to one: {first}"
        )
    whose = "payment_intent" if payment.id.startswith("pi_") else "charge"
    return [
        *([] if warned else _warn_paid(payment)),
        Step("refund", "post", "/v1/refunds", {whose: payment.id, "amount": left}),
    ]


def _pay_by(wanted: Wanted, method: dict[str, Any], *, expected_error_type: str | None = None) -> list[Step]:
    order, session = wanted.view.order, _session(wanted)
    details = {"email": order.customer_email, "name": order.customer_name, "address": _ADDRESS}
    confirm = {"payment_method": "${payment_method:id}", "expected_amount": order.amount_total}
    return [
        Step("payment_method", "post", "/v1/payment_methods", {**method, "billing_details": details}),
        Step("confirm", "post", f"/v1/payment_pages/{session.id}/confirm", confirm, expected_error_type),
    ]


def _card(token: str) -> dict[str, Any]:
    return {"type": "card", "card": {"token": token}}


def _session(wanted: Wanted, *, charges: bool = False) -> OrderSession:
    """Return the open session. Raise NotInThisState without one, or if it must charge something and costs nothing."""
    order, session = wanted.view.order, open_session(wanted.view)
    if session is None:
        if OrderStatus(order.status) in PAYABLE_STATUSES and not wanted.view.payments:
            raise NotInThisState(f"{wanted.named} has no open session; this creates one: {wanted.make_session}")
        status = order.status.replace("_", " ")
        raise NotInThisState(f"{wanted.named} is {status} and has no open session: use an unpaid order")
    if charges and order.amount_total == 0:
        raise NotInThisState(f"{wanted.named} costs nothing, so no charge can be refused or arrive later")
    return session


def _paid(view: OrderView) -> list[PaymentLine]:
    return [payment for payment in view.payments if payment.valid]


def _refundable(wanted: Wanted) -> tuple[PaymentLine, int]:
    payments = _paid(wanted.view)
    if not payments:
        first = f"checkout trigger checkout.session.completed --order {wanted.view.order.number}"
        raise NotInThisState(f"{wanted.named} has no payment to refund; this pays it: {first}")
    for payment in payments:
        if (left := (payment.amount or 0) - _refunded(payment, wanted.view.refunds)) > 0:
            return payment, left
    raise NotInThisState(f"{wanted.named} is refunded: nothing is left to refund")


def _refunded(payment: PaymentLine, refunds: Sequence[RefundLine]) -> int:
    live = (refund for refund in refunds if refund.payment_id == payment.id and refund.status in _LIVE_REFUNDS)
    return sum(refund.amount for refund in live)


def _open_dispute(wanted: Wanted) -> DisputeLine:
    for dispute in reversed(wanted.view.disputes):
        if dispute.status in _OPEN_DISPUTES:
            return dispute
    first = f"checkout trigger charge.dispute.created --order {wanted.view.order.number}"
    raise NotInThisState(f"{wanted.named} has no open dispute; this disputes an unpaid order: {first}")


_STEPS: dict[Scenario, Callable[[Wanted], list[Step]]] = {
    Scenario.PAY: _pay,
    Scenario.DECLINE: _decline,
    Scenario.DEBIT: partial(_debit, iban=_SUCCEEDING_IBAN),
    Scenario.DEBIT_THAT_FAILS: partial(_debit, iban=_FAILING_IBAN),
    Scenario.EXPIRE: _expire,
    Scenario.DECLINE_AND_EXPIRE: _decline_and_expire,
    Scenario.REFUND: _refund,
    Scenario.CHANGE_REFUND: _change_refund,
    Scenario.REFUND_THAT_FAILS: _refund_that_fails,
    Scenario.DISPUTE: _dispute,
    Scenario.CHANGE_DISPUTE: _change_dispute,
    Scenario.CLOSE_DISPUTE: _close_dispute,
    Scenario.WIN_DISPUTE: _win_dispute,
    Scenario.WARN: _warn,
    Scenario.CHANGE_WARNING: _change_warning,
}
