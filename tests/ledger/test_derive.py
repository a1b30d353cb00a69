"""Every row of the status table and every attention code, with the fewest facts that cause it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from checkout_daemon.ledger.derive import LIVE_REFUNDS, SETTLED_DISPUTES, UNANSWERED_DISPUTES, OrderFacts, derive
from checkout_daemon.ledger.facts import (
    Act,
    ActKind,
    DisputeFact,
    DisputeStatus,
    Observation,
    PaymentStatus,
    RefundFact,
    RefundStatus,
    SessionFact,
    SessionStatus,
    Unknown,
)
from checkout_daemon.ledger.fraud_facts import FraudWarning
from checkout_daemon.ledger.reservations import LatePayment, Reservation, ReservationState
from checkout_daemon.model.orders import AttentionCode, OrderStatus, OrderTerms

TERMS = OrderTerms("o", 1000, "eur", False)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = datetime(2026, 1, 2, tzinfo=UTC)
ODD = Unknown(NOW, "status=a_status_of_next_year")
UNKNOWN = ["unknown_status"]
CANCELED = frozenset({Act(ActKind.CANCELED)})
ACKNOWLEDGED = frozenset({Act(ActKind.ACKNOWLEDGED, "fraud_warning", "issfr_1")})


def session(status: SessionStatus, outcome: PaymentStatus = PaymentStatus.UNPAID, attempt: int = 1) -> SessionFact:
    return SessionFact(f"cs_{attempt}", False, status, outcome, attempt)


def paid(payment_id: str = "pi_1", amount: int = 1000, currency: str = "eur", livemode: bool = False) -> Observation:
    return Observation(payment_id, amount, currency, livemode, NOW)


def refund(status: RefundStatus, amount: int = 1000, payment_id: str = "pi_1", number: int = 1) -> RefundFact:
    return RefundFact(f"re_{number}", False, payment_id, status, amount, "eur")


def dispute(
    status: DisputeStatus, withdrawn_at: datetime | None = None, reinstated_at: datetime | None = None
) -> DisputeFact:
    fact = DisputeFact("dp_1", False, "pi_1", status, None, 1000, "eur", None, NOW, "evt_1")
    return replace(fact, withdrawn_at=withdrawn_at, reinstated_at=reinstated_at)


def disputed(status: DisputeStatus, *funds: datetime) -> OrderFacts:
    return OrderFacts(payments=ONE, disputes=(dispute(status, *funds),))


ONE = {"pi_1": (paid(),)}
TWO = {"pi_1": (paid(),), "pi_2": (paid("pi_2"),)}
COMPLETE, OPEN, EXPIRED = SessionStatus.COMPLETE, SessionStatus.OPEN, SessionStatus.EXPIRED
SUCCEEDED = RefundStatus.SUCCEEDED
LATE_REFUND = replace(refund(SUCCEEDED), request="r")
CLOSED = frozenset({Act(ActKind.CLOSED, "refund", "r"), Act(ActKind.CLOSED, "session", "1")})
WARNED = FraudWarning("issfr_1", False, "pi_1", "misc", True, NOW, NOW, "evt_1")
OVERSOLD = Reservation("PEN", 2, ReservationState.OVERSOLD, 1, True, LatePayment.REINSTATE)

TABLE = [
    (OrderFacts(), "pending", []),
    (OrderFacts(sessions=(session(OPEN),)), "pending", []),
    (OrderFacts(sessions=(session(EXPIRED),)), "expired", []),
    (OrderFacts(sessions=(session(COMPLETE, PaymentStatus.FAILED),)), "failed", []),
    (OrderFacts(sessions=(session(COMPLETE, PaymentStatus.FAILED), session(OPEN, attempt=2))), "pending", []),
    (OrderFacts(sessions=(session(COMPLETE, PaymentStatus.FAILED), session(EXPIRED, attempt=2))), "expired", []),
    (OrderFacts(sessions=(session(COMPLETE),)), "processing", []),
    (OrderFacts(sessions=(session(COMPLETE),), acts=CANCELED), "processing", []),
    (OrderFacts(sessions=(session(OPEN),), acts=CANCELED), "canceled", []),
    (OrderFacts(payments=ONE), "completed", []),
    (OrderFacts(payments=ONE, acts=CANCELED), "completed", ["paid_after_cancel"]),
    (OrderFacts(payments=TWO), "completed", ["paid_twice"]),
    (OrderFacts(payments=TWO, refunds=(refund(SUCCEEDED),)), "completed", []),
    (OrderFacts(payments=TWO, refunds=(refund(SUCCEEDED), refund(SUCCEEDED, 1, "pi_2", 2))), "partially_refunded", []),
    (OrderFacts(payments=ONE, refunds=(refund(SUCCEEDED, 400),)), "partially_refunded", []),
    (OrderFacts(payments=ONE, refunds=(refund(RefundStatus.PENDING),)), "refunded", []),
    (OrderFacts(payments=ONE, refunds=(refund(SUCCEEDED, 700), refund(SUCCEEDED, 700, number=2))), "refunded", []),
    (OrderFacts(payments=ONE, refunds=(refund(RefundStatus.FAILED),)), "completed", ["refund_failed"]),
    (OrderFacts(payments=ONE, refunds=(refund(RefundStatus.CANCELED),)), "completed", []),
    (
        OrderFacts(payments=ONE, disputes=(dispute(DisputeStatus.WARNING_NEEDS_RESPONSE),)),
        "disputed",
        ["dispute_needs_response"],
    ),
    (OrderFacts(payments=ONE, disputes=(dispute(DisputeStatus.UNDER_REVIEW),)), "disputed", []),
    (OrderFacts(payments=ONE, disputes=(dispute(DisputeStatus.LOST),)), "disputed", ["dispute_lost"]),
    (OrderFacts(payments=ONE, disputes=(dispute(DisputeStatus.WON),)), "completed", []),
    (OrderFacts(payments=ONE, disputes=(dispute(DisputeStatus.WARNING_CLOSED),)), "completed", []),
    (disputed(DisputeStatus.LOST, NOW), "disputed", ["dispute_lost"]),
    (disputed(DisputeStatus.LOST, NOW, NOW), "disputed", ["dispute_reinstated"]),
    (disputed(DisputeStatus.LOST, LATER, NOW), "disputed", ["dispute_lost"]),
    (disputed(DisputeStatus.WON, NOW), "completed", []),
    (disputed(DisputeStatus.PREVENTED), "completed", []),
    (disputed(DisputeStatus.PREVENTED, NOW), "completed", ["dispute_withdrawn"]),
    (disputed(DisputeStatus.PREVENTED, NOW, LATER), "completed", []),
    (disputed(DisputeStatus.WARNING_CLOSED, NOW), "completed", ["dispute_withdrawn"]),
    (disputed(DisputeStatus.CHARGE_REFUNDED), "completed", []),
    (disputed(DisputeStatus.RESPONSE_DISABLED), "disputed", []),
    (disputed(DisputeStatus.UNKNOWN), "disputed", ["unknown_status"]),
    (OrderFacts(payments=ONE, refunds=(replace(refund(RefundStatus.UNKNOWN), unknown=ODD),)), "refunded", UNKNOWN),
    (OrderFacts(payments=ONE, refunds=(replace(refund(SUCCEEDED), unknown=ODD),)), "refunded", UNKNOWN),
    (OrderFacts(payments=ONE, refunds=(replace(refund(SUCCEEDED), unknown=ODD, known_at=NOW),)), "refunded", UNKNOWN),
    (OrderFacts(payments=ONE, refunds=(replace(refund(SUCCEEDED), unknown=ODD, known_at=LATER),)), "refunded", []),
    (OrderFacts(sessions=(replace(session(COMPLETE), unknown=ODD),)), "processing", UNKNOWN),
    (OrderFacts(sessions=(session(COMPLETE),), canceled=frozenset({"cs_1"})), "processing", ["payment_canceled"]),
    (OrderFacts(sessions=(session(EXPIRED),), canceled=frozenset({"cs_1"})), "expired", []),
    (OrderFacts(sessions=(session(COMPLETE, PaymentStatus.FAILED),), canceled=frozenset({"cs_1"})), "failed", []),
    (OrderFacts(payments=ONE, sessions=(session(COMPLETE),), canceled=frozenset({"cs_1"})), "completed", []),
    (OrderFacts(payments=ONE, refunds=(LATE_REFUND,), acts=CLOSED), "refunded", ["appeared_late"]),
    (OrderFacts(payments=ONE, refunds=(LATE_REFUND,)), "refunded", []),
    (
        OrderFacts(payments=ONE, sessions=(session(COMPLETE, PaymentStatus.PAID),), acts=CLOSED),
        "completed",
        ["appeared_late"],
    ),
    (OrderFacts(sessions=(session(EXPIRED),), acts=CLOSED), "expired", []),
    (OrderFacts(payments=ONE, warnings=(WARNED,)), "completed", ["fraud_warning"]),
    (OrderFacts(payments=ONE, warnings=(replace(WARNED, actionable=False),)), "completed", []),
    (OrderFacts(payments=ONE, warnings=(WARNED,), acts=ACKNOWLEDGED), "completed", []),
    (OrderFacts(warnings=(WARNED,)), "pending", []),
    (OrderFacts(payments=TWO, warnings=(replace(WARNED, payment_id="pi_3"),)), "completed", ["paid_twice"]),
    (OrderFacts(payments=ONE, warnings=(WARNED,), refunds=(refund(RefundStatus.PENDING),)), "refunded", []),
    (
        OrderFacts(payments=ONE, warnings=(WARNED,), refunds=(refund(SUCCEEDED, 999),)),
        "partially_refunded",
        ["fraud_warning"],
    ),
    (
        OrderFacts(payments=TWO, warnings=(WARNED,), refunds=(refund(SUCCEEDED, payment_id="pi_2"),)),
        "completed",
        ["fraud_warning"],
    ),
    (
        OrderFacts(payments=ONE, warnings=(WARNED,), refunds=(refund(RefundStatus.FAILED),)),
        "completed",
        ["fraud_warning", "refund_failed"],
    ),
    (OrderFacts(payments=ONE, warnings=(WARNED,), disputes=(dispute(DisputeStatus.WON),)), "completed", []),
    (OrderFacts(payments=ONE, warnings=(WARNED,), disputes=(dispute(DisputeStatus.UNDER_REVIEW),)), "disputed", []),
    (
        OrderFacts(payments={"pi_1": (paid(amount=999),)}, warnings=(WARNED,)),
        "pending",
        ["amount_mismatch", "fraud_warning"],
    ),
    (OrderFacts(payments=ONE, reservations=(OVERSOLD,)), "completed", ["oversold"]),
    (OrderFacts(payments=ONE, refunds=(refund(SUCCEEDED),), reservations=(OVERSOLD,)), "refunded", []),
    (OrderFacts(payments=ONE, reservations=(replace(OVERSOLD, state=ReservationState.SOLD),)), "completed", []),
    (OrderFacts(payments={"pi_1": (paid(amount=999),)}), "pending", ["amount_mismatch"]),
    (OrderFacts(payments={"pi_1": (paid(currency="usd"),)}), "pending", ["currency_mismatch"]),
    (OrderFacts(payments={"pi_1": (paid(livemode=True),)}), "pending", ["livemode_mismatch"]),
    (OrderFacts(payments={"pi_1": (paid(), paid(amount=999))}), "pending", ["amount_mismatch"]),
    (OrderFacts(payments=ONE | {"pi_2": (paid("pi_2", 999),)}), "completed", ["amount_mismatch"]),
]


@pytest.mark.parametrize(("facts", "status", "attention"), TABLE)
def test_the_first_rule_that_holds_decides_the_status(facts: OrderFacts, status: str, attention: list[str]) -> None:
    derived = derive(TERMS, facts)
    assert (derived.status, derived.attention_codes) == (status, attention)


def test_the_table_has_every_status_and_every_attention_code() -> None:
    assert {status for _, status, _ in TABLE} == {status.value for status in OrderStatus}
    assert {code for _, _, codes in TABLE for code in codes} == {code.value for code in AttentionCode}


@pytest.mark.parametrize(("facts", "status", "attention"), TABLE)
def test_payable_is_unpaid_and_without_a_payment_that_does_not_match(
    facts: OrderFacts, status: str, attention: list[str]
) -> None:
    mismatched = any(code.endswith("_mismatch") for code in attention)
    assert derive(TERMS, facts).payable == (status in ("pending", "failed", "expired") and not mismatched)


def test_a_free_order_is_completed_and_never_refunded() -> None:
    free = OrderTerms("o", 0, "eur", False)
    observed = Observation("cs_1", 0, "eur", False, NOW)
    derived = derive(free, OrderFacts(payments={"cs_1": (observed,)}))
    assert (derived.status, derived.amount_refunded) == (OrderStatus.COMPLETED, 0)


def test_an_acknowledged_attention_ends_and_another_of_its_kind_stays() -> None:
    refunds = (refund(RefundStatus.FAILED, number=1), refund(RefundStatus.FAILED, number=2))
    acknowledged = frozenset({Act(ActKind.ACKNOWLEDGED, "refund_failed", "re_1")})
    derived = derive(TERMS, OrderFacts(payments=ONE, refunds=refunds, acts=acknowledged))
    assert [(item.code, item.subject) for item in derived.attention] == [(AttentionCode.REFUND_FAILED, "re_2")]


def test_every_refund_and_dispute_status_has_its_meaning() -> None:
    assert set(RefundStatus) - LIVE_REFUNDS == {RefundStatus.CANCELED, RefundStatus.FAILED}
    in_dispute = set(DisputeStatus) - SETTLED_DISPUTES
    assert in_dispute - UNANSWERED_DISPUTES == {
        DisputeStatus.WARNING_UNDER_REVIEW,
        DisputeStatus.RESPONSE_DISABLED,
        DisputeStatus.UNKNOWN,
        DisputeStatus.UNDER_REVIEW,
        DisputeStatus.APPEAL_UNDER_REVIEW,
        DisputeStatus.LOST,
    }


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (RefundStatus.REQUIRES_ACTION, "refund.requires_action"),
        (RefundStatus.PENDING, "refund.pending"),
        (RefundStatus.SUCCEEDED, "order.refunded"),
        (RefundStatus.CANCELED, "refund.canceled"),
        (RefundStatus.FAILED, "refund.failed"),
        (RefundStatus.UNKNOWN, None),
    ],
)
def test_a_message_about_a_refund_reports_its_status(status: RefundStatus, kind: str | None) -> None:
    def messages(fact: RefundFact) -> set[str]:
        messages = derive(TERMS, OrderFacts(payments=ONE, refunds=(fact,))).messages
        return {message.kind for message in messages if message.subject_id == "re_1"}

    assert messages(refund(status)) == ({kind} if kind else set())
    assert messages(replace(refund(status), unknown=ODD)) == set()


def test_messages_follow_from_facts() -> None:
    facts = OrderFacts(payments=ONE, refunds=(refund(SUCCEEDED, 1), refund(RefundStatus.FAILED, 1, number=2)))
    owed = {(message.kind, message.subject_id) for message in derive(TERMS, facts).messages}
    assert owed == {
        ("order.completed", ""),
        ("order.refunded", "re_1"),
        ("refund.failed", "re_2"),
        ("order.attention", "refund_failed:re_2"),
    }
    failed = OrderFacts(sessions=(session(COMPLETE, PaymentStatus.FAILED),))
    assert {(message.kind, message.subject_id) for message in derive(TERMS, failed).messages} == {
        ("payment.failed", "cs_1")
    }
