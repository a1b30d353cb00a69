"""Joins updates that concern one order each, without walking the graph of links.

Nearly every order is alone: its sessions, payments and charges name no other order. There, a node belongs to the order
that its links name, and that is all the graph would find out. Whatever is not so plain is left to FactBase; a test
shows on generated histories that both come to the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from checkout_daemon.ledger.charge_facts import ChargeFact
from checkout_daemon.ledger.derive import OrderFacts
from checkout_daemon.ledger.fact_store import Loaded
from checkout_daemon.ledger.facts import (
    Act,
    CanceledPayment,
    DisputeFact,
    Fact,
    Key,
    Link,
    LinkRank,
    Observation,
    RefundFact,
    SessionFact,
)
from checkout_daemon.ledger.fraud_facts import FraudWarning
from checkout_daemon.ledger.updates import Update
from checkout_daemon.ledger.writes import Writes

_STRIPE = LinkRank.STRIPE


class SingleOrders:
    """The orders that are alone, with their facts, and `order_ids`: the order of each update, or None if it has others.

    `order_ids` is None where the order is not known or does not exist, where an object is linked to several orders, and
    where an object would move to another order.
    """

    def __init__(self, loaded: Loaded, updates: Sequence[Update]) -> None:
        self._orders = loaded.orders
        self._reservations = loaded.reservations
        self._order_of: dict[str, str] = {}
        self._payment_of: dict[str, str] = {}
        self._facts: dict[Key, Fact] = {}
        self._keys: defaultdict[str, dict[Key, None]] = defaultdict(dict)
        self._acts: defaultdict[str, set[Act]] = defaultdict(set)
        self._before: dict[Key, Fact | None] = {}
        self._fresh: dict[str, str] = {}
        self.order_ids = self._sort_out(loaded, updates)
        if any(self.order_ids):
            self._take_over(loaded)

    def add_changes(self, loaded: Loaded, writes: Writes) -> None:
        """Add the facts that differ from what was held, and the objects whose order is known now."""
        for key, held in self._before.items():
            fact = self._facts[key]
            if fact == held:
                continue
            order_id = self._order_of[fact.node]
            if isinstance(fact, SessionFact):
                writes.sessions[key] = (fact, order_id)
            elif isinstance(fact, ChargeFact):
                writes.charges[key] = (fact, order_id)
            else:
                writes.facts[key] = fact
                if fact.of_payment and fact.node not in loaded.payments:
                    writes.payments[fact.node] = order_id
        writes.adopted |= self._fresh

    def join(self, order_id: str, update: Update) -> bool:
        """Join an update of an order. Return whether a fact changed that a message may follow from."""
        moved = False
        keys = self._keys[order_id]
        for fact in update.facts:
            key = fact.key
            held = self._facts.get(key)
            joined = fact if held is None or held == fact else held.join(fact)
            if joined != held:
                self._before.setdefault(key, held)
                self._facts[key] = joined
                keys[key] = None
                moved = moved or fact.moves_orders
        for _, act in update.acts:
            self._acts[order_id].add(act)
        return moved

    def facts_of(self, order_id: str) -> OrderFacts:
        """Return all facts of an order in its own livemode, each under the id that stands for its payment."""
        livemode = self._orders[order_id].livemode
        payment_of = self._payment_of
        sessions: list[SessionFact] = []
        payments: dict[str, set[Observation]] = {}
        refunds: list[RefundFact] = []
        disputes: list[DisputeFact] = []
        warnings: list[FraudWarning] = []
        canceled: set[str] = set()
        for key in self._keys[order_id]:
            fact = self._facts[key]
            node = fact.node
            payment_id = payment_of.get(node, node)
            if isinstance(fact, Observation):
                payments.setdefault(payment_id, set()).add(fact)
            elif isinstance(fact, SessionFact):
                if fact.livemode == livemode:
                    sessions.append(fact)
                    if (CanceledPayment, payment_id) in self._facts:
                        canceled.add(node)
            elif isinstance(fact, RefundFact):
                if fact.livemode == livemode:
                    refunds.append(fact if node == payment_id else replace(fact, payment_id=payment_id))
            elif isinstance(fact, DisputeFact):
                if fact.livemode == livemode:
                    disputes.append(fact if node == payment_id else replace(fact, payment_id=payment_id))
            elif isinstance(fact, FraudWarning) and fact.livemode == livemode:
                warnings.append(fact if node == payment_id else replace(fact, payment_id=payment_id))
        return OrderFacts(
            tuple(sessions),
            {key: tuple(observed) for key, observed in payments.items()},
            tuple(refunds),
            tuple(disputes),
            frozenset(self._acts.get(order_id, ())),
            frozenset(canceled),
            self._reservations.get(order_id, ()),
            tuple(warnings),
        )

    def _sort_out(self, loaded: Loaded, updates: Sequence[Update]) -> list[str | None]:
        """Return the order of each update whose order is alone, else None."""
        odd = self._place_held(loaded)
        found = [self._place(update) for update in updates]
        if odd or None in found:
            for update, order_id in zip(updates, found, strict=True):
                if order_id is None:
                    odd |= update.nodes | update.orders
            _spread(odd, loaded.links, updates)
            found = [
                None if order_id in odd or not odd.isdisjoint(update.nodes) else order_id
                for update, order_id in zip(updates, found, strict=True)
            ]
            self._fresh = {node: order_id for node, order_id in self._fresh.items() if node not in odd}
        return found

    def _place_held(self, loaded: Loaded) -> set[str]:
        """Place the nodes that are held. Return the nodes and orders that are not plain."""
        odd: set[str] = set()
        for link in loaded.links:
            if link.rank is not _STRIPE and not (link.target_id in self._orders and self._belongs(*link.ends)):
                odd.update(link.ends)
        for link in self._stripe_links(loaded.links):
            if not self._follows(link):
                odd.update(link.ends)
        for node, order_id in (*loaded.sessions, *loaded.payments.items()):
            if order_id is None:
                odd.add(node)
            elif self._order_of.get(node) != order_id:
                odd.update((node, order_id))
        return odd

    def _place(self, update: Update) -> str | None:
        """Place the nodes of an update. Return its order, or None if it is not plain."""
        named = update.orders
        order_id = next(iter(named), None) or next(filter(None, map(self._order_of.get, update.nodes)), None)
        if len(named) > 1 or order_id not in self._orders:
            return None
        before = self._order_of.keys()
        fresh = [node for node in update.nodes if node not in before]
        for link in update.links:
            if link.rank is not _STRIPE and not self._belongs(*link.ends):
                return None
        for link in self._stripe_links(update.links):
            if not self._follows(link):
                return None
        self._fresh.update(dict.fromkeys(fresh, order_id))
        return order_id if all(self._order_of.get(node) == order_id for node in update.nodes) else None

    def _belongs(self, node: str, order_id: str) -> bool:
        return self._order_of.setdefault(node, order_id) == order_id

    def _follows(self, link: Link) -> bool:
        """Place what a link between two of Stripe's objects connects. Return whether it is plain."""
        source, payment_id = link.ends
        if self._payment_of.setdefault(source, payment_id) != payment_id:
            return False
        # A PaymentIntent has the order of its session, a charge that of its PaymentIntent.
        first, second = (source, payment_id) if source.startswith("cs_") else (payment_id, source)
        order_id = self._order_of.get(first)
        return order_id is not None and self._belongs(second, order_id)

    @staticmethod
    def _stripe_links(links: Sequence[Link]) -> list[Link]:
        """Return the links between Stripe's objects, those of sessions first: charges follow from them."""
        found = [link for link in links if link.rank is _STRIPE]
        if len(found) > 1:
            found.sort(key=lambda link: not link.source_id.startswith("cs_"))
        return found

    def _take_over(self, loaded: Loaded) -> None:
        for fact in loaded.facts:
            order_id = self._order_of.get(fact.node)
            if order_id is not None:
                self._facts[fact.key] = fact
                self._keys[order_id][fact.key] = None
        for order_id, act in loaded.acts:
            self._acts[order_id].add(act)


def _spread(odd: set[str], links: Iterable[Link], updates: Iterable[Update]) -> None:
    """Add everything that is connected to what is odd, also through orders."""
    groups = [*(set(link.ends) for link in links), *(update.nodes | update.orders for update in updates)]
    grown = True
    while grown:
        grown = False
        for group in groups:
            if not odd.isdisjoint(group) and not group <= odd:
                odd |= group
                grown = True
