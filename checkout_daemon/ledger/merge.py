"""Merge updates into the stored facts under locks, and write the consequences. Nothing else writes facts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property

import asyncpg

from checkout_daemon.errors import OrderNotFound
from checkout_daemon.ledger import stock
from checkout_daemon.ledger.charge_facts import ChargeFact
from checkout_daemon.ledger.derive import Derived, OrderFacts, derive
from checkout_daemon.ledger.fact_store import Loaded, load
from checkout_daemon.ledger.factbase import FactBase
from checkout_daemon.ledger.facts import ActKind, Link, SessionFact
from checkout_daemon.ledger.links import LinkGraph
from checkout_daemon.ledger.order_states import Change, LockedOrder, State
from checkout_daemon.ledger.reservations import Reservation, Wish, is_oversold, wish
from checkout_daemon.ledger.single_orders import SingleOrders
from checkout_daemon.ledger.updates import Update as Update
from checkout_daemon.ledger.writes import Writes, record
from checkout_daemon.model.orders import AttentionCode

# An operator who acknowledges it delivers the pieces all the same.
_DELIVERED_ANYWAY = (ActKind.ACKNOWLEDGED, AttentionCode.OVERSOLD.value)


class Merged:
    """The result of a merge.

    `order_ids` has the order that each update is about, or None if it is not known. `orders` are all orders concerned,
    as they were before. `steps` has, for each update, the states of the orders it concerned before and after it.
    """

    def __init__(self, loaded: Loaded, updates: Sequence[Update], singles: SingleOrders) -> None:
        self.orders: Mapping[str, LockedOrder] = loaded.orders
        self.order_ids: list[str | None] = []
        self.steps: list[dict[str, tuple[State, State]]] = []
        self._loaded = loaded
        self._updates = updates
        self._singles = singles

    @cached_property
    def base(self) -> FactBase:
        """All facts as they are now."""
        base = base_of(self._loaded)
        for update in self._updates:
            join(base, update)
        return base

    def derived(self, order_id: str) -> Derived:
        """Return the status, attention and money that follow for an order now."""
        return derive(self.orders[order_id], self.facts(order_id))

    def is_oversold(self, order_id: str) -> bool:
        """Return whether the order was paid for pieces that it did not get."""
        return is_oversold(self.facts(order_id).reservations)

    def facts(self, order_id: str) -> OrderFacts:
        """Return all facts held about an order now."""
        if order_id in self._singles.order_ids:
            return self._singles.facts_of(order_id)
        return self.base.facts_of(order_id)


async def locked_order(connection: asyncpg.Connection, order_id: str) -> Merged:
    """Lock an order until the transaction ends, and load its facts. Raise OrderNotFound.

    Its stored state is brought up to date if it no longer follows from the facts.
    """
    return await locked_orders(connection, [order_id])


async def locked_orders(connection: asyncpg.Connection, order_ids: Collection[str]) -> Merged:
    """Lock orders together as locked_order does. Raise OrderNotFound for the first that is missing."""
    checks = [Update("order.checked", "checkout-daemon", order_ids=[order_id]) for order_id in order_ids]
    merged = await merge(connection, checks)
    for order_id in order_ids:
        if order_id not in merged.orders:
            raise OrderNotFound(order_id)
    return merged


async def merge(connection: asyncpg.Connection, updates: Sequence[Update]) -> Merged:
    """Merge all updates within the caller's transaction."""
    loaded, singles = await load_all(connection, updates)
    merged, writes = await settle(connection, loaded, updates, singles)
    if writes:
        await record(connection, writes)
    return merged


async def load_all(
    connection: asyncpg.Connection,
    updates: Sequence[Update],
    *,
    event_ids: Collection[str] = (),
    reached: set[str] | None = None,
) -> tuple[Loaded, SingleOrders]:
    """Lock all that the updates may change until the transaction ends, and return what is stored about it.

    Those are the nodes that are named, then the rows of their orders by id; only then links and facts are read, so that
    a link and a fact that arrive together cannot miss each other. A node whose order changes is locked as well, even if
    no update names it. `event_ids` are looked for too; if all of these events are stored, no order is locked.
    `reached`: the nodes that earlier tries of the same work locked, to which those of this try are added. A try that
    locks one after the other may meet a deadlock; the next one locks them all at once, in the sequence of all others.
    """
    again = bool(reached)
    nodes = set() if reached is None else reached
    nodes.update(node for update in updates for node in update.nodes)
    named = {order_id for update in updates for order_id in update.orders}
    if not (nodes or named or event_ids):
        return Loaded(), SingleOrders(Loaded(), updates)
    unnamed = again or any(not update.orders for update in updates)
    charged = {fact.node for update in updates for fact in update.facts if isinstance(fact, ChargeFact)}
    while True:
        loaded = await load(connection, nodes, named, unnamed=unnamed, event_ids=event_ids, charged=charged)
        if event_ids and len(loaded.events) == len(event_ids):  # nothing is new
            return loaded, SingleOrders(loaded, ())
        singles = SingleOrders(loaded, updates)
        others = [update for update, single in zip(updates, singles.order_ids, strict=True) if single is None]
        if not others or not (moved := _moved(loaded.links, others) - nodes):
            return loaded, singles
        nodes |= moved


async def settle(
    connection: asyncpg.Connection, loaded: Loaded, updates: Sequence[Update], singles: SingleOrders
) -> tuple[Merged, Writes]:
    """Work out what follows from the updates, and bring the reservations of their orders into the states that follow.

    Those are written here, because whether a late payment gets its pieces depends on what is free under the locks of
    the products. Orders without counted products take no step more.
    """
    merged, writes = work_out(loaded, updates, singles)
    if loaded.reservations and updates:
        wishes = [asked for order_id in sorted(loaded.reservations) for asked in _wishes(merged, order_id)]
        if moves := await stock.settle(connection, wishes, updates[0].actor):
            moved = {(move.order_id, move.after.sku): move.after for move in moves}
            for order_id, held in loaded.reservations.items():
                loaded.reservations[order_id] = tuple(moved.get((order_id, one.sku), one) for one in held)
            return work_out(loaded, updates, SingleOrders(loaded, updates))
    return merged, writes


def _wishes(merged: Merged, order_id: str) -> Iterator[tuple[str, Reservation, Wish]]:
    facts, status = merged.facts(order_id), merged.derived(order_id).status
    acknowledged = any((act.kind, act.reason) == _DELIVERED_ANYWAY for act in facts.acts)
    for held in sorted(facts.reservations):
        yield order_id, held, wish(held, status, facts.sessions, acknowledged=acknowledged)


def work_out(loaded: Loaded, updates: Sequence[Update], singles: SingleOrders) -> tuple[Merged, Writes]:
    """Join the updates with what is stored, one after the other, and return the result and what has to be written."""
    order_ids = singles.order_ids
    merged, writes = Merged(loaded, updates, singles), Writes()
    base = FactBase() if all(order_ids) else base_of(loaded)
    others = [update for update, order_id in zip(updates, order_ids, strict=True) if order_id is None]
    places = {node: base.order_of(node) for node in _connected(loaded.links, others)} if others else {}
    states = {order_id: order.state for order_id, order in loaded.orders.items()}
    # One update after the other, so that the change log has each step although they share a transaction.
    for update, order_id in zip(updates, order_ids, strict=True):
        if order_id is not None:
            moved = singles.join(order_id, update)
            derived = {order_id: derive(loaded.orders[order_id], singles.facts_of(order_id))}
        else:
            concerned, moved = join(base, update)
            derived = {concern: base.derive(concern) for concern in sorted(concerned & loaded.orders.keys())}
        step: dict[str, tuple[State, State]] = {}
        merged.steps.append(step)
        for concern, now in derived.items():
            before, after = states[concern], State.of(now)
            step[concern] = (before, after)
            if after != before:
                writes.states[concern] = states[concern] = after
            if after.visible != before.visible or update.always_logged:
                writes.changes.append(
                    Change(concern, before.status, after.status, update.cause, update.actor, update.note)
                )
            if after != before or moved:
                writes.messages.update([(concern, message) for message in now.messages])
    singles.add_changes(loaded, writes)
    if others:
        _add_changed_facts(base, loaded, writes)
        for node, place in places.items():
            if (found := base.order_of(node)) != place:
                if found is not None and place is None:
                    writes.adopted[node] = found
                else:
                    writes.moved[node] = found
    _add_new_links(loaded, updates, writes)
    _add_new_acts(loaded, updates, writes)
    merged.order_ids = [
        None if update.subject_id is None else order_id or base.order_of(update.subject_id)
        for update, order_id in zip(updates, order_ids, strict=True)
    ]
    writes.addresses = [
        (order_id, str(update.subject_id), update.address)
        for update, order_id in zip(updates, merged.order_ids, strict=True)
        if update.address is not None and order_id is not None
    ]
    return merged, writes


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


def join(base: FactBase, update: Update) -> tuple[set[str], bool]:
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


def base_of(loaded: Loaded) -> FactBase:
    """Return everything loaded as one set of joined facts."""
    base = FactBase(loaded.orders.values(), loaded.reservations)
    for link in loaded.links:
        base.join_link(link)
    for fact in loaded.facts:
        base.join(fact)
    for order_id, act in loaded.acts:
        base.join_act(order_id, act)
    return base


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
    misplaced = {node for node, order_id in loaded.sessions if base.order_of(node) != order_id}
    writes.payments |= {node: order_id for node in known if (order_id := base.order_of(node)) != known[node]}
    for key, fact in base.facts.items():
        placed = isinstance(fact, (SessionFact, ChargeFact)) or fact.of_payment
        order_id = base.order_of(fact.node) if placed else None
        if isinstance(fact, ChargeFact):
            if held.get(key) != fact:
                writes.charges[key] = (fact, order_id)
        elif isinstance(fact, SessionFact):
            if held.get(key) != fact or fact.id in misplaced:
                writes.sessions[key] = (fact, order_id)
        elif held.get(key) != fact:
            writes.facts[key] = fact
            if fact.of_payment and fact.node not in known:
                writes.payments[fact.node] = order_id
