"""The facts and links that each event type is translated to, as a table of examples."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec import structs

from checkout_daemon.ledger.charge_facts import ChargeFact, ChargeStatus, DeclineReport, DeclineSource, RiskReport
from checkout_daemon.ledger.event_types import EVENT_TYPES
from checkout_daemon.ledger.facts import (
    CanceledPayment,
    DisputeFact,
    DisputeStatus,
    Fact,
    Link,
    LinkRank,
    Observation,
    PaymentStatus,
    RefundFact,
    RefundHint,
    RefundStatus,
    SessionFact,
    SessionStatus,
    Unknown,
)
from checkout_daemon.ledger.fraud_facts import FraudWarning
from checkout_daemon.ledger.translate import translate
from checkout_daemon.ledger.translate.stripe_objects import ObjectSnapshot, UnreadableObject, livemodes

ORDER = "00000000-0000-4000-8000-000000000001"
AT = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
DUE = datetime(2026, 12, 5, 12, 0, tzinfo=UTC)

SESSION = {
    "object": "checkout.session",
    "id": "cs_1",
    "status": "complete",
    "payment_status": "paid",
    "amount_total": 5000,
    "currency": "eur",
    "payment_intent": "pi_1",
    "client_reference_id": ORDER,
    "metadata": {"order_id": ORDER, "attempt": "2"},
}
INTENT = {
    "object": "payment_intent",
    "id": "pi_1",
    "amount": 5000,
    "amount_received": 5000,
    "currency": "eur",
    "latest_charge": "ch_1",
    "metadata": {"order_id": ORDER},
}
CHARGE = {
    "object": "charge",
    "id": "ch_1",
    "payment_intent": "pi_1",
    "amount": 5000,
    "amount_captured": 5000,
    "amount_refunded": 0,
    "currency": "eur",
    "metadata": {"order_id": ORDER},
}
REFUND = {
    "object": "refund",
    "id": "re_1",
    "charge": "ch_1",
    "payment_intent": "pi_1",
    "amount": 1200,
    "currency": "eur",
    "status": "pending",
}
DUE_BY = {"due_by": int(DUE.timestamp())}
DISPUTE = {
    "object": "dispute",
    "id": "dp_1",
    "charge": "ch_1",
    "payment_intent": "pi_1",
    "amount": 5000,
    "currency": "eur",
    "reason": "fraudulent",
    "status": "needs_response",
    "evidence_details": DUE_BY,
}
WARNING = {
    "object": "radar.early_fraud_warning",
    "id": "issfr_1",
    "charge": "ch_1",
    "payment_intent": "pi_1",
    "actionable": True,
    "fraud_type": "misc",
    "created": int(DUE.timestamp()),
}

OF_SESSION = (
    Link("cs_1", ORDER, LinkRank.CLIENT_REFERENCE_ID),
    Link("cs_1", ORDER, LinkRank.METADATA),
    Link("cs_1", "pi_1", LinkRank.STRIPE),
)
OF_PAYMENT = (Link("pi_1", ORDER, LinkRank.METADATA), Link("ch_1", "pi_1", LinkRank.STRIPE))
OF_CHARGE = (Link("ch_1", "pi_1", LinkRank.STRIPE),)
MONEY = Observation("pi_1", 5000, "eur", False, AT)
PAID = SessionFact("cs_1", False, SessionStatus.COMPLETE, PaymentStatus.PAID, attempt=2, known_at=AT)
PENDING = RefundFact("re_1", False, "pi_1", RefundStatus.PENDING, 1200, "eur", known_at=AT)
HINT = RefundHint("ch_1", False, "pi_1", 1200, AT, "evt_1")
CARD = {"brand": "visa", "last4": "4242", "funding": "debit", "country": "AT", "wallet": {"type": "apple_pay"}}
DETAILS = {"type": "card", "card": {**CARD, "network": "visa"}}
CHARGED = ChargeFact("pi_1", "ch_1", False, AT, ChargeStatus.SUCCEEDED)
BY_CARD = structs.replace(
    CHARGED, method="card", brand="visa", last4="4242", funding="debit", country="AT", wallet="apple_pay"
)
DECLINED = structs.replace(CHARGED, status=ChargeStatus.FAILED)
NO_FUNDS = "Your card has insufficient funds."
ERROR = {
    "charge": "ch_2",
    "code": "card_declined",
    "decline_code": "insufficient_funds",
    "message": NO_FUNDS,
    "payment_method": {"id": "pm_1", "type": "card", "card": CARD},
}
REFUSED = structs.replace(
    BY_CARD,
    id="ch_2",
    status=ChargeStatus.FAILED,
    decline=DeclineReport(DeclineSource.DECLINE_CODE, AT, "insufficient_funds", NO_FUNDS),
)
WARNED = FraudWarning("issfr_1", False, "pi_1", "misc", True, DUE, AT, "evt_1")
OPENED = DisputeFact(
    *("dp_1", False, "pi_1", DisputeStatus.NEEDS_RESPONSE, DUE, 5000, "eur", "fraudulent"),
    observed_at=AT,
    event_id="evt_1",
)


@dataclass(frozen=True)
class Example:
    """An event of a type about `object` with `changes`, and its translation."""

    type: str
    object: dict[str, Any]
    facts: tuple[Fact, ...] = ()
    links: tuple[Link, ...] = ()
    changes: dict[str, Any] = field(default_factory=dict)
    subject_id: str | None = "pi_1"
    livemode: bool | None = False


def session(kind: str, *facts: Fact, **changes: Any) -> Example:
    return Example(f"checkout.session.{kind}", SESSION, facts, OF_SESSION, changes, subject_id="cs_1")


def intent(kind: str, *facts: Fact, **changes: Any) -> Example:
    return Example(f"payment_intent.{kind}", INTENT, facts, OF_PAYMENT, changes)


def charge(kind: str, *facts: Fact, **changes: Any) -> Example:
    return Example(f"charge.{kind}", CHARGE, facts, OF_PAYMENT, changes)


def refund(kind: str, *facts: Fact, **changes: Any) -> Example:
    return Example(kind, REFUND, facts, OF_CHARGE, changes)


def dispute(kind: str, *facts: Fact, **changes: Any) -> Example:
    return Example(f"charge.dispute.{kind}", DISPUTE, facts, OF_CHARGE, changes)


def warning(kind: str, *facts: Fact, **changes: Any) -> Example:
    return Example(f"radar.early_fraud_warning.{kind}", WARNING, facts, OF_CHARGE, changes)


EXAMPLES = {
    # Sessions
    "a paid session is a fact and an observation": session("completed", PAID, MONEY),
    "a completed session may still wait for its debit": session(
        "completed", structs.replace(PAID, payment_status=PaymentStatus.UNPAID), payment_status="unpaid"
    ),
    "a session that owed nothing stands for its own payment": replace(
        session(
            "completed",
            structs.replace(PAID, payment_status=PaymentStatus.NO_PAYMENT_REQUIRED),
            Observation("cs_1", 0, "eur", False, AT),
            payment_status="no_payment_required",
            amount_total=0,
            payment_intent=None,
        ),
        links=OF_SESSION[:2],
    ),
    "a debit that arrived pays its session": session("async_payment_succeeded", PAID, MONEY),
    "it does so even without a payment_status": session("async_payment_succeeded", PAID, MONEY, payment_status=None),
    "a refused debit fails its session": session(
        "async_payment_failed", structs.replace(PAID, payment_status=PaymentStatus.FAILED), payment_status="unpaid"
    ),
    "an expired session is unpaid": replace(
        session(
            "expired",
            structs.replace(PAID, status=SessionStatus.EXPIRED, payment_status=PaymentStatus.UNPAID),
            status="expired",
            payment_status="unpaid",
            payment_intent=None,
        ),
        links=OF_SESSION[:2],
    ),
    "a status that Stripe added later is kept as an unknown value": session(
        "completed",
        structs.replace(PAID, known_at=None, unknown=Unknown(AT, "status=archived")),
        MONEY,
        status="archived",
    ),
    "a session that is not ours has no attempt": replace(
        session("completed", structs.replace(PAID, attempt=0), MONEY, client_reference_id=None, metadata={}),
        links=OF_SESSION[2:],
    ),
    # PaymentIntents
    "a succeeded PaymentIntent is an observation": intent("succeeded", MONEY),
    "both amounts count where they differ": intent(
        "succeeded", structs.replace(MONEY, amount=4000), MONEY, amount_received=4000
    ),
    "a declined PaymentIntent without a reason leaves only its links": intent("payment_failed", amount_received=0),
    "its last error is an attempt that failed": replace(
        intent("payment_failed", REFUSED, last_payment_error=ERROR, amount_received=0, latest_charge="ch_2"),
        links=(OF_PAYMENT[0], Link("ch_2", "pi_1", LinkRank.STRIPE)),
    ),
    "an attempt without a charge has the id of its payment method": intent(
        "payment_failed",
        structs.replace(
            REFUSED, id="pm_1", decline=DeclineReport(DeclineSource.ERROR_CODE, AT, "not_authenticated", "")
        ),
        last_payment_error={"code": "not_authenticated", "payment_method": ERROR["payment_method"]},
    ),
    "so does one that is processing": intent("processing", amount_received=0),
    "a canceled PaymentIntent brings no money": intent("canceled", CanceledPayment("pi_1", AT), amount_received=0),
    # Charges
    "a succeeded charge is an observation": charge("succeeded", CHARGED, MONEY),
    "an authorization is no money yet": charge("succeeded", CHARGED, captured=False, amount_captured=0),
    "a charge has a card and a risk": charge(
        "succeeded",
        structs.replace(BY_CARD, network="visa", risk=RiskReport(AT, "normal", 12)),
        MONEY,
        payment_method_details=DETAILS,
        outcome={"type": "authorized", "risk_level": "normal", "risk_score": 12, "reason": None},
    ),
    "a failed charge moves nothing": charge("failed", DECLINED, amount_captured=0),
    "its issuer has a reason": charge(
        "failed",
        structs.replace(
            DECLINED, decline=DeclineReport(DeclineSource.OUTCOME, DUE, "lost_card", "Declined."), created_at=DUE
        ),
        created=int(DUE.timestamp()),
        outcome={"type": "issuer_declined", "reason": "lost_card"},
        failure_code="card_declined",
        failure_message="Declined.",
    ),
    "a debit that failed has an account and a code": charge(
        "failed",
        structs.replace(
            DECLINED,
            method="sepa_debit",
            last4="3201",
            country="AT",
            decline=DeclineReport(DeclineSource.FAILURE_CODE, AT, "debit_not_authorized", ""),
            risk=RiskReport(AT, "not_assessed", -1),
        ),
        payment_method_details={"type": "sepa_debit", "sepa_debit": {"last4": "3201", "country": "AT"}},
        outcome={"type": "authorized", "risk_level": "not_assessed"},
        failure_code="debit_not_authorized",
    ),
    "details that are not as documented are left out": charge(
        "succeeded",
        structs.replace(CHARGED, method="card"),
        MONEY,
        created="yesterday",
        payment_method_details={
            "type": "card",
            "card": {"last4": "42424242", "brand": "<b>", "wallet": "x", "country": 7},
        },
        outcome={"risk_level": ["high"], "risk_score": True},
        failure_code={},
    ),
    "a refunded charge is a hint": charge("refunded", CHARGED, HINT, amount_refunded=1200),
    "it lists its refunds until API version 2022-11-15": replace(
        charge("refunded", CHARGED, HINT, PENDING, amount_refunded=1200, refunds={"data": [REFUND]}),
        links=(*OF_PAYMENT, *OF_CHARGE),
    ),
    # Refunds
    "a refund is a fact under its payment": refund("refund.created", PENDING),
    "a refund names the request of ours that made it": refund(
        "refund.created", structs.replace(PENDING, request="rr_1"), metadata={"refund_request": "rr_1"}
    ),
    "an updated refund is the same fact": refund(
        "refund.updated", structs.replace(PENDING, status=RefundStatus.SUCCEEDED), status="succeeded"
    ),
    "the older name of that event is the same": refund("charge.refund.updated", PENDING),
    "a failed refund is too": refund(
        "refund.failed", structs.replace(PENDING, status=RefundStatus.FAILED), status="failed"
    ),
    "a refund of an unknown PaymentIntent hangs on its charge": replace(
        refund("refund.created", structs.replace(PENDING, payment_id="ch_1"), payment_intent=None),
        links=(),
        subject_id="ch_1",
    ),
    "a refund of neither is not of Checkout": replace(
        refund("refund.created", payment_intent=None, charge=None), links=(), subject_id=None
    ),
    # Disputes
    "a dispute is a fact under its payment": dispute("created", OPENED),
    "an updated dispute is the same fact": dispute(
        "updated", structs.replace(OPENED, status=DisputeStatus.UNDER_REVIEW), status="under_review"
    ),
    "a closed dispute is too": dispute("closed", structs.replace(OPENED, status=DisputeStatus.LOST), status="lost"),
    "withdrawn money has the time of its event": dispute("funds_withdrawn", structs.replace(OPENED, withdrawn_at=AT)),
    "so has money that came back": dispute(
        "funds_reinstated", structs.replace(OPENED, status=DisputeStatus.WON, reinstated_at=AT), status="won"
    ),
    "a balance transaction dates the movement of money": dispute(
        "created",
        structs.replace(OPENED, withdrawn_at=DUE),
        balance_transactions=[{"amount": -5000, "created": int(DUE.timestamp())}],
    ),
    "a dispute has the network's reason and the state of its evidence": dispute(
        "updated",
        structs.replace(OPENED, network_reason="10.4", has_evidence=True, submission_count=1, past_due=False),
        payment_method_details={"card": {"network_reason_code": "10.4"}, "type": "card"},
        evidence_details={
            "due_by": int(DUE.timestamp()),
            "has_evidence": True,
            "submission_count": 1,
            "past_due": False,
        },
    ),
    "evidence details of other types are left out": dispute(
        "updated",
        OPENED,
        payment_method_details={"card": {"network_reason_code": 10}},
        evidence_details={
            "due_by": int(DUE.timestamp()),
            "has_evidence": 1,
            "submission_count": True,
            "past_due": "no",
        },
    ),
    "a dispute of unknown status still is one": dispute(
        "updated", structs.replace(OPENED, status=DisputeStatus.UNKNOWN, unknown="status=paused"), status="paused"
    ),
    # Early fraud warnings
    "a warning names the payment and what the issuer reports": warning("created", WARNED),
    "a warning that a refund or dispute overtook": warning(
        "updated", structs.replace(WARNED, actionable=False), actionable=False
    ),
    "a warning without its fields still warns": warning(
        "created",
        structs.replace(WARNED, fraud_type=None, warned_at=None),
        actionable=None,
        fraud_type=None,
        created=None,
    ),
    "a warning of no payment is about no order": Example(
        "radar.early_fraud_warning.created", WARNING, changes={"charge": None, "payment_intent": None}, subject_id=None
    ),
    # Modes that contradict each other
    "an event and its object that name two modes leave only observations": replace(
        session("completed", MONEY, structs.replace(MONEY, livemode=True), livemode=True), livemode=False
    ),
    "nobody naming a mode means test mode": replace(session("completed", PAID, MONEY), livemode=None),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_event_becomes_these_links_and_facts(name: str) -> None:
    example = EXAMPLES[name]
    translation = translate(example.type, snapshot(example.object | example.changes, example.livemode))
    assert translation is not None
    assert translation.subject_id == example.subject_id
    assert translation.facts == list(example.facts)
    assert translation.links == list(example.links)


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_every_type_has_an_example(event_type: str) -> None:
    assert event_type in {example.type for example in EXAMPLES.values()}


@pytest.mark.parametrize(
    ("event_type", "stripe_object", "changes", "message"),
    [
        ("checkout.session.completed", SESSION, {"id": None}, "checkout.session.id is missing"),
        ("checkout.session.completed", SESSION, {"amount_total": None}, "is paid but has no amount_total or currency"),
        ("payment_intent.succeeded", INTENT, {"amount": "12.50"}, "payment_intent.amount is not an amount"),
        ("charge.succeeded", CHARGE, {"currency": "euro"}, "charge.currency is not a currency code"),
        ("refund.created", REFUND, {"amount": None}, "refund has no amount or currency"),
        ("charge.dispute.created", DISPUTE, {"id": 7}, "dispute.id is not an id"),
        ("radar.early_fraud_warning.created", WARNING, {"id": None}, "radar.early_fraud_warning.id is missing"),
    ],
)
def test_the_fields_that_a_fact_needs_must_be_readable(
    event_type: str, stripe_object: dict[str, Any], changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(UnreadableObject, match=message):
        translate(event_type, snapshot(stripe_object | changes))


def test_a_type_that_the_daemon_does_not_use_is_not_translated() -> None:
    assert translate("customer.created", snapshot({"object": "customer", "id": "cus_1"})) is None


def snapshot(stripe_object: dict[str, Any], livemode: bool | None = False) -> ObjectSnapshot:
    return ObjectSnapshot(stripe_object, AT, "evt_1", livemodes(livemode, stripe_object.get("livemode")))
