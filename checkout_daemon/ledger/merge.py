"""Merge updates into the stored facts under locks, and write the consequences. Nothing else writes facts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

import asyncpg

from checkout_daemon.errors import OrderNotFound
from checkout_daemon.ledger.derive import Derived, OrderFacts
from checkout_daemon.ledger.fact_store import Loaded, load
from checkout_daemon.ledger.factbase import FactBase
from checkout_daemon.ledger.facts import Act, Fact, Link, LinkRank, SessionFact
from checkout_daemon.ledger.links import LinkGraph
from checkout_daemon.ledger.order_states import Change, LockedOrder, State
from checkout_daemon.ledger.writes import Writes, record
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

    @cached_property
    def orders(self) -> set[str]:
        """Every order that the update names."""
        named = {link.target_id for link in self.links if link.rank is not LinkRank.STRIPE}
        return named.union((order_id for order_id, _ in self.acts), self.order_ids)


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


async def merge(connection: asyncpg.Connection, updates: Sequence[Update]) -> Merged:
    """Merge all updates within the caller's transaction."""
    merged, writes = work_out(await load_all(connection, updates), updates)
    if writes:
        await record(connection, writes)
    return merged


async def load_all(
    connection: asyncpg.Connection, updates: Sequence[Update], *, event_ids: Collection[str] = ()
) -> Loaded:
    """Lock all that the updates may change until the transaction ends, and return what is stored about it.

    Those are the nodes that are named, then the rows of their orders by id; only then links and facts are read, so that
    a link and a fact that arrive together cannot miss each other. A node whose order changes is locked as well, even if
    no update names it. `event_ids` are looked for too, once the nodes are locked.
    """
    nodes = {node for update in updates for node in update.nodes}
    named = {order_id for update in updates for order_id in update.orders}
    if not (nodes or named or event_ids):
        return Loaded()
    unnamed = any(not update.orders for update in updates)
    while True:
        loaded = await load(connection, nodes, named, unnamed=unnamed, event_ids=event_ids)
        if not (moved := _moved(loaded.links, updates) - nodes):
            return loaded
        nodes |= moved


def work_out(loaded: Loaded, updates: Sequence[Update]) -> tuple[Merged, Writes]:
    """Join the updates with what is stored, one after the other, and return the result and what has to be written."""
    base = FactBase(
        OrderTerms(order.id, order.amount_total, order.currency, order.livemode) for order in loaded.orders.values()
    )
    for link in loaded.links:
        base.join_link(link)
    for fact in loaded.facts:
        base.join(fact)
    for order_id, act in loaded.acts:
        base.join_act(order_id, act)
    writes = Writes()
    unlinked = {node for node in _connected(loaded.links, updates) if base.order_of(node) is None}
    _join_all(base, loaded.orders, updates, writes)
    _add_new_links(loaded, updates, writes)
    _add_changed_facts(base, loaded, writes)
    _add_new_acts(loaded, updates, writes)
    writes.adopted = {node: found for node in unlinked if (found := base.order_of(node)) is not None}
    about = [base.order_of(update.subject_id) if update.subject_id else None for update in updates]
    return Merged(about, loaded.orders, base), writes


def _connected(links: Sequence[Link], updates: Sequence[Update]) -> set[str]:
    """Return the nodes that the updates name, and all that held and new links connect with these."""
    graph = LinkGraph(())
    for link in (*links, *(link for update in updates for link in update.links)):
        graph.join(link)
    return graph.connected({node for update in updates for node in update.nodes})


def _moved(links: Sequence[Link], updates: Sequence[Update]) -> set[str]:
    """Return every node whose order changes if the updates are merged.

    Whether an order exists is of no interest here: every id that a link names may be an order.
    """
    nodes = {node for update in updates for node in update.nodes}
    new_links = [link for update in updates for link in update.links]
    graph = LinkGraph({link.target_id for link in (*links, *new_links)})
    for link in links:
        graph.join(link)
    before = {node: graph.order_of(node) for node in graph.connected(nodes)}
    for link in new_links:
        graph.join(link)
    return {node for node in graph.connected(nodes) if graph.order_of(node) != before.get(node)}


def _join_all(base: FactBase, orders: dict[str, LockedOrder], updates: Sequence[Update], writes: Writes) -> None:
    """Join one update after the other, so that the change log has each step although they share a transaction."""
    stored = {order_id: order.state for order_id, order in orders.items()}
    for update in updates:
        concerned, moved = _join(base, update)
        for order_id in sorted(concerned & orders.keys()):
            now = base.derive(order_id)
            before, after = stored[order_id], State.of(now)
            if after != before:
                writes.states[order_id] = stored[order_id] = after
            if after.visible != before.visible or update.always_logged:
                writes.changes.append(
                    Change(order_id, before.status, after.status, update.cause, update.actor, update.note)
                )
            if after != before or moved:
                writes.messages |= {(order_id, message) for message in now.messages}


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


def _add_new_links(loaded: Loaded, updates: Sequence[Update], writes: Writes) -> None:
    """Add the links that are new or come from a better source than the one held."""
    held = {(link.source_id, link.target_id): link.rank for link in loaded.links}
    for update in updates:
        for link in update.links:
            ends = (link.source_id, link.target_id)
            known = writes.links.get(ends, held.get(ends))
            if known is None or link.rank < known:
                writes.links[ends] = link.rank


def _add_new_acts(loaded: Loaded, updates: Sequence[Update], writes: Writes) -> None:
    held = set(loaded.acts)
    for update in updates:
        for order_id, act in update.acts:
            if order_id in loaded.orders and (order_id, act) not in held:
                writes.acts.setdefault((order_id, act), update.actor)


def _add_changed_facts(base: FactBase, loaded: Loaded, writes: Writes) -> None:
    """Add the facts that differ from what was held, and the payments and sessions that belong elsewhere now."""
    held = {fact.key: fact for fact in loaded.facts}
    known = loaded.payments
    writes.payments = {node: order_id for node in known if (order_id := base.order_of(node)) != known[node]}
    for key, fact in base.facts.items():
        order_id = base.order_of(fact.node) if isinstance(fact, SessionFact) or fact.of_payment else None
        if isinstance(fact, SessionFact):
            if held.get(key) != fact or loaded.sessions[key] != order_id:
                writes.sessions[key] = (fact, order_id)
        elif held.get(key) != fact:
            writes.facts[key] = fact
            if fact.of_payment and fact.node not in known:
                writes.payments[fact.node] = order_id
