"""Facts about Stripe objects, and how two facts about the same object join.

Every join is commutative, associative and idempotent, so the order in which facts arrive cannot matter. The members of
an enumeration are listed in join order: the later member wins.

Stripe may add a value to any of its enumerations without a new API version. A value that this version does not know is
kept as Stripe wrote it (`Unknown`) until a later report has a known one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import IntEnum, StrEnum
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

import msgspec

E = TypeVar("E", bound="Ranked")
T = TypeVar("T", "Unknown", datetime, str)
Join = Callable[[Any, Any], Any]


class Ranked(StrEnum):
    """An enumeration in join order: `rank` is a member's place. It is read several times for every event."""

    rank: int

    def __init__(self, _: str) -> None:
        self.rank = len(type(self))


class SessionStatus(Ranked):
    """Stripe's `status` of a session."""

    OPEN = "open"
    EXPIRED = "expired"
    COMPLETE = "complete"


class PaymentStatus(Ranked):
    """Stripe's `payment_status` of a session, and FAILED for a delayed payment that did not arrive."""

    UNPAID = "unpaid"
    FAILED = "failed"
    NO_PAYMENT_REQUIRED = "no_payment_required"
    PAID = "paid"


class RefundStatus(Ranked):
    """UNKNOWN: Stripe has reported no status that this version knows."""

    UNKNOWN = "unknown"
    REQUIRES_ACTION = "requires_action"
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    CANCELED = "canceled"
    FAILED = "failed"


class DisputeStatus(Ranked):
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


class Link(msgspec.Struct, frozen=True, array_like=True):
    """`source_id` (cs_, pi_, ch_) belongs to `target_id`: an order's id, or the pi_ of a session or charge."""

    source_id: str
    target_id: str
    rank: LinkRank

    @property
    def ends(self) -> tuple[str, str]:
        """Return both ids."""
        return (self.source_id, self.target_id)


Key = tuple[object, ...]


class Unknown(msgspec.Struct, frozen=True, order=True, array_like=True):
    """The newest report of values that this version does not know; `words` are `field=value`, separated by blanks."""

    at: datetime
    words: str


# Joins: each is commutative, associative and idempotent.


def greatest(one: T | None, two: T | None) -> T | None:
    """Return the greater of two values; None is less than any."""
    if one is None or two is None:
        return two if one is None else one
    return max(one, two)


def later(one: E, two: E) -> E:
    """Return the member of an enumeration that is listed later."""
    return one if one.rank >= two.rank else two


def better_node(one: str, two: str) -> str:
    """Return the better of two ids of one payment: the PaymentIntent's before a charge's."""
    return max(one, two, key=lambda node: (node.startswith("pi_"), node))


class Fact(msgspec.Struct, frozen=True, array_like=True):
    """What all kinds of facts have in common. They are structs, because every event makes some: a dataclass costs more.

    Facts with equal `key_fields` join, field by field as in `joins`. The other fields are equal by nature, or come from
    the report with the greater `weight`. `node_field` names the session, PaymentIntent or charge (cs_, pi_, ch_) that a
    fact belongs to. `moves_orders`: whether an order's status, attention or messages may follow from it. `of_payment`:
    whether its node is a payment, whose row must exist before the fact is stored. ledger/fact_store.py has the table of
    kinds.
    """

    moves_orders: ClassVar[bool] = True
    of_payment: ClassVar[bool] = True
    key_fields: ClassVar[Any] = attrgetter("id", "livemode")
    node_field: ClassVar[Any] = attrgetter("payment_id")
    joins: ClassVar[Mapping[str, Join]]

    @property
    def key(self) -> Key:
        """Return what identifies the fact: its kind, and Stripe's object in one livemode."""
        return (type(self), self.key_fields(self))

    @property
    def node(self) -> str:
        """Return the id of the session, PaymentIntent or charge that the fact belongs to."""
        node: str = self.node_field(self)
        return node

    @property
    def weight(self) -> tuple[Any, ...]:
        """Return what decides which of two reports counts where the fields do not join one by one."""
        return ()

    def join(self, other: Self) -> Self:
        """Return the join with a fact of the same key."""
        heavier, lighter = (self, other) if self.weight >= other.weight else (other, self)
        kind: Any = type(self)
        values, joins = _fields_and_joins(kind)
        joined: Self = kind(*[join(a, b) for join, a, b in zip(joins, values(heavier), values(lighter), strict=True)])
        return joined


@cache
def _fields_and_joins(kind: Any) -> tuple[Callable[[Any], tuple[Any, ...]], tuple[Join, ...]]:
    """Return what reads all fields of a kind of fact, and the join of each; without a join the first value counts."""
    names = kind.__struct_fields__
    return attrgetter(*names), tuple(kind.joins.get(name, _first) for name in names)


def _first(one: T, _: T) -> T:
    return one


class _MayBeUnknown(Fact, frozen=True, array_like=True):
    """A fact whose values may be unknown to this version. `known_at`: when Stripe last reported known values only."""

    if TYPE_CHECKING:

        @property
        def known_at(self) -> datetime | None: ...
        @property
        def unknown(self) -> Unknown | None: ...

    @property
    def unknown_at(self) -> datetime | None:
        """Return the time of the newest report with an unknown value."""
        return None if self.unknown is None else self.unknown.at

    @property
    def unknown_words(self) -> str | None:
        """Return the unknown values of the newest report that has some."""
        return None if self.unknown is None else self.unknown.words

    @property
    def unresolved(self) -> Unknown | None:
        """Return the unknown values, unless a later report had known ones only."""
        resolved = self.unknown is None or (self.known_at is not None and self.known_at > self.unknown.at)
        return None if resolved else self.unknown


class SessionFact(_MayBeUnknown, frozen=True, array_like=True):
    """A Checkout Session."""

    of_payment = False
    node_field = attrgetter("id")
    joins: ClassVar = {
        "status": later,
        "payment_status": later,
        "attempt": max,
        "url": greatest,
        "expires_at": greatest,
        "known_at": greatest,
        "unknown": greatest,
    }
    id: str
    livemode: bool
    status: SessionStatus
    payment_status: PaymentStatus
    attempt: int = 0  # ours 1, 2, …; 0 if not made by us
    url: str | None = None
    expires_at: datetime | None = None
    known_at: datetime | None = None
    unknown: Unknown | None = None


class Observation(Fact, frozen=True, array_like=True):
    """One report of the money of a payment; amount in minor units. The observations of a payment are a set."""

    key_fields = attrgetter("payment_id", "amount", "currency", "livemode")
    payment_id: str
    amount: int
    currency: str
    livemode: bool
    paid_at: datetime

    @property
    def reported(self) -> tuple[int, str, bool]:
        """Return what must equal the order's total, currency and livemode."""
        return (self.amount, self.currency, self.livemode)

    def join(self, other: Self) -> Self:
        """Return the earlier report."""
        return self if self.paid_at <= other.paid_at else other


class RefundFact(_MayBeUnknown, frozen=True, array_like=True):
    """A refund."""

    joins: ClassVar = {
        "status": later,
        # Constants at Stripe. max() makes even a contradiction end the same in any order.
        "payment_id": better_node,
        "amount": max,
        "currency": max,
        "request": greatest,
        "known_at": greatest,
        "unknown": greatest,
    }
    id: str
    livemode: bool
    payment_id: str  # pi_, or ch_ where the PaymentIntent is not known
    status: RefundStatus
    amount: int
    currency: str
    request: str | None = None  # the refund request of ours that its metadata names
    known_at: datetime | None = None
    unknown: Unknown | None = None


class DisputeFact(Fact, frozen=True, array_like=True):
    """A dispute. `unknown` is the status as Stripe wrote it if it is UNKNOWN."""

    joins: ClassVar = {"payment_id": better_node, "withdrawn_at": greatest, "reinstated_at": greatest}
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
    network_reason: str | None = None  # the card network's own code of the reason
    has_evidence: bool | None = None  # these three are None if they were not reported
    submission_count: int | None = None
    past_due: bool | None = None

    @property
    def weight(self) -> tuple[Any, ...]:
        """Return the time of the report, and what decides between reports of the same second."""
        # An API answer has no event id: two answers of the same second must join to the same one in any order.
        rest = repr((self.unknown, self.due_by, self.amount, self.currency, self.reason))
        # An event that an older release stored without these details gets them when it is replayed.
        evidence = (self.network_reason, self.has_evidence, self.submission_count, self.past_due)
        known = [(value is not None, repr(value)) for value in evidence]
        return (self.observed_at, self.status.rank, self.event_id, rest, *known)

    @property
    def funds(self) -> Funds | None:
        """Return where the disputed money went last, or None if that is not known. It leaves before it comes back."""
        if self.reinstated_at is not None and (self.withdrawn_at is None or self.reinstated_at >= self.withdrawn_at):
            return Funds.REINSTATED
        return None if self.withdrawn_at is None else Funds.WITHDRAWN


class CanceledPayment(Fact, frozen=True, array_like=True):
    """A PaymentIntent that was canceled: no money will come of it."""

    of_payment = False
    key_fields = node_field = attrgetter("payment_id")
    payment_id: str
    at: datetime

    def join(self, other: Self) -> Self:
        """Return the earlier report."""
        return self if self.at <= other.at else other


class RefundHint(Fact, frozen=True, array_like=True):
    """The total that a charge reports as refunded: never a status, only a reason to list its refunds."""

    moves_orders = False
    key_fields = attrgetter("charge_id", "livemode")
    joins: ClassVar = {"payment_id": better_node}
    charge_id: str
    livemode: bool
    payment_id: str
    amount_refunded: int
    observed_at: datetime
    event_id: str

    @property
    def weight(self) -> tuple[Any, ...]:
        """Return the time of the report, and what decides between reports of the same second."""
        return (self.observed_at, self.event_id, self.amount_refunded)


class Act(msgspec.Struct, frozen=True, array_like=True):
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
