"""Facts about Stripe's objects, and how two facts about the same object join.

Each join is commutative, associative and idempotent, so the order in which facts arrive cannot matter. Enumerations are
written in the order of their join: the later member wins.

Stripe may add a value to any of its enumerations without a new API version. One that this version does not know is kept
in its own words (`Unknown`) until a later telling has a known one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any, Protocol, TypeVar

E = TypeVar("E", bound=StrEnum)
T = TypeVar("T", "Unknown", datetime)


class SessionStatus(StrEnum):
    OPEN = "open"
    EXPIRED = "expired"
    COMPLETE = "complete"


class PaymentStatus(StrEnum):
    """What is known of a session's money."""

    UNPAID = "unpaid"
    FAILED = "failed"
    NO_PAYMENT_REQUIRED = "no_payment_required"
    PAID = "paid"


class RefundStatus(StrEnum):
    """UNKNOWN: Stripe has reported no status that this version knows."""

    UNKNOWN = "unknown"
    REQUIRES_ACTION = "requires_action"
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    CANCELED = "canceled"
    FAILED = "failed"


class DisputeStatus(StrEnum):
    """In rank order; the rank only decides between two tellings of the same second, for disputes do move back.

    Until API version 2014-11-20 there were two more: `response_disabled`, and `charge_refunded` for one that was won
    though its charge had been refunded. UNKNOWN: a status that this version does not know.
    """

    WARNING_NEEDS_RESPONSE = "warning_needs_response"
    WARNING_UNDER_REVIEW = "warning_under_review"
    WARNING_CLOSED = "warning_closed"
    NEEDS_RESPONSE = "needs_response"
    RESPONSE_DISABLED = "response_disabled"
    UNDER_REVIEW = "under_review"
    LOST = "lost"
    APPEAL_NEEDS_RESPONSE = "appeal_needs_response"
    APPEAL_UNDER_REVIEW = "appeal_under_review"
    WON = "won"
    CHARGE_REFUNDED = "charge_refunded"
    PREVENTED = "prevented"
    UNKNOWN = "unknown"


class Funds(StrEnum):
    """Which way disputed money went."""

    WITHDRAWN = "withdrawn"
    REINSTATED = "reinstated"


class LinkRank(IntEnum):
    """Who says which order a Stripe object belongs to; the smallest wins. STRIPE is an id inside Stripe."""

    OURS = 0
    CLIENT_REFERENCE_ID = 1
    METADATA = 2
    STRIPE = 3


class ActKind(StrEnum):
    """`closed`: a request to Stripe was given up without an effect; `reason` is refund or session, `subject` its id."""

    CANCELED = "canceled"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Link:
    """`source_id` (cs_, pi_, ch_) belongs to `target_id`: an order's id, or the pi_ of a session or charge."""

    source_id: str
    target_id: str
    rank: LinkRank


Key = tuple[object, ...]


@dataclass(frozen=True, slots=True, order=True)
class Unknown:
    """The newest telling of values that this version does not know: when, and as `field=value`, blank-separated."""

    at: datetime
    words: str


class Fact(Protocol):
    """What all facts have in common: the key under which they join, and the node (cs_, pi_, ch_) they hang on."""

    @property
    def key(self) -> Key: ...

    @property
    def node(self) -> str: ...

    def join(self, other: Any) -> Any: ...


@dataclass(frozen=True, slots=True)
class SessionFact:
    id: str
    livemode: bool
    status: SessionStatus
    payment_status: PaymentStatus
    attempt: int = 0  # ours 1, 2, …; 0 if not made by us
    url: str | None = None
    expires_at: datetime | None = None
    known_at: datetime | None = None  # of the newest telling of which every value was known
    unknown: Unknown | None = None

    @property
    def unresolved(self) -> Unknown | None:
        """The values that are unknown as far as has been told; in the same second as known ones they count."""
        return _unresolved(self.known_at, self.unknown)

    @property
    def key(self) -> Key:
        return ("session", self.id, self.livemode)

    @property
    def node(self) -> str:
        return self.id

    def join(self, other: SessionFact) -> SessionFact:
        return replace(
            self,
            status=later(self.status, other.status),
            payment_status=later(self.payment_status, other.payment_status),
            attempt=max(self.attempt, other.attempt),
            url=max(self.url or "", other.url or "") or None,
            expires_at=other.expires_at
            if self.expires_at is None or (other.expires_at is not None and other.expires_at > self.expires_at)
            else self.expires_at,
            known_at=_newest(self.known_at, other.known_at),
            unknown=_newest(self.unknown, other.unknown),
        )


@dataclass(frozen=True, slots=True)
class Observation:
    """One telling of a payment's money; amount in minor units. A payment's observations are a set."""

    payment_id: str
    amount: int
    currency: str
    livemode: bool
    paid_at: datetime

    @property
    def key(self) -> Key:
        return ("observation", self.payment_id, *self.reported)

    @property
    def node(self) -> str:
        return self.payment_id

    @property
    def reported(self) -> tuple[int, str, bool]:
        return (self.amount, self.currency, self.livemode)

    def join(self, other: Observation) -> Observation:
        return self if self.paid_at <= other.paid_at else other


@dataclass(frozen=True, slots=True)
class RefundFact:
    id: str
    livemode: bool
    payment_id: str  # pi_, or ch_ where the PaymentIntent is not known
    status: RefundStatus
    amount: int
    currency: str
    request: str | None = None  # the refund request of ours that its metadata names
    known_at: datetime | None = None
    unknown: Unknown | None = None

    @property
    def unresolved(self) -> Unknown | None:
        """As SessionFact.unresolved."""
        return _unresolved(self.known_at, self.unknown)

    @property
    def key(self) -> Key:
        return ("refund", self.id, self.livemode)

    @property
    def node(self) -> str:
        return self.payment_id

    def join(self, other: RefundFact) -> RefundFact:
        return replace(
            self,
            status=later(self.status, other.status),
            # Constants at Stripe. max() makes even a contradiction end the same in any order.
            payment_id=better_node(self.payment_id, other.payment_id),
            amount=max(self.amount, other.amount),
            currency=max(self.currency, other.currency),
            request=max(self.request or "", other.request or "") or None,
            known_at=_newest(self.known_at, other.known_at),
            unknown=_newest(self.unknown, other.unknown),
        )


@dataclass(frozen=True, slots=True)
class DisputeFact:
    """`unknown`: the status in Stripe's words where it is UNKNOWN. The money's moves join apart from the status."""

    id: str
    livemode: bool
    payment_id: str
    status: DisputeStatus
    due_by: datetime | None
    amount: int | None
    currency: str | None
    reason: str | None
    observed_at: datetime
    event_id: str
    unknown: str | None = None
    withdrawn_at: datetime | None = None  # when Stripe last took the money back
    reinstated_at: datetime | None = None  # when it last gave it to us again

    @property
    def key(self) -> Key:
        return ("dispute", self.id, self.livemode)

    @property
    def funds(self) -> Funds | None:
        """Where the disputed money went last; None where nothing is known. It cannot come back before it goes."""
        if self.reinstated_at is not None and (self.withdrawn_at is None or self.reinstated_at >= self.withdrawn_at):
            return Funds.REINSTATED
        return None if self.withdrawn_at is None else Funds.WITHDRAWN

    @property
    def node(self) -> str:
        return self.payment_id

    def join(self, other: DisputeFact) -> DisputeFact:
        newest = self if self._weight() >= other._weight() else other
        return replace(
            newest,
            payment_id=better_node(self.payment_id, other.payment_id),
            withdrawn_at=_newest(self.withdrawn_at, other.withdrawn_at),
            reinstated_at=_newest(self.reinstated_at, other.reinstated_at),
        )

    def _weight(self) -> tuple[datetime, int, str, str]:
        # An answer of the API has no event id: two of the same second must end alike, whatever else they say.
        rest = repr((self.unknown, self.due_by, self.amount, self.currency, self.reason))
        return (self.observed_at, rank(self.status), self.event_id, rest)


@dataclass(frozen=True, slots=True)
class CanceledPayment:
    """A PaymentIntent that was canceled: nothing comes of it any more."""

    payment_id: str
    at: datetime

    @property
    def key(self) -> Key:
        return ("canceled", self.payment_id)

    @property
    def node(self) -> str:
        return self.payment_id

    def join(self, other: CanceledPayment) -> CanceledPayment:
        return self if self.at <= other.at else other


@dataclass(frozen=True, slots=True)
class RefundHint:
    """What a charge said of its refunds as a whole: never a status, only a reason to look."""

    charge_id: str
    livemode: bool
    payment_id: str
    amount_refunded: int
    observed_at: datetime
    event_id: str

    @property
    def key(self) -> Key:
        return ("hint", self.charge_id, self.livemode)

    @property
    def node(self) -> str:
        return self.payment_id

    def join(self, other: RefundHint) -> RefundHint:
        newest = max(self, other, key=lambda hint: (hint.observed_at, hint.event_id, hint.amount_refunded))
        return replace(newest, payment_id=better_node(self.payment_id, other.payment_id))


@dataclass(frozen=True, slots=True)
class Act:
    """What a person did to an order, or that a request was given up; `reason` and `subject` say what it is about."""

    kind: ActKind
    reason: str = ""
    subject: str = ""


def is_charge(identifier: str) -> bool:
    """A charge's id: ch_, or py_ for the bank debits and the like."""
    return identifier.startswith(("ch_", "py_"))


def is_node(identifier: str) -> bool:
    """Whether an id is a session's, a PaymentIntent's or a charge's: what links connect."""
    return identifier.startswith(("cs_", "pi_")) or is_charge(identifier)


def better_node(one: str, two: str) -> str:
    """Of two names for a payment, the PaymentIntent's before a charge's."""
    return max(one, two, key=lambda node: (node.startswith("pi_"), node))


def _newest(one: T | None, two: T | None) -> T | None:
    found = [each for each in (one, two) if each is not None]
    return max(found) if found else None


def _unresolved(known_at: datetime | None, unknown: Unknown | None) -> Unknown | None:
    return unknown if unknown is not None and (known_at is None or known_at <= unknown.at) else None


def rank(member: StrEnum) -> int:
    """The place of an enumeration's member in its join order."""
    return _RANKS[type(member)][member]


def later(one: E, two: E) -> E:
    """The join of two members: the one written later."""
    return one if rank(one) >= rank(two) else two


_RANKS: dict[type[StrEnum], dict[StrEnum, int]] = {
    kind: {member: place for place, member in enumerate(kind)}
    for kind in (SessionStatus, PaymentStatus, RefundStatus, DisputeStatus)
}
