"""Compare an order with Stripe, field by field, and fix it by merging Stripe's facts."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import asyncpg
from msgspec import structs

from checkout_daemon.audit.audit_log import OperatorAction, check_note, record, state_of
from checkout_daemon.audit.operators import DAEMON, Operator
from checkout_daemon.errors import NotPayable, StripeRejected
from checkout_daemon.ledger.derive import Derived
from checkout_daemon.ledger.factbase import FactBase
from checkout_daemon.ledger.facts import DisputeFact, Fact, Observation, RefundFact, SessionFact, Unknown, is_charge
from checkout_daemon.ledger.merge import Merged, Update, load_all, locked_order, merge
from checkout_daemon.ledger.order_states import check_mode
from checkout_daemon.ledger.translate.stripe_objects import UnreadableObject
from checkout_daemon.model.money import format_money
from checkout_daemon.model.orders import AttentionCode
from checkout_daemon.orders import session_attempt_store
from checkout_daemon.orders.drift_store import DriftedField, drifts_to_compare, put_off_drift, record_drift
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api.client import StripeDenied
from checkout_daemon.stripe_api.throttle import Pace, at_once
from checkout_daemon.stripe_sync.snapshot import KnownObjects, Snapshot, read_snapshot

# Fields that are no difference: when and by what something was reported, and what never changes once it is known.
_NOT_COMPARED = frozenset(
    {"observed_at", "event_id", "paid_at", "payment_id", "livemode", "id", "attempt", "url"}
    | {"known_at", "withdrawn_at", "reinstated_at", "past_due"}
)
# Unknown of disputes that an older release stored: merging fills them, and that is no difference.
_LATER_KNOWN = frozenset({"network_reason", "has_evidence", "submission_count"})

_log = logging.getLogger(__name__)

_MOST_RECHECKED = 20  # at once


class OtherMode(NotPayable):
    """The order was created with a key of the other mode; the key in use cannot see its objects."""

    code = "other_mode"
    title = "The order belongs to the other mode"


@dataclass(frozen=True, slots=True)
class Difference:
    """A field with its value here and at Stripe, None where it has none. `fixable`: merging fixes it."""

    object_id: str
    field: str
    stored: str | None
    at_stripe: str | None
    fixable: bool = True


@dataclass(frozen=True, slots=True)
class Synced:
    """An order compared with Stripe. Its state is the one now if the update was applied, else the one it would get."""

    order_id: str
    number: int
    differences: tuple[Difference, ...]
    status_before: str
    status: str
    amount_refunded: int
    attention: tuple[str, ...]
    applied: bool

    @property
    def left(self) -> tuple[Difference, ...]:
        """Return what still differs."""
        return tuple(difference for difference in self.differences if not (self.applied and difference.fixable))

    @property
    def is_fixable(self) -> bool:
        """Return whether merging fixes all that differs. The rest needs a person."""
        return all(difference.fixable for difference in self.differences)


async def sync_order(
    runtime: Runtime,
    order_id: str,
    *,
    cause: str,
    actor: Operator | str,
    note: str = "",
    apply: bool = True,
    pace: Pace = at_once,
    store_drift: bool = False,
) -> Synced:
    """Read everything about an order at Stripe, compare it, and with `apply` merge it with `cause` in the change log.

    What still differs is stored for `checkout todo` if it was applied, or with `store_drift`.
    A fix by an operator is also recorded in the audit log.
    Raise NotFound, OtherMode, StripeUnavailable and StripeRejected.
    """
    note = check_note(note)
    operator, actor = (actor, actor.actor) if isinstance(actor, Operator) else (None, actor)
    known = await runtime.database.run(_known_objects, order_id, livemode=runtime.settings.livemode)
    try:
        snapshot = await read_snapshot(runtime, known, pace)
    except UnreadableObject as error:  # another try would get the same answer
        raise StripeRejected(f"Stripe's answer cannot be used: {error}") from error

    update = Update(cause, actor, note, links=snapshot.links, facts=snapshot.facts, order_ids=[order_id])
    stores = apply or store_drift
    return await runtime.database.run(_compare, known, snapshot, update, operator=operator, apply=apply, stores=stores)


async def _compare(
    connection: asyncpg.Connection,
    known: KnownObjects,
    snapshot: Snapshot,
    update: Update,
    *,
    operator: Operator | None,
    apply: bool,
    stores: bool,
) -> Synced:
    order_id = known.order_id
    if apply:
        await load_all(connection, [update])  # locks the ids of Stripe's objects before the order, as every merge does
    merged = await locked_order(connection, order_id)
    update = structs.replace(update, facts=[_with_stored_known_at(fact, merged.base) for fact in update.facts])
    differences = [*_not_at_stripe(merged, order_id, snapshot), *_join(merged.base, order_id, update)]
    before, after = merged.orders[order_id].state, merged.base.derive(order_id)
    differences += _appeared_late(after, {difference.object_id for difference in differences})
    if apply:
        joined = await merge(connection, [update])
        after = joined.derived(order_id)
        if operator is not None and differences:
            details = {"objects": sorted({difference.object_id for difference in differences})}
            action = OperatorAction(update.cause, operator, update.note, details)
            await record(connection, order_id, action, before=before, after=state_of(joined, order_id))
        if known.lost is not None and snapshot.adopted is not None:
            await session_attempt_store.record_session(connection, order_id, known.lost.number, snapshot.adopted)
    synced = Synced(
        order_id=order_id,
        number=merged.orders[order_id].number,
        differences=tuple(differences),
        status_before=before.status,
        status=after.status.value,
        amount_refunded=after.amount_refunded,
        attention=tuple(after.attention_codes),
        applied=apply,
    )
    if stores:
        await record_drift(connection, order_id, [_drifted(difference) for difference in synced.left])
    return synced


def _drifted(difference: Difference) -> DriftedField:
    return DriftedField(
        difference.object_id, difference.field, difference.stored, difference.at_stripe, difference.fixable
    )


async def recheck_drifts(runtime: Runtime) -> int:
    """Compare orders again that were found different from Stripe and have changed since. Return how many.

    One that Stripe refuses holds up none of the others. Raise StripeDenied if it refuses our key.
    """
    livemode = runtime.settings.livemode
    async with runtime.database.connection() as connection:
        orders = await drifts_to_compare(connection, _MOST_RECHECKED, livemode=livemode)
    for order_id in orders:
        try:
            await sync_order(runtime, order_id, cause="reconcile", actor=DAEMON, apply=False, store_drift=True)
        except StripeDenied:
            raise
        except StripeRejected as error:
            _log.warning("order %s was not compared with Stripe: %s", order_id, error.detail)
            async with runtime.database.connection() as connection:
                await put_off_drift(connection, order_id)
    return len(orders)


async def _known_objects(connection: asyncpg.Connection, order_id: str, *, livemode: bool) -> KnownObjects:
    merged = await locked_order(connection, order_id)
    order, facts, links = merged.orders[order_id], merged.facts(order_id), merged.base.links
    check_mode(order, OtherMode, livemode=livemode)
    attempt = await session_attempt_store.last_attempt(connection, order_id)
    lost = attempt is not None and attempt.session_id is None and not attempt.rejected
    return KnownObjects(
        order_id,
        sessions=facts.sessions,
        payment_ids=frozenset(
            node
            for node in links.nodes_of(order_id)
            if node.startswith("pi_") or (is_charge(node) and links.payment_of(node) == node)
        ),
        paid=frozenset(facts.payments) | {refund.payment_id for refund in facts.refunds},
        disputed=frozenset(dispute.payment_id for dispute in facts.disputes),
        lost=attempt if lost else None,
    )


def _not_at_stripe(merged: Merged, order_id: str, snapshot: Snapshot) -> list[Difference]:
    """Return what only we have. No fact of Stripe's can remove it, so a person has to look at it."""
    at_stripe = {(type(fact), fact.id) for fact in snapshot.facts if isinstance(fact, RefundFact | DisputeFact)}
    facts = merged.facts(order_id)
    stored: list[RefundFact | DisputeFact] = [*facts.refunds, *facts.disputes]
    gone = [
        (fact.id, fact.status.value)
        for fact in stored
        if fact.payment_id in snapshot.whole and (type(fact), fact.id) not in at_stripe
    ]
    gone += [(object_id, "held") for object_id in sorted(snapshot.missing)]
    return [Difference(object_id, "status", status, None, fixable=False) for object_id, status in gone]


def _appeared_late(after: Derived, named: set[str]) -> list[Difference]:
    """Return what Stripe did after we gave it up, until a person has acknowledged it."""
    late = {attention.subject for attention in after.attention if attention.code is AttentionCode.APPEARED_LATE}
    return [Difference(subject, "request", "given up", "made", fixable=False) for subject in sorted(late - named)]


def _with_stored_known_at(fact: Fact, base: FactBase) -> Fact:
    """Keep the stored `known_at`: a later one matters next to unknown values, and alone is no difference."""
    stored = base.facts.get(fact.key)
    if not isinstance(fact, SessionFact | RefundFact) or not isinstance(stored, SessionFact | RefundFact):
        return fact
    settled = fact.unknown is None and stored.unknown is None
    return structs.replace(fact, known_at=stored.known_at) if settled else fact


def _join(base: FactBase, order_id: str, update: Update) -> list[Difference]:
    """Join the update with what is stored, in memory, and return what that changes."""
    differences: list[Difference] = []
    orders = {node: base.order_of(node) for node in update.nodes}
    for link in update.links:
        base.join_link(link)
    for fact in update.facts:
        stored = base.facts.get(fact.key)
        joined = base.join(fact)
        if joined is not None:
            differences += _differences(stored, joined)
    named = {difference.object_id for difference in differences}
    # A PaymentIntent that has moved no money yet, such as of a shopper who stopped at 3-D Secure: no event reports it.
    reported = {fact.node for fact in update.facts}
    named |= {
        node for node, before in orders.items() if node.startswith("pi_") and before is None and node not in reported
    }
    differences += [
        Difference(node, "order", before, order_id)
        for node, before in sorted(orders.items())
        if before != order_id and base.order_of(node) == order_id and node not in named and not is_charge(node)
    ]
    return differences


def _differences(stored: Fact | None, joined: Fact) -> list[Difference]:
    if isinstance(joined, Observation):
        return [Difference(joined.payment_id, "amount", None, format_money(joined.amount, joined.currency))]
    if not isinstance(joined, SessionFact | RefundFact | DisputeFact):
        return []
    if stored is None:
        names = ("status", "payment_status") if isinstance(joined, SessionFact) else ("status", "amount")
        return [Difference(joined.id, name, None, _text(joined, name)) for name in names]
    compared = [name for name in joined.__struct_fields__ if name not in _NOT_COMPARED]
    if isinstance(joined, DisputeFact):
        compared.append("funds")
    return [
        Difference(joined.id, name, _text(stored, name), _text(joined, name))
        for name in compared
        if getattr(stored, name) != getattr(joined, name)
        and not (name in _LATER_KNOWN and getattr(stored, name) is None)
    ]


def _text(fact: Any, name: str) -> str | None:
    value = getattr(fact, name)
    if value is None:
        return None
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, Unknown):
        return value.words
    if name == "amount" and fact.currency:
        return format_money(value, fact.currency)
    return str(value.value if isinstance(value, Enum) else value)
