"""Decides under an order's lock what to do next so that it has one session that can be paid, or none."""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from checkout_daemon.errors import NotPayable
from checkout_daemon.ledger.derive import Derived, last_attempt
from checkout_daemon.ledger.facts import SessionFact, SessionStatus
from checkout_daemon.ledger.order_states import LockedOrder
from checkout_daemon.model.orders import PAYABLE_STATUSES, OrderStatus
from checkout_daemon.orders.session_attempt_store import Attempt
from checkout_daemon.stripe_api.client import KEY_LIFETIME

# Stripe creates no session that ends sooner: https://docs.stripe.com/api/checkout/sessions/create
_SHORTEST = timedelta(minutes=30)
# Clocks differ, and a request takes time.
_MARGIN = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Session:
    """A session of ours at Stripe."""

    id: str
    url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Situation:
    """An order with its sessions, its last attempt, and the numbers of attempts that left no session at Stripe.

    `now` is by Stripe's clock, which decides when a session ends.
    """

    order: LockedOrder
    sessions: tuple[SessionFact, ...]
    attempt: Attempt
    derived: Derived
    given_up: Set[int]
    now: datetime

    @property
    def current(self) -> SessionFact | None:
        """Return the last attempt's session, or None if Stripe has not answered."""
        return next((fact for fact in self.sessions if fact.attempt and fact.id == self.attempt.session_id), None)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do next: exactly one field is set."""

    session: Session | None = None  # nothing: this is the session
    ask: Attempt | None = None  # ask Stripe with the attempt's bytes
    look: Attempt | None = None  # look for the attempt's session at Stripe
    expire: str | None = None  # expire this session
    new_attempt: bool = False  # start a new attempt
    closed: bool = False  # nothing: no session is open, and none can still appear


Planner = Callable[[Situation], Plan]


def plan_first(situation: Situation) -> Plan:
    """Plan for the session of a new order, in any state. Raise NotPayable if the order was canceled without one.

    An attempt that was to replace another session is asked for once nobody can pay that one, and never if it was paid.
    """
    if situation.current is not None:
        return Plan(session=session_of(situation.current))
    if situation.derived.status is OrderStatus.CANCELED:
        raise _not_payable(situation)
    earlier = [session for session in situation.sessions if 0 < session.attempt < situation.attempt.number]
    last = last_attempt(situation.sessions)
    if earlier and last is not None and not situation.derived.payable:
        return Plan(session=session_of(last))
    for session in earlier:
        if session.status is SessionStatus.OPEN:
            return Plan(expire=session.id)
    return _unanswered(situation, Plan(new_attempt=True))


def plan_fresh(least_time_left: timedelta) -> Planner:
    """Plan for the open session if it has that much time left; else expire it and create one. Raise NotPayable.

    A session with an email that was corrected since is replaced: Stripe cannot change the email of a session.
    """

    def plan(situation: Situation) -> Plan:
        if not situation.derived.payable:
            raise _not_payable(situation)
        current = situation.current
        for session in situation.sessions:
            if session.attempt and session.status is SessionStatus.OPEN and session != current:
                return Plan(expire=session.id)
        if current is None:
            return _unanswered(situation, Plan(new_attempt=True))
        if current.status is not SessionStatus.OPEN:
            return Plan(new_attempt=True)
        lasts = current.expires_at is not None and current.expires_at - situation.now >= least_time_left
        if current.url and lasts and not situation.attempt.misaddressed:
            return Plan(session=session_of(current))
        return Plan(expire=current.id)

    return plan


def plan_closed(situation: Situation) -> Plan:
    """Plan for no session that can be paid. Raise NotPayable.

    An attempt without an answer is asked for and then expired: once Stripe has answered, no request in progress can
    create another session for it.
    """
    if not situation.derived.payable:
        raise _not_payable(situation)
    for session in situation.sessions:
        if session.status is SessionStatus.OPEN:
            return Plan(expire=session.id)
    if situation.current is not None:
        return Plan(closed=True)
    return _unanswered(situation, Plan(closed=True), closing=True)


def plan_single(situation: Situation) -> Plan:
    """Plan for the last attempt's session as the only one that can be paid; for none if the order is settled."""
    settled = situation.derived.status not in PAYABLE_STATUSES
    for session in situation.sessions:
        if session.attempt and session.status is SessionStatus.OPEN and (settled or session != situation.current):
            return Plan(expire=session.id)
    return Plan(closed=True)


def session_of(fact: SessionFact) -> Session:
    """Return a session of ours that Stripe returned."""
    return Session(fact.id, fact.url or "", fact.expires_at or datetime.now(UTC))


def _not_payable(situation: Situation) -> NotPayable:
    number, derived = situation.order.number, situation.derived
    if derived.status in PAYABLE_STATUSES:
        codes = ", ".join(derived.attention_codes) or "a payment that does not match"
        return NotPayable(
            f"order {number} has a payment that does not match it ({codes}): a person must look at it first"
        )
    return NotPayable(f"order {number} is {derived.status}: there is nothing to pay")


def _unanswered(situation: Situation, nothing_there: Plan, *, closing: bool = False) -> Plan:
    """Plan for an attempt without an answer: ask while Stripe can create its session, else look for it.

    Stripe can while its key is usable and its session would not end too soon. `closing`: only look if no request that
    is under way can create it any more either.
    """
    attempt = situation.attempt
    shortest = _SHORTEST - _MARGIN if closing else _SHORTEST + _MARGIN
    in_time = attempt.ends_at is None or attempt.ends_at - situation.now >= shortest
    if in_time and not attempt.rejected and attempt.age <= KEY_LIFETIME:
        return Plan(ask=attempt)
    return nothing_there if attempt.number in situation.given_up else Plan(look=attempt)
