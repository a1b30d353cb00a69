"""A set of facts that can be joined to, and asked what follows for each order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from checkout_daemon.domain.derive import Derived, OrderFacts, derive
from checkout_daemon.domain.facts import (
    Act,
    DisputeFact,
    Fact,
    Key,
    Link,
    LinkRank,
    Observation,
    RefundFact,
    SessionFact,
)
from checkout_daemon.domain.links import LinkGraph
from checkout_daemon.domain.orders import OrderTerms


class FactBase:
    """Facts held, joined as they come.

    It may hold a part of all facts, as long as each order in it is whole: the caller loads what its ids are linked to.
    """

    def __init__(self, orders: Iterable[OrderTerms] = ()) -> None:
        self.orders = {terms.id: terms for terms in orders}
        self.links = LinkGraph(self.orders)
        self.facts: dict[Key, Fact] = {}
        self.acts: defaultdict[str, set[Act]] = defaultdict(set)
        self._keys_of_node: defaultdict[str, set[Key]] = defaultdict(set)
        self._order_of_node: dict[str, str | None] = {}
        self._nodes_of_order: defaultdict[str, set[str]] = defaultdict(set)

    def join_link(self, link: Link) -> bool:
        """Join a link; whether it says anything new."""
        if not self.links.join(link):
            return False
        self._place(link.source_id)
        if link.rank is LinkRank.STRIPE:
            self._place(link.target_id)
        return True

    def join(self, fact: Fact) -> Fact | None:
        """Join a fact; what is held now if that differs from before, else None."""
        held = self.facts.get(fact.key)
        joined: Fact = fact if held is None else held.join(fact)
        if joined == held:
            return None
        if held is not None:
            self._keys_of_node[held.node].discard(fact.key)
        self.facts[fact.key] = joined
        self._keys_of_node[joined.node].add(fact.key)
        if joined.node not in self._order_of_node:
            self._place(joined.node)
        return joined

    def join_act(self, order_id: str, act: Act) -> None:
        self.acts[order_id].add(act)

    def order_of(self, node: str) -> str | None:
        """The order that a session, payment or charge belongs to, among the orders known here."""
        return self._order_of_node[node] if node in self._order_of_node else self.links.order_of(node)

    def derive(self, order_id: str) -> Derived:
        return derive(self.orders[order_id], self.facts_of(order_id))

    def facts_of(self, order_id: str) -> OrderFacts:
        """All facts of an order, of its own livemode, each under the payment that stands for it."""
        livemode = self.orders[order_id].livemode
        sessions: list[SessionFact] = []
        payments: defaultdict[str, set[Observation]] = defaultdict(set)
        refunds: list[RefundFact] = []
        disputes: list[DisputeFact] = []
        for node in self._nodes_of_order[order_id]:
            payment_id = self.links.payment_of(node)
            for key in self._keys_of_node[node]:
                match self.facts[key]:
                    case Observation() as fact:
                        payments[payment_id].add(fact)
                    case SessionFact() as fact if fact.livemode == livemode:
                        sessions.append(fact)
                    case RefundFact() as fact if fact.livemode == livemode:
                        refunds.append(replace(fact, payment_id=payment_id))
                    case DisputeFact() as fact if fact.livemode == livemode:
                        disputes.append(replace(fact, payment_id=payment_id))
                    case _:
                        pass  # a hint, or a fact of the other livemode: only its observation counts
        return OrderFacts(
            sessions=tuple(sessions),
            payments={key: tuple(told) for key, told in payments.items()},
            refunds=tuple(refunds),
            disputes=tuple(disputes),
            acts=frozenset(self.acts.get(order_id, ())),
        )

    def _place(self, node: str) -> None:
        """Find a node's order anew, then that of the nodes that follow it."""
        before, now = self._order_of_node.get(node), self.links.order_of(node)
        if before is not None:
            self._nodes_of_order[before].discard(node)
        self._order_of_node[node] = now
        if now is not None:
            self._nodes_of_order[now].add(node)
        for follower in self.links.followers(node):
            if self._order_of_node.get(follower) != self.links.order_of(follower):
                self._place(follower)
