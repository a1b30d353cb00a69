"""All rules, in the order of their telling: first why the order is in its state, then what else there is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from checkout_daemon.orders.explaining import state, troubles
from checkout_daemon.orders.explaining.case import Case, Finding


@dataclass(frozen=True, slots=True)
class Rule:
    """`when` is for people: what must be so. `find` says it of a case, or nothing."""

    when: str
    find: Callable[[Case], Iterable[Finding]]


STATE_RULES = (
    Rule("disputed: a payment has a dispute that is not settled", state.disputed),
    Rule("refunded: some or all of it was given back", state.refunded),
    Rule("completed: paid in full", state.completed),
    Rule("processing: a session is complete and its money on the way", state.processing),
    Rule("canceled: a person said so", state.canceled),
    Rule("pending: a session is open and can be paid", state.session_open),
    Rule("pending: a session is open, and its time is over", state.session_overdue),
    Rule("pending: Stripe has not answered, or refused, to make a session", state.session_unanswered),
    Rule("pending, failed or expired: what was paid is not what is owed", state.mismatched),
    Rule("failed: the payment was refused after Checkout", state.payment_failed),
    Rule("expired: the last session ended unpaid", state.session_expired),
    Rule("pending: none of these", state.unclear),
)
TROUBLE_RULES = (
    Rule("it asks for attention", troubles.attention),
    Rule("tries to pay were refused", troubles.refused_tries),
    Rule("an event about it could not be applied", troubles.unapplied_event),
    Rule("it was paid, and no event told of it", troubles.missing_event),
    Rule("a refund was asked of Stripe and has no answer", troubles.refund_unanswered),
    Rule("a refund has not arrived yet", troubles.refund_on_its_way),
    Rule("a refund was canceled", troubles.refund_undone),
    Rule("a dispute is won and its money has not come back", troubles.won_and_not_reinstated),
    Rule("Stripe gave back more, or less, than the refunds held", troubles.refund_hinted),
    Rule("it is settled, and could be paid again", troubles.payable_though_paid),
    Rule("a message about it was not delivered", troubles.undelivered_message),
    Rule("its customer was erased", troubles.customer_erased),
)
RULES = (*STATE_RULES, *TROUBLE_RULES)
