"""What to do next so that an order has a session that can be paid, or none at all: decided under its lock."""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from checkout_daemon.errors import NotPayable
from checkout_daemon.ledger.derive import Derived
from checkout_daemon.ledger.facts import SessionFact, SessionStatus
from checkout_daemon.ledger.order_locks import LockedOrder
from checkout_daemon.model.orders import PAYABLE_STATUSES, OrderStatus
from checkout_daemon.orders.session_attempts import Attempt
from checkout_daemon.stripe_api.client import KEY_LIFETIME


@dataclass(frozen=True, slots=True)
class Session:
    """A session of ours at Stripe."""

    id: str
    url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Situation:
    """What an order has: its sessions, its last attempt, and the attempts of which nothing is at Stripe.

    `now` is by Stripe's clock, by which sessions end.
    """

    order: LockedOrder
    sessions: tuple[SessionFact, ...]
    attempt: Attempt
    derived: Derived
    given_up: Set[int]
    now: datetime

    @property
    def current(self) -> SessionFact | None:
        """The last attempt's session, if Stripe has answered."""
        return next((each for each in self.sessions if each.attempt and each.id == self.attempt.session_id), None)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do next; one of these.

    There is a session; Stripe is to be asked with an attempt's bytes; an attempt's session is to be looked for at
    Stripe; a session is to be expired; a new attempt is to be started; no session is open nor can one still come.
    """

    session: Session | None = None
    ask: Attempt | None = None
    look: Attempt | None = None
    expire: str | None = None
    anew: bool = False
    closed: bool = False


Planner = Callable[[Situation], Plan]


def plan_first(situation: Situation) -> Plan:
    """The session of an order just made, whatever became of it. Raises NotPayable where it was canceled before."""
    if situation.current is not None:
        return Plan(session=_session(situation.current))
    if situation.derived.status is OrderStatus.CANCELED:
        raise NotPayable(why_not_payable(situation))
    return _unanswered(situation, Plan(anew=True))


def plan_fresh(least_time_left: timedelta) -> Planner:
    """Plan for the open session if it has that long left, else for a new one after it is expired. Raises NotPayable."""

    def plan(situation: Situation) -> Plan:
        if not situation.derived.payable:
            raise NotPayable(why_not_payable(situation))
        current = situation.current
        for each in situation.sessions:
            if each.attempt and each.status is SessionStatus.OPEN and each != current:
                return Plan(expire=each.id)
        if current is None:
            return _unanswered(situation, Plan(anew=True))
        if current.status is not SessionStatus.OPEN:
            return Plan(anew=True)
        if current.url and current.expires_at and current.expires_at - situation.now >= least_time_left:
            return Plan(session=_session(current))
        return Plan(expire=current.id)

    return plan


def plan_closed(situation: Situation) -> Plan:
    """No session left that can be paid, one that Stripe has not answered for included. Raises NotPayable.

    That one is asked for and then expired: once Stripe has answered, no request under way can make another of it.
    """
    if not situation.derived.payable:
        raise NotPayable(why_not_payable(situation))
    for each in situation.sessions:
        if each.status is SessionStatus.OPEN:
            return Plan(expire=each.id)
    return Plan(closed=True) if situation.current is not None else _unanswered(situation, Plan(closed=True))


def plan_single(situation: Situation) -> Plan:
    """Plan for one session that can be paid, the last attempt's; for none if the order is settled."""
    settled = situation.derived.status not in PAYABLE_STATUSES
    for each in situation.sessions:
        if each.attempt and each.status is SessionStatus.OPEN and (settled or each != situation.current):
            return Plan(expire=each.id)
    return Plan(closed=True)


def why_not_payable(situation: Situation) -> str:
    number, derived = situation.order.number, situation.derived
    if derived.status in PAYABLE_STATUSES:
        codes = ", ".join(derived.attention_codes) or "a payment that does not match"
        return f"order {number} has a payment that does not match it ({codes}): a person must look at it first"
    return f"order {number} is {derived.status}: there is nothing to pay"


def _unanswered(situation: Situation, nothing_there: Plan) -> Plan:
    attempt = situation.attempt
    if not attempt.rejected and attempt.age <= KEY_LIFETIME:
        return Plan(ask=attempt)
    return nothing_there if attempt.number in situation.given_up else Plan(look=attempt)


def _session(fact: SessionFact) -> Session:
    return Session(fact.id, fact.url or "", fact.expires_at or datetime.now(UTC))
