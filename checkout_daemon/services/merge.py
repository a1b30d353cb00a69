"""Joins what is told to what is held, under locks, and writes what follows: the one way facts get into the database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import asyncpg

from checkout_daemon.domain.derive import Derived, OrderFacts
from checkout_daemon.domain.factbase import FactBase
from checkout_daemon.domain.facts import (
    Act,
    CanceledPayment,
    DisputeFact,
    Fact,
    Link,
    LinkRank,
    Observation,
    RefundFact,
    RefundHint,
    SessionFact,
)
from checkout_daemon.domain.links import LinkGraph
from checkout_daemon.domain.orders import OrderTerms
from checkout_daemon.errors import OrderNotFound
from checkout_daemon.store import changes, events, facts
from checkout_daemon.store.facts import HeldFacts
from checkout_daemon.store.orders import LockedOrder, lock_orders


@dataclass(frozen=True)
class Update:
    """Links, facts and acts that come together: one event, one answer of Stripe's API, or one act of a person.

    `cause` (an event's type, or what was done), `actor` and `note` go into the change log; with `always_logged` also
    where nothing changes, for what a person did and said is history all the same.
    """

    cause: str
    actor: str
    note: str = ""
    subject_id: str | None = None
    links: Sequence[Link] = ()
    facts: Sequence[Fact] = ()
    acts: Sequence[tuple[str, Act]] = ()
    order_ids: Sequence[str] = ()  # orders it concerns though it names none of their nodes
    always_logged: bool = False

    @cached_property
    def nodes(self) -> set[str]:
        """Every session, PaymentIntent and charge it names."""
        nodes = {fact.node for fact in self.facts} | {link.source_id for link in self.links}
        nodes |= {link.target_id for link in self.links if link.rank is LinkRank.STRIPE}
        if self.subject_id is not None:
            nodes.add(self.subject_id)
        return nodes


@dataclass(frozen=True, slots=True)
class Merged:
    """`order_ids`: for each telling the order it is about, if known; and all orders concerned, with what follows."""

    order_ids: list[str | None]
    orders: dict[str, LockedOrder]
    base: FactBase

    def derived(self, order_id: str) -> Derived:
        """What follows for an order now."""
        return self.base.derive(order_id)

    def facts(self, order_id: str) -> OrderFacts:
        """All that is held of an order now."""
        return self.base.facts_of(order_id)


async def locked_order(connection: asyncpg.Connection, order_id: str) -> Merged:
    """Lock an order until the transaction ends, and load its facts. Raises OrderNotFound.

    Its stored state is brought up to date if it no longer follows from the facts.
    """
    merged = await merge(connection, [Update("order.checked", "checkout-daemon", order_ids=[order_id])])
    if order_id not in merged.orders:
        raise OrderNotFound(order_id)
    return merged


async def merge(connection: asyncpg.Connection, updates: Sequence[Update], *, locked: Iterable[str] = ()) -> Merged:
    """Join all tellings in one transaction of the caller's. `locked`: nodes the caller has locked already.

    Locks: the nodes named, then their orders' rows by id, and only then are links and facts read, so that a link and a
    fact that arrive together cannot miss each other. A node whose order changes without being named is locked as well.
    """
    nodes = set(locked)
    while True:
        links, connected = await _lock_component(connection, updates, nodes)
        named = {link.target_id for link in links if link.rank is not LinkRank.STRIPE} | _orders(updates)
        if not connected and not named:
            return Merged([None for _ in updates], {}, FactBase())
        orders = {order.id: order for order in await lock_orders(connection, named)} if named else {}
        held = await facts.load_facts(connection, orders, connected | named)
        # While we waited for an order's row, its holder may have linked more to it: then look again.
        if set(held.links) == set(links):
            break
    base = FactBase(OrderTerms(each.id, each.amount_total, each.currency, each.livemode) for each in orders.values())
    for link in held.links:
        base.join_link(link)
    for fact in held.facts():
        base.join(fact)
    for each in held.acts:
        base.join_act(each.order_id, each.act)

    homeless = {node for node in connected if base.order_of(node) is None}
    outcome = _join_all(base, orders, updates)
    await _write_new_links(connection, held.links, updates)
    await _write_facts(connection, base, held)
    await _write_new_acts(connection, orders, held, updates)
    if found := {node: order_id for node in homeless if (order_id := base.order_of(node)) is not None}:
        await events.adopt_events(connection, found)
    if outcome.states or outcome.changes or outcome.messages:
        await changes.record(connection, outcome)
    about = [base.order_of(update.subject_id) if update.subject_id else None for update in updates]
    return Merged(about, orders, base)


def _links(updates: Sequence[Update]) -> list[Link]:
    return [link for update in updates for link in update.links]


def _orders(updates: Sequence[Update]) -> set[str]:
    named = {link.target_id for link in _links(updates) if link.rank is not LinkRank.STRIPE}
    named |= {order_id for update in updates for order_id, _ in update.acts}
    return named | {order_id for update in updates for order_id in update.order_ids}


async def _lock_component(
    connection: asyncpg.Connection, updates: Sequence[Update], locked: set[str]
) -> tuple[list[Link], set[str]]:
    """Lock what must be, and load the links; the links held, and all nodes connected by them and the new ones."""
    wanted = {node for update in updates for node in update.nodes}
    named, new_links = _orders(updates), _links(updates)
    if not wanted and not named:
        return [], set()
    while True:
        if missing := wanted - locked:
            await facts.lock_nodes(connection, missing)
            locked |= missing
        links = await facts.load_links(connection, locked | named)
        # Whether an order exists is asked later; until then every id that a link names may be one.
        graph = LinkGraph({link.target_id for link in [*links, *new_links]})
        for link in links:
            graph.join(link)
        before = graph.connected(locked)
        orders_before = {node: graph.order_of(node) for node in before - locked}
        for link in new_links:
            graph.join(link)
        connected = graph.connected(before)
        wanted = {node for node in connected - locked if graph.order_of(node) != orders_before.get(node)}
        if not wanted:
            return links, connected


def _join_all(base: FactBase, orders: dict[str, LockedOrder], updates: Sequence[Update]) -> changes.Outcome:
    """Join one telling after the other, so that the change log has each step though they share a transaction."""
    outcome = changes.Outcome()
    stored = {order_id: order.state for order_id, order in orders.items()}
    for update in updates:
        concerned, changed = _join(base, update)
        for order_id in sorted(concerned & orders.keys()):
            now = base.derive(order_id)
            before, after = stored[order_id], changes.State.of(now)
            if after != before:
                outcome.states[order_id] = stored[order_id] = after
            if after.visible != before.visible or update.always_logged:
                outcome.changes.append(
                    changes.Change(order_id, before.status, after.status, update.cause, update.actor, update.note)
                )
            if after != before or changed:  # those that were owed already are refused by their key
                outcome.messages |= {(order_id, each) for each in now.messages}
    return outcome


def _join(base: FactBase, update: Update) -> tuple[set[str], bool]:
    """Join one telling: the orders it concerns, and whether a fact changed that a message may follow from."""
    concerned = {base.order_of(node) for node in base.links.connected(update.nodes)}
    for link in update.links:
        base.join_link(link)
    joined = [base.join(fact) for fact in update.facts]
    for order_id, act in update.acts:
        base.join_act(order_id, act)
        concerned.add(order_id)
    concerned |= {base.order_of(node) for node in base.links.connected(update.nodes)}
    concerned.update(update.order_ids)
    changed = any(
        isinstance(fact, RefundFact | SessionFact | DisputeFact | Observation | CanceledPayment) for fact in joined
    )
    return {order_id for order_id in concerned if order_id is not None}, changed


async def _write_new_links(connection: asyncpg.Connection, held: list[Link], updates: Sequence[Update]) -> None:
    ranks = {(link.source_id, link.target_id): link.rank for link in held}
    new = [
        link
        for link in _links(updates)
        if (rank := ranks.get((link.source_id, link.target_id))) is None or link.rank < rank
    ]
    if new:
        await facts.write_links(connection, new)


async def _write_new_acts(
    connection: asyncpg.Connection, orders: dict[str, LockedOrder], held: HeldFacts, updates: Sequence[Update]
) -> None:
    known = {(each.order_id, each.act) for each in held.acts}
    new: dict[tuple[str, Act], str] = {}
    for update in updates:
        for order_id, act in update.acts:
            if order_id in orders and (order_id, act) not in known:
                new.setdefault((order_id, act), update.actor)
    if new:
        await facts.write_acts(connection, new)


async def _write_facts(connection: asyncpg.Connection, base: FactBase, held: HeldFacts) -> None:
    """Write the facts that differ from what was held, and where sessions and payments belong now."""
    before = {fact.key: fact for fact in held.facts()}
    changed = [fact for key, fact in base.facts.items() if before.get(key) != fact]

    known = {payment.id: payment.order_id for payment in held.payments}
    payments = {node: order_id for node in known if (order_id := base.order_of(node)) != known[node]}
    for fact in changed:
        if not isinstance(fact, SessionFact | CanceledPayment) and fact.node not in known:
            payments[fact.node] = base.order_of(fact.node)
    if payments:  # first: the other facts refer to them
        await facts.write_payments(connection, payments)

    sessions = {fact.key: fact for fact in changed if isinstance(fact, SessionFact)}
    moved = {each.fact.key for each in held.sessions if base.order_of(each.fact.id) != each.order_id}
    sessions |= {key: fact for key, fact in base.facts.items() if key in moved and isinstance(fact, SessionFact)}
    if sessions:
        order_of_session = {each.id: base.order_of(each.id) for each in sessions.values()}
        await facts.write_sessions(connection, sessions.values(), order_of_session)
    if observations := [fact for fact in changed if isinstance(fact, Observation)]:
        await facts.write_observations(connection, observations)
    if refunds := [fact for fact in changed if isinstance(fact, RefundFact)]:
        await facts.write_refunds(connection, refunds)
    if disputes := [fact for fact in changed if isinstance(fact, DisputeFact)]:
        await facts.write_disputes(connection, disputes)
    if hints := [fact for fact in changed if isinstance(fact, RefundHint)]:
        await facts.write_hints(connection, hints)
    if canceled := [fact for fact in changed if isinstance(fact, CanceledPayment)]:
        await facts.write_canceled(connection, canceled)
