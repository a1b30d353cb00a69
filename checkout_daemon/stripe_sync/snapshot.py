"""Read everything that Stripe has about an order: sessions, their payments, and the payments' refunds and disputes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from msgspec import structs

from checkout_daemon.checkout.session_search import find_session
from checkout_daemon.ledger.facts import Fact, Link, LinkRank, Observation, SessionFact, SessionStatus
from checkout_daemon.ledger.translate import charge, dispute, payment_intent, refund, session
from checkout_daemon.ledger.translate.stripe_objects import ObjectSnapshot, Translation, child, livemodes
from checkout_daemon.orders.session_attempt_store import Attempt
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api.client import Fetched, StripeGateway, StripeMissing
from checkout_daemon.stripe_api.payments import list_disputes, list_refunds, retrieve_payment
from checkout_daemon.stripe_api.sessions import retrieve_session
from checkout_daemon.stripe_api.throttle import Pace


@dataclass(frozen=True, slots=True)
class KnownObjects:
    """The objects of an order to ask Stripe about. `lost` is its last attempt, if its answer never arrived."""

    order_id: str
    sessions: tuple[SessionFact, ...]
    payment_ids: frozenset[str]
    paid: frozenset[str]
    disputed: frozenset[str]
    lost: Attempt | None


@dataclass(slots=True)
class Snapshot:
    """Everything that Stripe has about an order.

    `seen` are the payments that were read, `whole` those whose refunds and disputes were all read, `missing` the ids
    that Stripe does not know, and `adopted` is the session of the lost attempt.
    """

    links: list[Link] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    whole: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    adopted: str | None = None


async def read_snapshot(runtime: Runtime, known: KnownObjects, pace: Pace) -> Snapshot:
    """Read the objects of an order as they are at Stripe now. Raise StripeUnavailable and StripeRejected."""
    reader = _Reader(runtime, pace, Snapshot(), set(known.disputed))
    snapshot = reader.snapshot
    for known_session in known.sessions:
        if known_session.status is SessionStatus.EXPIRED:
            continue  # Stripe never changes it again, and it was never paid
        if fetched := await reader.retrieve(retrieve_session, known_session.id):
            reader.add_session(fetched)
    if known.lost is not None:
        await _find_lost(reader, known.order_id, known.lost)
    payment_ids = known.payment_ids | {link.target_id for link in snapshot.links if link.target_id.startswith("pi_")}
    for payment_id in sorted(payment_ids - snapshot.seen):
        if fetched := await reader.retrieve(retrieve_payment, payment_id):
            reader.add_payment(fetched)
    paid = {fact.payment_id for fact in snapshot.facts if isinstance(fact, Observation)}
    for payment_id in sorted(((paid | known.paid) & (payment_ids | paid)) - snapshot.missing):
        if not payment_id.startswith("cs_"):  # a session that cost nothing is its own payment
            await reader.read_refunds_and_disputes(payment_id)
    return snapshot


@dataclass(slots=True)
class _Reader:
    """Reads objects at Stripe and adds what they state to the snapshot."""

    runtime: Runtime
    pace: Pace
    snapshot: Snapshot
    disputed: set[str]

    async def retrieve(
        self, retrieve: Callable[[StripeGateway, str], Awaitable[Fetched]], object_id: str
    ) -> Fetched | None:
        """Return an object, or None if Stripe does not know it, which is recorded."""
        await self.pace()
        try:
            return await retrieve(self.runtime.gateway, object_id)
        except StripeMissing:
            self.snapshot.missing.add(object_id)
            return None

    async def read_refunds_and_disputes(self, payment_id: str) -> None:
        """Add all refunds of a payment, and its disputes if it has any."""
        # Refunds and some disputes do not state their mode: it is the key's.
        livemode = self.runtime.settings.livemode
        await self.pace()
        for fetched in await list_refunds(self.runtime.gateway, payment_id):
            self._add(refund.translate(_object(fetched, livemode)))
        if payment_id in self.disputed:
            await self.pace()
            for fetched in await list_disputes(self.runtime.gateway, payment_id):
                self._add(dispute.translate(_object(fetched, livemode)))
        self.snapshot.whole.add(payment_id)

    def add_session(self, fetched: Fetched) -> None:
        """Add a session with its PaymentIntent."""
        self._add(session.fetched(_object(fetched)))
        if (intent := child(fetched.object, "payment_intent")) is not None:
            self._note_payment(intent)

    def add_payment(self, fetched: Fetched) -> None:
        """Add a PaymentIntent, or a charge without one."""
        translate = payment_intent.fetched if fetched.object.get("object") == "payment_intent" else charge.fetched
        self._add(translate(_object(fetched)))
        self._note_payment(fetched.object)

    def _add(self, translation: Translation) -> None:
        self.snapshot.links += translation.links
        self.snapshot.facts += translation.facts

    def _note_payment(self, payment: dict[str, Any]) -> None:
        payment_id = str(payment["id"])
        self.snapshot.seen.add(payment_id)
        latest = payment if payment.get("object") == "charge" else child(payment, "latest_charge") or {}
        if latest.get("disputed"):
            self.disputed.add(payment_id)


async def _find_lost(reader: _Reader, order_id: str, attempt: Attempt) -> None:
    """Add the session of an attempt whose answer never arrived, if Stripe created one."""
    gateway, snapshot = reader.runtime.gateway, reader.snapshot
    await reader.pace()
    found = await find_session(gateway, order_id, attempt.number, attempt.age)
    if found is None:
        return
    await reader.pace()
    fetched = await retrieve_session(gateway, str(found.object["id"]))
    begin = len(snapshot.facts)
    reader.add_session(fetched)
    snapshot.adopted = str(fetched.object["id"])
    snapshot.links.append(Link(snapshot.adopted, order_id, LinkRank.OURS))
    snapshot.facts[begin:] = [
        structs.replace(fact, attempt=attempt.number) if isinstance(fact, SessionFact) else fact
        for fact in snapshot.facts[begin:]
    ]


def _object(fetched: Fetched, livemode: bool | None = None) -> ObjectSnapshot:
    """Return an object for translation. `livemode` is its mode if it does not state one."""
    return ObjectSnapshot(fetched.object, fetched.observed_at, "", livemodes(fetched.object.get("livemode", livemode)))
