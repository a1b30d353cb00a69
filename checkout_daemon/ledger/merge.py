"""Merge updates into the stored facts under locks, and write the consequences. Nothing else writes facts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import asyncpg

from checkout_daemon.errors import OrderNotFound
from checkout_daemon.ledger import event_store, fact_store, order_states
from checkout_daemon.ledger.derive import Derived, OrderFacts
from checkout_daemon.ledger.fact_store import HeldFacts
from checkout_daemon.ledger.factbase import FactBase
from checkout_daemon.ledger.facts import Act, Fact, Link, LinkRank
from checkout_daemon.ledger.links import LinkGraph
from checkout_daemon.ledger.order_states import Change, Effects, LockedOrder, State, lock_orders
from checkout_daemon.model.orders import OrderTerms


@dataclass(frozen=True)
class Update:
    """Links, facts and acts that arrive together: one event, one answer of the Stripe API, or one action of a person.

    `cause` (an event's type, or what was done), `actor` and `note` go into the change log. `order_ids` are orders that
    it concerns without naming any of their nodes. With `always_logged` it gets a line in the change log even if nothing
    changes, because what a person did is part of the history all the same.
    """

    cause: str
    actor: str
    note: str = ""
    subject_id: str | None = None
    links: Sequence[Link] = ()
    facts: Sequence[Fact] = ()
    acts: Sequence[tuple[str, Act]] = ()
    order_ids: Sequence[str] = ()
    always_logged: bool = False

    @cached_property
    def nodes(self) -> set[str]:
        """Every session, PaymentIntent and charge that the update names."""
        nodes = {fact.node for fact in self.facts} | {link.source_id for link in self.links}
        nodes |= {link.target_id for link in self.links if link.rank is LinkRank.STRIPE}
        if self.subject_id is not None:
            nodes.add(self.subject_id)
        return nodes


@dataclass(frozen=True, slots=True)
class Merged:
    """The result of a merge.

    `order_ids` has the order that each update is about, or None if it is not known. `orders` are all orders concerned,
    as they were before, and `base` holds their facts as they are now.
    """

    order_ids: list[str | None]
    orders: dict[str, LockedOrder]
    base: FactBase

    def derived(self, order_id: str) -> Derived:
        """Return the status, attention and money that follow for an order now."""
        return self.base.derive(order_id)

    def facts(self, order_id: str) -> OrderFacts:
        """Return all facts held about an order now."""
        return self.base.facts_of(order_id)


async def locked_order(connection: asyncpg.Connection, order_id: str) -> Merged:
    """Lock an order until the transaction ends, and load its facts. Raise OrderNotFound.

    Its stored state is brought up to date if it no longer follows from the facts.
    """
    merged = await merge(connection, [Update("order.checked", "checkout-daemon", order_ids=[order_id])])
    if order_id not in merged.orders:
        raise OrderNotFound(order_id)
    return merged


async def merge(connection: asyncpg.Connection, updates: Sequence[Update], *, locked: Iterable[str] = ()) -> Merged:
    """Merge all updates within the caller's transaction. `locked` are nodes that the caller has locked already.

    Locks the nodes that are named, then the rows of their orders by id, and only then reads links and facts, so that a
    link and a fact that arrive together cannot miss each other. A node whose order changes is locked as well, even if
    no update names it.
    """
    nodes = set(locked)
    while True:
        links, connected = await _lock_component(connection, updates, nodes)
        named = {link.target_id for link in links if link.rank is not LinkRank.STRIPE} | _orders(updates)
        if not connected and not named:
            return Merged([None for _ in updates], {}, FactBase())
        orders = {order.id: order for order in await lock_orders(connection, named)} if named else {}
        held = await fact_store.load_facts(connection, orders, connected | named)
        # While we waited for the row of an order, its holder may have linked more to it: then look again.
        if set(held.links) == set(links):
            break
    base = FactBase(OrderTerms(row.id, row.amount_total, row.currency, row.livemode) for row in orders.values())
    for link in held.links:
        base.join_link(link)
    for fact in held.facts:
        base.join(fact)
    for act in held.acts:
        base.join_act(act.order_id, act.act)

    unlinked = {node for node in connected if base.order_of(node) is None}
    effects = _join_all(base, orders, updates)
    await _write_new_links(connection, held.links, updates)
    await _write_changed_facts(connection, base, held)
    await _write_new_acts(connection, orders, held, updates)
    if found := {node: order_id for node in unlinked if (order_id := base.order_of(node)) is not None}:
        await event_store.adopt_events(connection, found)
    if effects.states or effects.changes or effects.messages:
        await order_states.record(connection, effects)
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
    """Lock every node whose order may change.

    Return the links held, and all nodes that these and the new links connect.
    """
    wanted = {node for update in updates for node in update.nodes}
    named, new_links = _orders(updates), _links(updates)
    if not wanted and not named:
        return [], set()
    while True:
        if missing := wanted - locked:
            await fact_store.lock_nodes(connection, missing)
            locked |= missing
        links = await fact_store.load_links(connection, locked | named)
        # Whether an order exists is asked later; until then every id that a link names may be an order.
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


def _join_all(base: FactBase, orders: dict[str, LockedOrder], updates: Sequence[Update]) -> Effects:
    """Join one update after the other, so that the change log has each step although they share a transaction."""
    effects = Effects()
    stored = {order_id: order.state for order_id, order in orders.items()}
    for update in updates:
        concerned, moved = _join(base, update)
        for order_id in sorted(concerned & orders.keys()):
            now = base.derive(order_id)
            before, after = stored[order_id], State.of(now)
            if after != before:
                effects.states[order_id] = stored[order_id] = after
            if after.visible != before.visible or update.always_logged:
                effects.changes.append(
                    Change(order_id, before.status, after.status, update.cause, update.actor, update.note)
                )
            if after != before or moved:  # messages that are owed already are skipped by their key
                effects.messages |= {(order_id, message) for message in now.messages}
    return effects


def _join(base: FactBase, update: Update) -> tuple[set[str], bool]:
    """Join one update. Return the orders it concerns, and whether a fact changed that a message may follow from."""
    concerned = {base.order_of(node) for node in base.links.connected(update.nodes)}
    new_links = [base.join_link(link) for link in update.links]
    if any(new_links):
        concerned |= {base.order_of(node) for node in base.links.connected(update.nodes)}
    changed = [base.join(fact) for fact in update.facts]
    for order_id, act in update.acts:
        base.join_act(order_id, act)
        concerned.add(order_id)
    concerned.update(update.order_ids)
    moved = any(fact is not None and fact.moves_orders for fact in changed)
    return {order_id for order_id in concerned if order_id is not None}, moved


async def _write_new_links(connection: asyncpg.Connection, held: list[Link], updates: Sequence[Update]) -> None:
    ranks = {(link.source_id, link.target_id): link.rank for link in held}
    new = [
        link
        for link in _links(updates)
        if (rank := ranks.get((link.source_id, link.target_id))) is None or link.rank < rank
    ]
    if new:
        await fact_store.write_links(connection, new)


async def _write_new_acts(
    connection: asyncpg.Connection, orders: dict[str, LockedOrder], held: HeldFacts, updates: Sequence[Update]
) -> None:
    known = {(act.order_id, act.act) for act in held.acts}
    new: dict[tuple[str, Act], str] = {}
    for update in updates:
        for order_id, act in update.acts:
            if order_id in orders and (order_id, act) not in known:
                new.setdefault((order_id, act), update.actor)
    if new:
        await fact_store.write_acts(connection, new)


async def _write_changed_facts(connection: asyncpg.Connection, base: FactBase, held: HeldFacts) -> None:
    """Write the facts that differ from what was held, and the payments and sessions that belong elsewhere now."""
    before = {fact.key: fact for fact in held.facts}
    changed = {key: fact for key, fact in base.facts.items() if before.get(key) != fact}
    known = held.payment_orders
    payments = {node: order_id for node in known if (order_id := base.order_of(node)) != known[node]}
    for fact in changed.values():
        if fact.of_payment and fact.node not in known:
            payments[fact.node] = base.order_of(fact.node)
    for key, order_id in held.session_orders.items():
        if base.order_of(base.facts[key].node) != order_id:
            changed[key] = base.facts[key]
    if payments:  # first: other facts refer to them
        await fact_store.write_payments(connection, payments)
    await fact_store.write_facts(connection, changed.values(), base.order_of)
