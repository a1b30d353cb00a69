"""Derives an order's status, attention and money from its facts: a pure function."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType

import msgspec

from checkout_daemon.ledger.facts import (
    Act,
    ActKind,
    DisputeFact,
    DisputeStatus,
    Funds,
    Observation,
    PaymentStatus,
    RefundFact,
    RefundStatus,
    SessionFact,
    SessionStatus,
)
from checkout_daemon.ledger.fraud_facts import FraudWarning
from checkout_daemon.ledger.reservations import Reservation, is_oversold
from checkout_daemon.model.messages import MessageKind, attention_subject
from checkout_daemon.model.orders import PAYABLE_STATUSES, AttentionCode, OrderStatus, OrderTerms

# A refund of unknown status counts: money that may have been refunded must not be refunded twice.
LIVE_REFUNDS = frozenset(
    {RefundStatus.UNKNOWN, RefundStatus.REQUIRES_ACTION, RefundStatus.PENDING, RefundStatus.SUCCEEDED}
)
# A message about a refund reports its status; for an unknown status there is no message.
REFUND_MESSAGES = {
    RefundStatus.REQUIRES_ACTION: MessageKind.REFUND_REQUIRES_ACTION,
    RefundStatus.PENDING: MessageKind.REFUND_PENDING,
    RefundStatus.SUCCEEDED: MessageKind.ORDER_REFUNDED,
    RefundStatus.CANCELED: MessageKind.REFUND_CANCELED,
    RefundStatus.FAILED: MessageKind.REFUND_FAILED,
}
# Inquiries count as disputes, and so do lost disputes and those of unknown status.
SETTLED_DISPUTES = frozenset(
    {DisputeStatus.WON, DisputeStatus.CHARGE_REFUNDED, DisputeStatus.WARNING_CLOSED, DisputeStatus.PREVENTED}
)
# After a won dispute the money is still on its way back; after these two nothing more happens.
_OVER_FOR_GOOD = frozenset({DisputeStatus.WARNING_CLOSED, DisputeStatus.PREVENTED})
UNANSWERED_DISPUTES = frozenset(
    {DisputeStatus.WARNING_NEEDS_RESPONSE, DisputeStatus.NEEDS_RESPONSE, DisputeStatus.APPEAL_NEEDS_RESPONSE}
)


class OrderFacts(msgspec.Struct, frozen=True):
    """All facts about one order in its own livemode, and its observations in either: a wrong one must be noticed.

    `payments` are observations by payment; `canceled` the sessions whose PaymentIntent was canceled. `reservations` are
    no facts: their states were derived before, and depend on what was free then.
    """

    sessions: tuple[SessionFact, ...] = ()
    payments: Mapping[str, tuple[Observation, ...]] = MappingProxyType({})
    refunds: tuple[RefundFact, ...] = ()
    disputes: tuple[DisputeFact, ...] = ()
    acts: frozenset[Act] = frozenset()
    canceled: frozenset[str] = frozenset()
    reservations: tuple[Reservation, ...] = ()
    warnings: tuple[FraudWarning, ...] = ()


class Attention(msgspec.Struct, frozen=True, order=True):
    """Something that a person must look at; `subject` is the payment, refund, dispute or session it is about."""

    code: AttentionCode
    subject: str


class Message(msgspec.Struct, frozen=True, order=True):
    """A message that is owed once to the customer or the shop's systems; `subject_id` is what it is about."""

    kind: str
    subject_id: str


class Derived(msgspec.Struct, frozen=True):
    """What follows from an order's facts. Amounts in minor units; acknowledged items are not in `attention`."""

    status: OrderStatus
    attention: tuple[Attention, ...]
    amount_refunded: int
    paid_at: datetime | None
    payable: bool
    messages: frozenset[Message]

    @property
    def attention_codes(self) -> list[str]:
        """Return the codes, each once."""
        return sorted({item.code.value for item in self.attention})


_COMPLETED = Message(MessageKind.ORDER_COMPLETED.value, "")
_RECEIVED = Message(MessageKind.ORDER_RECEIVED.value, "")
NEW_ORDER = Derived(OrderStatus.PENDING, (), 0, None, payable=True, messages=frozenset())


def derive(terms: OrderTerms, facts: OrderFacts) -> Derived:
    """Derive an order's state. The first rule that holds decides the status: see the table in docs/ARCHITECTURE.md."""
    valid: set[str] = set()
    mismatched: list[Attention] = []
    paid_at: datetime | None = None
    for payment_id, observed in facts.payments.items():
        if differing := [observation for observation in observed if not _matches(observation, terms)]:
            mismatched += _mismatches(terms, payment_id, differing)
        elif observed:
            valid.add(payment_id)
            first = min([observation.paid_at for observation in observed])
            paid_at = first if paid_at is None or first < paid_at else paid_at
    paid = terms.amount_total * len(valid)
    live = [refund for refund in facts.refunds if refund.payment_id in valid and refund.status in LIVE_REFUNDS]
    refunded = min(sum([refund.amount for refund in live]), paid)

    status = _status(terms, facts, valid, paid, refunded)
    attention = {*mismatched, *_attention(terms, facts, valid, paid, refunded)}
    if attention and facts.acts:
        acknowledged = {(act.reason, act.subject) for act in facts.acts if act.kind is ActKind.ACKNOWLEDGED}
        attention = {item for item in attention if (item.code.value, item.subject) not in acknowledged}
    return Derived(
        status=status,
        attention=tuple(sorted(attention)),
        amount_refunded=refunded,
        paid_at=paid_at,
        payable=status in PAYABLE_STATUSES and not mismatched,
        messages=_messages(facts, valid, live, attention),
    )


def _status(terms: OrderTerms, facts: OrderFacts, valid: set[str], paid: int, refunded: int) -> OrderStatus:
    if any(dispute.payment_id in valid and dispute.status not in SETTLED_DISPUTES for dispute in facts.disputes):
        return OrderStatus.DISPUTED
    if valid:
        if refunded == paid > 0:
            return OrderStatus.REFUNDED
        return OrderStatus.PARTIALLY_REFUNDED if paid - refunded < terms.amount_total else OrderStatus.COMPLETED
    if any(_is_processing(session) for session in facts.sessions):
        return OrderStatus.PROCESSING
    if any(act.kind is ActKind.CANCELED for act in facts.acts):
        return OrderStatus.CANCELED
    if any(session.status is SessionStatus.OPEN for session in facts.sessions):
        return OrderStatus.PENDING
    if (last := last_attempt(facts.sessions)) is not None:
        if last.payment_status is PaymentStatus.FAILED:
            return OrderStatus.FAILED
        if last.status is SessionStatus.EXPIRED:
            return OrderStatus.EXPIRED
    return OrderStatus.PENDING


def last_attempt(sessions: Iterable[SessionFact]) -> SessionFact | None:
    """Return the session of the highest attempt; of sessions that we did not make, the one with the greatest id."""
    return max(sessions, key=lambda session: (session.attempt, session.id), default=None)


def _matches(observation: Observation, terms: OrderTerms) -> bool:
    return (
        observation.amount == terms.amount_total
        and observation.currency == terms.currency
        and observation.livemode == terms.livemode
    )


def _mismatches(terms: OrderTerms, payment_id: str, observed: Iterable[Observation]) -> Iterable[Attention]:
    for observation in observed:
        if observation.amount != terms.amount_total:
            yield Attention(AttentionCode.AMOUNT_MISMATCH, payment_id)
        if observation.currency != terms.currency:
            yield Attention(AttentionCode.CURRENCY_MISMATCH, payment_id)
        if observation.livemode != terms.livemode:
            yield Attention(AttentionCode.LIVEMODE_MISMATCH, payment_id)


def _attention(terms: OrderTerms, facts: OrderFacts, valid: set[str], paid: int, refunded: int) -> Iterable[Attention]:
    if paid - refunded > terms.amount_total:
        yield Attention(AttentionCode.PAID_TWICE, ",".join(sorted(valid)))
    if valid and any(act.kind is ActKind.CANCELED for act in facts.acts):
        yield Attention(AttentionCode.PAID_AFTER_CANCEL, ",".join(sorted(valid)))
    for refund in facts.refunds:
        if refund.status is RefundStatus.FAILED:
            yield Attention(AttentionCode.REFUND_FAILED, refund.id)
    for dispute in facts.disputes:
        if dispute.status in UNANSWERED_DISPUTES:
            yield Attention(AttentionCode.DISPUTE_NEEDS_RESPONSE, dispute.id)
        if dispute.status is DisputeStatus.LOST:
            back = dispute.funds is Funds.REINSTATED
            yield Attention(AttentionCode.DISPUTE_REINSTATED if back else AttentionCode.DISPUTE_LOST, dispute.id)
        if dispute.status in _OVER_FOR_GOOD and dispute.funds is Funds.WITHDRAWN:
            yield Attention(AttentionCode.DISPUTE_WITHDRAWN, dispute.id)
    for object_id in unknown_statuses(facts):
        yield Attention(AttentionCode.UNKNOWN_STATUS, object_id)
    if not valid:
        for session in facts.sessions:
            if session.id in facts.canceled and _is_processing(session):
                yield Attention(AttentionCode.PAYMENT_CANCELED, session.id)
    if facts.reservations and valid and (refunded < paid or not paid) and is_oversold(facts.reservations):
        yield Attention(AttentionCode.OVERSOLD, ",".join(sorted(valid)))
    for warning in facts.warnings:
        if can_be_averted(warning, facts):
            yield Attention(AttentionCode.FRAUD_WARNING, warning.id)
    for object_id in late_effects(facts):
        yield Attention(AttentionCode.APPEARED_LATE, object_id)


def _is_processing(session: SessionFact) -> bool:
    return session.status is SessionStatus.COMPLETE and session.payment_status is PaymentStatus.UNPAID


def can_be_averted(warning: FraudWarning, facts: OrderFacts) -> bool:
    """Return whether a refund would avert what a warning announces: the payment is neither disputed nor refunded."""
    observed = facts.payments.get(warning.payment_id, ())
    paid = max([observation.amount for observation in observed if observation.livemode == warning.livemode], default=0)
    if not warning.actionable or any(dispute.payment_id == warning.payment_id for dispute in facts.disputes):
        return False
    live = [refund for refund in facts.refunds if refund.status in LIVE_REFUNDS]
    return sum([refund.amount for refund in live if refund.payment_id == warning.payment_id]) < paid


def unknown_statuses(facts: OrderFacts) -> list[str]:
    """Return the sessions, refunds and disputes that Stripe last reported with a value unknown to this version."""
    unknown = [session.id for session in facts.sessions if session.unresolved is not None]
    unknown += [refund.id for refund in facts.refunds if refund.unresolved is not None]
    unknown += [dispute.id for dispute in facts.disputes if dispute.status is DisputeStatus.UNKNOWN]
    return sorted(unknown)


def late_effects(facts: OrderFacts) -> list[str]:
    """Return the refunds and complete sessions at Stripe whose request was given up as without effect.

    A person who read that nothing had happened may have asked again.
    """
    if not facts.acts:
        return []
    closed = {(act.reason, act.subject) for act in facts.acts if act.kind is ActKind.CLOSED}
    late = [refund.id for refund in facts.refunds if ("refund", refund.request) in closed]
    late += [
        session.id
        for session in facts.sessions
        if session.status is SessionStatus.COMPLETE and ("session", str(session.attempt)) in closed
    ]
    return sorted(late)


def _messages(
    facts: OrderFacts, valid: set[str], live: list[RefundFact], attention: set[Attention]
) -> frozenset[Message]:
    """Return the messages owed. They follow from facts, never from transitions, so each is owed once on any path."""
    undone = [refund for refund in facts.refunds if refund.status not in LIVE_REFUNDS]
    messages = {
        Message(REFUND_MESSAGES[refund.status].value, refund.id)
        for refund in (*live, *undone)
        if refund.status in REFUND_MESSAGES and refund.unresolved is None
    }
    messages |= {
        Message(MessageKind.ORDER_ATTENTION.value, attention_subject(item.code.value, item.subject))
        for item in attention
    }
    if valid:
        messages.add(_COMPLETED)
    elif any(_is_processing(session) for session in facts.sessions):
        messages.add(_RECEIVED)
    elif (last := last_attempt(facts.sessions)) is not None and last.payment_status is PaymentStatus.FAILED:
        messages.add(Message(MessageKind.PAYMENT_FAILED.value, last.id))
    return frozenset(messages)
