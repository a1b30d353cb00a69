"""Reads at Stripe everything about an order: its sessions, their payments, and the payments' refunds and disputes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from checkout_daemon.checkout.session_search import find_session
from checkout_daemon.ledger.facts import Fact, Link, LinkRank, Observation, SessionFact, SessionStatus
from checkout_daemon.ledger.translate import charge, dispute, payment_intent, refund, session
from checkout_daemon.ledger.translate.stripe_objects import ObjectSnapshot, Translation, child, livemodes
from checkout_daemon.orders.session_attempts import Attempt
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api.client import Fetched, StripeMissing
from checkout_daemon.stripe_api.payments import list_disputes, retrieve_payment
from checkout_daemon.stripe_api.refunds import list_refunds
from checkout_daemon.stripe_api.sessions import retrieve_session
from checkout_daemon.stripe_api.throttle import Pace


@dataclass(frozen=True, slots=True)
class Known:
    """Where to look: what is held of an order. `lost` is its last attempt, if no answer to it was ever kept."""

    order_id: str
    sessions: tuple[SessionFact, ...]
    payment_ids: frozenset[str]
    paid: frozenset[str]
    disputed: frozenset[str]
    lost: Attempt | None


@dataclass(slots=True)
class Truth:
    """What Stripe says. `whole`: payments whose refunds and disputes were all read; `missing`: ids it does not know.

    `adopted`: the session that a lost attempt made.
    """

    links: list[Link] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    whole: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    adopted: str | None = None

    def add(self, translation: Translation) -> None:
        self.links += translation.links
        self.facts += translation.facts


async def read_truth(runtime: Runtime, known: Known, pace: Pace) -> Truth:
    """Every object of an order as Stripe answers it now. Raises StripeUnavailable, StripeRejected."""
    truth = Truth()
    payment_ids = set(known.payment_ids)
    disputed = set(known.disputed)
    for each in known.sessions:
        if each.status is SessionStatus.EXPIRED:
            continue  # Stripe never changes it again, and it was never paid
        await pace()
        try:
            fetched = await retrieve_session(runtime.gateway, each.id)
        except StripeMissing:
            truth.missing.add(each.id)
        else:
            _add_session(truth, fetched, disputed)
    if known.lost is not None:
        await _find_lost(runtime, known.order_id, known.lost, truth, disputed, pace)
    payment_ids |= {link.target_id for link in truth.links if link.target_id.startswith("pi_")}
    for payment_id in sorted(payment_ids - truth.seen):
        await pace()
        try:
            fetched = await retrieve_payment(runtime.gateway, payment_id)
        except StripeMissing:
            truth.missing.add(payment_id)
        else:
            _add_payment(truth, fetched, disputed)
    paid = {fact.payment_id for fact in truth.facts if isinstance(fact, Observation)}
    for payment_id in sorted(((paid | known.paid) & (payment_ids | paid)) - truth.missing):
        if payment_id.startswith("cs_"):  # a session that owed nothing stands for its own payment
            continue
        await pace()
        for fetched in await list_refunds(runtime.gateway, payment_id):
            truth.add(refund.translate(_snapshot(runtime, fetched)))
        if payment_id in disputed:
            await pace()
            for fetched in await list_disputes(runtime.gateway, payment_id):
                truth.add(dispute.translate(_snapshot(runtime, fetched)))
        truth.whole.add(payment_id)
    return truth


async def _find_lost(
    runtime: Runtime, order_id: str, attempt: Attempt, truth: Truth, disputed: set[str], pace: Pace
) -> None:
    """Add the session of an attempt whose answer never came: it is the order's all the same."""
    await pace()
    found = await find_session(runtime.gateway, order_id, attempt.number, attempt.age)
    if found is None:
        return
    await pace()
    fetched = await retrieve_session(runtime.gateway, str(found.object["id"]))
    begin = len(truth.facts)
    truth.adopted = _add_session(truth, fetched, disputed)
    truth.links.append(Link(truth.adopted, order_id, LinkRank.OURS))
    truth.facts[begin:] = [
        replace(each, attempt=attempt.number) if isinstance(each, SessionFact) else each for each in truth.facts[begin:]
    ]


def _add_session(truth: Truth, fetched: Fetched, disputed: set[str]) -> str:
    modes = livemodes(fetched.object.get("livemode"))
    truth.add(session.fetched(ObjectSnapshot(fetched.object, fetched.observed_at, "", modes)))
    if (intent := child(fetched.object, "payment_intent")) is not None:
        _note_payment(truth, intent, disputed)
    return str(fetched.object["id"])


def _add_payment(truth: Truth, fetched: Fetched, disputed: set[str]) -> None:
    snapshot = ObjectSnapshot(fetched.object, fetched.observed_at, "", livemodes(fetched.object.get("livemode")))
    intent = fetched.object.get("object") == "payment_intent"
    truth.add(payment_intent.fetched(snapshot) if intent else charge.fetched(snapshot))
    _note_payment(truth, fetched.object, disputed)


def _note_payment(truth: Truth, payment: dict[str, object], disputed: set[str]) -> None:
    payment_id = str(payment["id"])
    truth.seen.add(payment_id)
    latest = payment if payment.get("object") == "charge" else child(payment, "latest_charge") or {}
    if latest.get("disputed"):
        disputed.add(payment_id)


def _snapshot(runtime: Runtime, fetched: Fetched) -> ObjectSnapshot:
    # Neither refunds nor some disputes say their mode: it is the key's.
    modes = livemodes(fetched.object.get("livemode", runtime.settings.livemode))
    return ObjectSnapshot(fetched.object, fetched.observed_at, "", modes)
