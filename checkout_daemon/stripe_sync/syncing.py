"""Compares an order with Stripe, field by field, and puts it right by merging what Stripe says."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import asyncpg

from checkout_daemon.audit.log import OperatorAction, check_note, record, state_of
from checkout_daemon.audit.operators import Operator
from checkout_daemon.errors import NotPayable, StripeRejected
from checkout_daemon.ledger.derive import Derived
from checkout_daemon.ledger.factbase import FactBase
from checkout_daemon.ledger.facts import DisputeFact, Fact, Observation, RefundFact, SessionFact, Unknown, is_charge
from checkout_daemon.ledger.merge import Merged, Update, locked_order, merge
from checkout_daemon.ledger.translate.stripe_objects import UnreadableObject
from checkout_daemon.model.money import format_money
from checkout_daemon.model.orders import AttentionCode
from checkout_daemon.orders import session_attempts
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api.throttle import Pace, at_once
from checkout_daemon.stripe_sync.snapshot import Known, Truth, read_truth

# Of no interest by themselves: when and by whom something was told, and what never changes once it is known.
_UNTOLD = frozenset(
    {"observed_at", "event_id", "paid_at", "payment_id", "livemode", "id", "attempt", "url"}
    | {"known_at", "withdrawn_at", "reinstated_at"}
)


class OtherMode(NotPayable):
    """The order was made with a key of the other mode: this one cannot see its objects."""

    code = "other_mode"
    title = "The order belongs to the other mode"


@dataclass(frozen=True, slots=True)
class Difference:
    """`held` and `stripe` are what each says, None where it has nothing. `fixable`: merging puts it right."""

    object_id: str
    field: str
    held: str | None
    stripe: str | None
    fixable: bool = True


@dataclass(frozen=True, slots=True)
class Synced:
    """An order compared with Stripe; with `applied`, its state is what it is now, else what it would be."""

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
        """What still differs."""
        return tuple(each for each in self.differences if not (self.applied and each.fixable))


async def sync_order(
    runtime: Runtime,
    order_id: str,
    *,
    cause: str,
    actor: Operator | str,
    note: str = "",
    apply: bool = True,
    pace: Pace = at_once,
) -> Synced:
    """Ask Stripe for everything about an order, compare, and with `apply` merge it, recorded under `cause`.

    What an operator puts right is recorded as their action.
    Raises NotFound, OtherMode, StripeUnavailable, StripeRejected.
    """
    note = check_note(note)
    operator = actor if isinstance(actor, Operator) else None
    actor = actor.actor if isinstance(actor, Operator) else actor
    known = await runtime.database.run(_known, order_id, livemode=runtime.settings.livemode)
    try:
        truth = await read_truth(runtime, known, pace)
    except UnreadableObject as error:  # it will be the same the next time
        raise StripeRejected(f"Stripe's answer cannot be used: {error}") from error

    update = Update(cause, actor, note, links=truth.links, facts=truth.facts, order_ids=[order_id])
    return await runtime.database.run(_compare, known, truth, update, operator=operator, apply=apply)


async def _compare(
    connection: asyncpg.Connection,
    known: Known,
    truth: Truth,
    update: Update,
    *,
    operator: Operator | None,
    apply: bool,
) -> Synced:
    order_id = known.order_id
    merged = await locked_order(connection, order_id)
    update = replace(update, facts=[_as_news(fact, merged.base) for fact in update.facts])
    differences = [*_not_at_stripe(merged, order_id, truth), *_joined(merged.base, order_id, update)]
    before, after = merged.orders[order_id].state, merged.base.derive(order_id)
    differences += _appeared_late(after, {each.object_id for each in differences})
    if apply:
        joined = await merge(connection, [update])
        after = joined.derived(order_id)
        if operator is not None and differences:
            details = {"objects": sorted({each.object_id for each in differences})}
            action = OperatorAction(update.cause, operator, update.note, details)
            await record(connection, order_id, action, before=before, after=state_of(joined, order_id))
        if known.lost is not None and truth.adopted is not None:
            await session_attempts.record_session(connection, order_id, known.lost.number, truth.adopted)
    return _answer(merged, order_id, differences, before.status, after, applied=apply)


async def _known(connection: asyncpg.Connection, order_id: str, *, livemode: bool) -> Known:
    merged = await locked_order(connection, order_id)
    order, facts = merged.orders[order_id], merged.facts(order_id)
    if order.livemode != livemode:
        raise OtherMode(f"order {order.number} was made with a key of the other mode (livemode={order.livemode})")
    nodes = merged.base.links.nodes_of(order_id)
    attempt = await session_attempts.last_attempt(connection, order_id)
    lost = attempt is not None and attempt.session_id is None and not attempt.rejected
    return Known(
        order_id,
        facts.sessions,
        frozenset(
            each
            for each in nodes
            if each.startswith("pi_") or (is_charge(each) and merged.base.links.payment_of(each) == each)
        ),
        frozenset(facts.payments) | {each.payment_id for each in facts.refunds},
        frozenset(each.payment_id for each in facts.disputes),
        attempt if lost else None,
    )


def _not_at_stripe(merged: Merged, order_id: str, truth: Truth) -> list[Difference]:
    """What is held, and Stripe does not know: no fact of Stripe's can take it away, so a person has to look."""
    told = {(type(fact), fact.id) for fact in truth.facts if isinstance(fact, RefundFact | DisputeFact)}
    facts = merged.facts(order_id)
    held: list[RefundFact | DisputeFact] = [*facts.refunds, *facts.disputes]
    gone = [
        (each.id, each.status.value)
        for each in held
        if each.payment_id in truth.whole and (type(each), each.id) not in told
    ]
    gone += [(each, "held") for each in sorted(truth.missing)]
    return [Difference(each, "status", status, None, fixable=False) for each, status in gone]


def _appeared_late(after: Derived, named: set[str]) -> list[Difference]:
    """Return what we gave up and Stripe made, until a person has acknowledged it."""
    late = {each.subject for each in after.attention if each.code is AttentionCode.APPEARED_LATE}
    return [Difference(each, "request", "given up", "made", fixable=False) for each in sorted(late - named)]


def _as_news(fact: Fact, base: FactBase) -> Fact:
    """Keep what is held of when values were known: it matters beside unknown ones, and alone is no news."""
    held = base.facts.get(fact.key)
    if not isinstance(fact, SessionFact | RefundFact) or not isinstance(held, SessionFact | RefundFact):
        return fact
    settled = fact.unknown is None and held.unknown is None
    return replace(fact, known_at=held.known_at) if settled else fact


def _joined(base: FactBase, order_id: str, update: Update) -> list[Difference]:
    """Join what was told to what is held, in memory, and name what that changes."""
    differences: list[Difference] = []
    orders = {node: base.order_of(node) for node in update.nodes}
    for link in update.links:
        base.join_link(link)
    for fact in update.facts:
        held = base.facts.get(fact.key)
        joined = base.join(fact)
        if joined is not None:
            differences += _named(held, joined)
    named = {each.object_id for each in differences}
    differences += [
        Difference(node, "order", before, order_id)
        for node, before in sorted(orders.items())
        if before != order_id and base.order_of(node) == order_id and node not in named and not is_charge(node)
    ]
    return differences


def _named(held: Fact | None, joined: Fact) -> list[Difference]:
    if isinstance(joined, Observation):
        return [Difference(joined.payment_id, "amount", None, format_money(joined.amount, joined.currency))]
    if not isinstance(joined, SessionFact | RefundFact | DisputeFact):
        return []
    if held is None:
        names = ("status", "payment_status") if isinstance(joined, SessionFact) else ("status", "amount")
        return [Difference(joined.id, name, None, _word(joined, name)) for name in names]
    compared = [each.name for each in fields(joined) if each.name not in _UNTOLD]
    if isinstance(joined, DisputeFact):
        compared.append("funds")
    return [
        Difference(joined.id, name, _word(held, name), _word(joined, name))
        for name in compared
        if getattr(held, name) != getattr(joined, name)
    ]


def _word(fact: Any, name: str) -> str | None:
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


def _answer(
    merged: Merged, order_id: str, differences: list[Difference], before: str, after: Derived, *, applied: bool
) -> Synced:
    return Synced(
        order_id,
        merged.orders[order_id].number,
        tuple(differences),
        before,
        after.status.value,
        after.amount_refunded,
        tuple(after.attention_codes),
        applied,
    )
