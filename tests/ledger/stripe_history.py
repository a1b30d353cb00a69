"""Generated histories of one order at Stripe, as the events that Stripe would send."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from checkout_daemon.ledger.translate import translate
from checkout_daemon.ledger.translate.stripe_objects import ObjectSnapshot, Translation, livemodes

ORDER_ID = "00000000-0000-4000-8000-000000000001"
OTHER_ORDER_ID = "00000000-0000-4000-8000-000000000002"
TOTAL = 5000
START = 1_790_000_000


@dataclass(frozen=True)
class Event:
    id: str
    type: str
    created: int
    livemode: bool
    object: dict[str, Any]

    def translation(self) -> Translation:
        snapshot = ObjectSnapshot(
            self.object,
            datetime.fromtimestamp(self.created, UTC),
            self.id,
            livemodes(self.livemode, self.object.get("livemode")),
        )
        translation = translate(self.type, snapshot)
        assert translation is not None
        return translation


@dataclass
class History:
    """A minimal Stripe that only remembers the events it has sent."""

    events: list[Event] = field(default_factory=list)
    clock: int = START
    ids: Any = field(default_factory=itertools.count)

    def send(self, kind: str, payload: dict[str, Any], *, livemode: bool = False) -> None:
        number = len(self.events)
        self.events.append(Event(f"evt_{number:04d}", kind, self.clock, livemode, payload))


@dataclass(frozen=True)
class Card:
    """What a payment was attempted with; `authenticated`: a refused attempt got as far as a charge."""

    last4: str
    wallet: str | None
    decline_code: str | None
    risks: tuple[int | None, int | None]
    authenticated: bool

    def of_charge(self, failed: bool, late: bool) -> dict[str, Any]:
        """Return what a charge reports of it; Stripe may assess the risk anew later."""
        return {
            "status": "failed" if failed else "succeeded",
            "payment_method_details": {"type": "card", "card": self._described() | {"network": "visa"}},
            "outcome": {
                "type": "issuer_declined" if failed else "authorized",
                "reason": self.decline_code if failed else None,
                "risk_level": "elevated" if late else "normal",
                "risk_score": self.risks[late],
            },
            "failure_code": "card_declined" if failed else None,
            "failure_message": "Your card was declined." if failed else None,
        }

    def of_error(self, intent_id: str, charge_id: str) -> dict[str, Any]:
        """Return the last_payment_error of a PaymentIntent."""
        return {
            "charge": charge_id if self.authenticated else None,
            "code": "card_declined" if self.authenticated else "payment_intent_authentication_failure",
            "decline_code": self.decline_code,
            "message": "Your card was declined.",
            "payment_method": {"id": f"pm_{intent_id[3:]}", "type": "card", "card": self._described()},
        }

    def _described(self) -> dict[str, Any]:
        wallet = {"type": self.wallet} if self.wallet else None
        return {"brand": "visa", "last4": self.last4, "funding": "credit", "country": "AT", "wallet": wallet}


CARD = Card("4242", None, "insufficient_funds", (12, 12), True)
cards = st.builds(
    Card,
    last4=st.sampled_from(["4242", "0002"]),
    wallet=st.sampled_from([None, "apple_pay"]),
    decline_code=st.sampled_from([None, "insufficient_funds", "fraudulent"]),
    risks=st.tuples(st.sampled_from([None, 7]), st.sampled_from([None, 7, 80])),
    authenticated=st.booleans(),
)


@dataclass(frozen=True)
class SessionPlan:
    """One session: its outcome, the source that names its order, and what happens to its money."""

    ending: str
    amount: int
    currency: str
    livemode: bool
    order: str
    named_by: str  # client_reference_id, metadata, intent: who names the order
    witnesses: frozenset[str]  # which of session, intent, charge are delivered at all
    refunds: tuple[tuple[int, tuple[str, ...]], ...]
    disputes: tuple[tuple[str, ...], ...]
    same_second: bool
    card: Card = CARD
    warnings: tuple[tuple[bool, ...], ...] = ()  # whether each report of one is actionable


DISPUTE_PATHS = (
    ("warning_needs_response", "warning_closed"),
    ("needs_response", "under_review", "lost"),
    ("needs_response", "under_review", "won"),
    ("needs_response", "lost", "appeal_needs_response", "appeal_under_review", "won"),
    ("needs_response", "prevented"),
    ("needs_response", "funds_withdrawn", "lost", "funds_reinstated"),
    ("funds_withdrawn", "prevented"),
    ("a_status_of_next_year",),
    ("needs_response", "a_status_of_next_year", "won"),
    ("under_review", "another_one", "a_status_of_next_year"),
    ("needs_response", "charge_refunded"),
)
REFUND_PATHS = (
    ("succeeded",),
    ("pending", "succeeded"),
    ("succeeded", "failed"),
    ("pending", "canceled"),
    ("requires_action",),
    ("a_status_of_next_year",),
    ("succeeded", "a_status_of_next_year"),
    ("a_status_of_next_year", "another_one", "pending"),
    ("pending", "a_status_of_next_year", "failed"),
)

UNPAID_ENDINGS = ("expired", "open", "canceled")

session_plans = st.builds(
    SessionPlan,
    ending=st.sampled_from(
        ["paid", "paid", "declined_then_paid", "delayed_paid", "delayed_failed", *UNPAID_ENDINGS, "unknown_then_paid"]
    ),
    amount=st.sampled_from([TOTAL, TOTAL, TOTAL, TOTAL, TOTAL - 1]),
    currency=st.sampled_from(["eur", "eur", "eur", "eur", "usd"]),
    livemode=st.sampled_from([False, False, False, False, True]),
    order=st.sampled_from([ORDER_ID, ORDER_ID, ORDER_ID, OTHER_ORDER_ID]),
    named_by=st.sampled_from(["client_reference_id", "metadata", "intent"]),
    witnesses=st.sets(st.sampled_from(["session", "intent", "charge"]), min_size=1).map(frozenset),
    refunds=st.lists(st.tuples(st.sampled_from([TOTAL, TOTAL // 2, 1]), st.sampled_from(REFUND_PATHS)), max_size=3).map(
        tuple
    ),
    disputes=st.lists(st.sampled_from(DISPUTE_PATHS), max_size=2).map(tuple),
    same_second=st.booleans(),
    card=cards,
    warnings=st.lists(st.sampled_from([(True,), (True, False), (False,)]), max_size=2).map(tuple),
)


def tell(plans: list[SessionPlan]) -> list[Event]:
    """Return all events of these sessions, in the order they happened."""
    history = History()
    for plan in plans:
        _tell_session(history, plan)
    return history.events


def _tell_session(history: History, plan: SessionPlan) -> None:
    number = next(history.ids)
    session_id, intent_id, charge_id = f"cs_{number}", f"pi_{number}", f"ch_{number}"
    metadata = {"order_id": plan.order}
    session: dict[str, Any] = {
        "id": session_id,
        "object": "checkout.session",
        "client_reference_id": plan.order if plan.named_by == "client_reference_id" else None,
        "metadata": metadata if plan.named_by == "metadata" else {},
        "amount_total": plan.amount,
        "currency": plan.currency,
        "payment_intent": intent_id,
        "livemode": plan.livemode,
    }
    intent = {
        "id": intent_id,
        "object": "payment_intent",
        "amount": plan.amount,
        "amount_received": plan.amount,
        "currency": plan.currency,
        "metadata": metadata if plan.named_by == "intent" else {},
        "latest_charge": charge_id,
    }
    charge = {
        "id": charge_id,
        "object": "charge",
        "amount": plan.amount,
        "captured": True,
        "currency": plan.currency,
        "payment_intent": intent_id,
        "metadata": intent["metadata"],
    }

    def send(witness: str, kind: str, payload: dict[str, Any]) -> None:
        if witness in plan.witnesses:
            if not plan.same_second:
                history.clock += 1
            history.send(kind, dict(payload), livemode=plan.livemode)

    if plan.ending == "open":
        return
    if plan.ending == "expired":
        send("session", "checkout.session.expired", session | {"status": "expired", "payment_status": "unpaid"})
        return
    if plan.ending == "declined_then_paid":
        refused_id = f"ch_{number}refused"
        refused = charge | {"id": refused_id, "captured": False} | plan.card.of_charge(True, False)
        error = plan.card.of_error(intent_id, refused_id)
        if plan.card.authenticated:
            send("charge", "charge.failed", refused)
        latest = refused_id if plan.card.authenticated else None
        send("intent", "payment_intent.payment_failed", intent | {"latest_charge": latest, "last_payment_error": error})
    if plan.ending in ("unknown_then_paid", "canceled"):
        word = "a_status_of_next_year" if plan.ending == "unknown_then_paid" else "unpaid"
        send("session", "checkout.session.completed", session | {"status": "complete", "payment_status": word})
    if plan.ending == "canceled":
        send("intent", "payment_intent.canceled", intent)
        return
    delayed = plan.ending.startswith("delayed")
    if delayed:
        send("intent", "payment_intent.processing", intent)
        unpaid = session | {"status": "complete", "payment_status": "unpaid"}
        send("session", "checkout.session.completed", unpaid)
        if plan.ending == "delayed_failed":
            send("charge", "charge.failed", charge | plan.card.of_charge(True, False))
            error = plan.card.of_error(intent_id, charge_id)
            send("intent", "payment_intent.payment_failed", intent | {"last_payment_error": error})
            send("session", "checkout.session.async_payment_failed", unpaid)
            return
    paid = session | {"status": "complete", "payment_status": "paid"}
    send("charge", "charge.succeeded", charge | plan.card.of_charge(False, False))
    send("intent", "payment_intent.succeeded", intent)
    kind = "checkout.session.async_payment_succeeded" if delayed else "checkout.session.completed"
    send("session", kind, paid)
    _tell_warnings(history, plan, intent_id, charge_id)
    _tell_refunds(history, plan, intent_id, charge_id)
    if plan.refunds:
        total = sum(amount for amount, _ in plan.refunds)
        of_refund = charge | plan.card.of_charge(False, True) | {"amount_refunded": total}
        send("charge", "charge.refunded", of_refund)
    _tell_disputes(history, plan, intent_id, charge_id)


def _tell_refunds(history: History, plan: SessionPlan, intent_id: str, charge_id: str) -> None:
    for amount, path in plan.refunds:
        refund_id = f"re_{next(history.ids)}"
        for status in path:
            if not plan.same_second:
                history.clock += 1
            kind = (
                "refund.created" if status == path[0] else ("refund.failed" if status == "failed" else "refund.updated")
            )
            payload = {
                "id": refund_id,
                "object": "refund",
                "payment_intent": intent_id,
                "charge": charge_id,
                "amount": amount,
                "currency": plan.currency,
                "status": status,
            }
            history.send(kind, payload, livemode=plan.livemode)


def _tell_warnings(history: History, plan: SessionPlan, intent_id: str, charge_id: str) -> None:
    for reports in plan.warnings:
        warning_id = f"issfr_{next(history.ids)}"
        for number, actionable in enumerate(reports):
            if not plan.same_second:
                history.clock += 1
            payload = {
                "id": warning_id,
                "object": "radar.early_fraud_warning",
                "payment_intent": intent_id,
                "charge": charge_id,
                "actionable": actionable,
                "fraud_type": "misc",
                "created": START,
            }
            kind = f"radar.early_fraud_warning.{'updated' if number else 'created'}"
            history.send(kind, payload, livemode=plan.livemode)


def _tell_disputes(history: History, plan: SessionPlan, intent_id: str, charge_id: str) -> None:
    for path in plan.disputes:
        dispute_id = f"dp_{next(history.ids)}"
        for status in path:
            if not plan.same_second:
                history.clock += 1
            kind = "charge.dispute.created" if status == path[0] else "charge.dispute.updated"
            if status.startswith("funds_"):
                kind = f"charge.dispute.{status}"
            payload = {
                "id": dispute_id,
                "object": "dispute",
                "payment_intent": intent_id,
                "charge": charge_id,
                "amount": plan.amount,
                "currency": plan.currency,
                "status": "under_review" if status.startswith("funds_") else status,
            }
            history.send(kind, payload, livemode=plan.livemode)
