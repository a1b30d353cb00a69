"""Facts about Stripe objects, and how two facts about the same object join.

Every join is commutative, associative and idempotent, so the order in which facts arrive cannot matter. The members of
an enumeration are listed in join order: the later member wins.

Stripe may add a value to any of its enumerations without a new API version. A value that this version does not know is
kept as Stripe wrote it (`Unknown`) until a later report has a known one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any, ClassVar, Protocol, TypeVar

E = TypeVar("E", bound=StrEnum)
T = TypeVar("T", "Unknown", datetime)


class SessionStatus(StrEnum):
    OPEN = "open"
    EXPIRED = "expired"
    COMPLETE = "complete"


class PaymentStatus(StrEnum):
    """Stripe's `payment_status` of a session, and FAILED for a delayed payment that did not arrive."""

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
    """The status of a dispute, in rank order.

    A dispute can move back, so the newest report wins; the rank only decides between two reports of the same second.
    Until API version 2014-11-20 there were two more statuses: `response_disabled`, and `charge_refunded` for a dispute
    that was won although its charge had been refunded. UNKNOWN: a status that this version does not know.
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
    """Where disputed money went last."""

    WITHDRAWN = "withdrawn"
    REINSTATED = "reinstated"


class LinkRank(IntEnum):
    """The source of a link; the smallest wins. STRIPE links two Stripe objects, all others name an order."""

    OURS = 0
    CLIENT_REFERENCE_ID = 1
    METADATA = 2
    STRIPE = 3


class ActKind(StrEnum):
    """The kind of an act.

    CLOSED: a request to Stripe was given up as without effect; `reason` is refund or session, `subject` its id.
    """

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
    """The newest report of values that this version does not know; `words` are `field=value`, separated by blanks."""

    at: datetime
    words: str


class Fact(Protocol):
    """What all kinds of facts have in common.

    Facts with the same `key` join. `node` is the session, PaymentIntent or charge (cs_, pi_, ch_) that a fact belongs
    to. `moves_orders`: whether an order's status, attention or messages may follow from it. `of_payment`: whether its
    node is a payment, whose row must exist before the fact is stored. ledger/fact_store.py has the table of kinds.
    """

    moves_orders: ClassVar[bool]
    of_payment: ClassVar[bool]

    @property
    def key(self) -> Key: ...

    @property
    def node(self) -> str: ...

    def join(self, other: Any) -> Any: ...


@dataclass(frozen=True, slots=True)
class SessionFact:
    """A Checkout Session."""

    moves_orders: ClassVar[bool] = True
    of_payment: ClassVar[bool] = False
    id: str
    livemode: bool
    status: SessionStatus
    payment_status: PaymentStatus
    attempt: int = 0  # ours 1, 2, …; 0 if not made by us
    url: str | None = None
    expires_at: datetime | None = None
    known_at: datetime | None = None  # of the newest report in which every value was known
    unknown: Unknown | None = None

    @property
    def unknown_at(self) -> datetime | None:
        return None if self.unknown is None else self.unknown.at

    @property
    def unknown_words(self) -> str | None:
        return None if self.unknown is None else self.unknown.words

    @property
    def unresolved(self) -> Unknown | None:
        """Return the unknown values, unless a later report had known ones only."""
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
    """One report of the money of a payment; amount in minor units. The observations of a payment are a set."""

    moves_orders: ClassVar[bool] = True
    of_payment: ClassVar[bool] = True
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
    """A refund."""

    moves_orders: ClassVar[bool] = True
    of_payment: ClassVar[bool] = True
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
    def unknown_at(self) -> datetime | None:
        return None if self.unknown is None else self.unknown.at

    @property
    def unknown_words(self) -> str | None:
        return None if self.unknown is None else self.unknown.words

    @property
    def unresolved(self) -> Unknown | None:
        """Return the unknown values, unless a later report had known ones only."""
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
    """A dispute. `unknown` is the status as Stripe wrote it where it is UNKNOWN.

    The times at which money moved join apart from the status.
    """

    moves_orders: ClassVar[bool] = True
    of_payment: ClassVar[bool] = True
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
    reinstated_at: datetime | None = None  # when it last returned the money to us

    @property
    def key(self) -> Key:
        return ("dispute", self.id, self.livemode)

    @property
    def funds(self) -> Funds | None:
        """Return where the disputed money went last, or None if that is not known. It leaves before it comes back."""
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
        # An API answer has no event id: two answers of the same second must join to the same one in any order.
        rest = repr((self.unknown, self.due_by, self.amount, self.currency, self.reason))
        return (self.observed_at, rank(self.status), self.event_id, rest)


@dataclass(frozen=True, slots=True)
class CanceledPayment:
    """A PaymentIntent that was canceled: no money will come of it."""

    moves_orders: ClassVar[bool] = True
    of_payment: ClassVar[bool] = False
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
    """The total that a charge reports as refunded: never a status, only a reason to list its refunds."""

    moves_orders: ClassVar[bool] = False
    of_payment: ClassVar[bool] = True
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
    """What a person did to an order, or that a request was given up. `reason` and `subject` depend on the kind."""

    kind: ActKind
    reason: str = ""
    subject: str = ""


def is_charge(identifier: str) -> bool:
    """Return whether an id is a charge's: ch_, or py_ for bank debits and the like."""
    return identifier.startswith(("ch_", "py_"))


def is_node(identifier: str) -> bool:
    """Return whether an id is a session's, a PaymentIntent's or a charge's: these are what links connect."""
    return identifier.startswith(("cs_", "pi_")) or is_charge(identifier)


def better_node(one: str, two: str) -> str:
    """Return the better of two ids of one payment: the PaymentIntent's before a charge's."""
    return max(one, two, key=lambda node: (node.startswith("pi_"), node))


def _newest(one: T | None, two: T | None) -> T | None:
    known = [value for value in (one, two) if value is not None]
    return max(known) if known else None


def _unresolved(known_at: datetime | None, unknown: Unknown | None) -> Unknown | None:
    return unknown if unknown is not None and (known_at is None or known_at <= unknown.at) else None


def rank(member: StrEnum) -> int:
    """Return the place of a member in the join order of its enumeration."""
    return _RANKS[type(member)][member]


def later(one: E, two: E) -> E:
    """Return the join of two members: the one listed later."""
    return one if rank(one) >= rank(two) else two


_RANKS: dict[type[StrEnum], dict[StrEnum, int]] = {
    kind: {member: place for place, member in enumerate(kind)}
    for kind in (SessionStatus, PaymentStatus, RefundStatus, DisputeStatus)
}
