"""A set of joined facts in memory, from which the state of each order is derived."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from msgspec.structs import replace

from checkout_daemon.ledger.derive import Derived, OrderFacts, derive
from checkout_daemon.ledger.facts import (
    Act,
    CanceledPayment,
    DisputeFact,
    Fact,
    Key,
    Link,
    Observation,
    RefundFact,
    SessionFact,
)
from checkout_daemon.ledger.fraud_facts import FraudWarning
from checkout_daemon.ledger.links import LinkGraph
from checkout_daemon.ledger.reservations import Reservation
from checkout_daemon.model.orders import OrderTerms


class FactBase:
    """Facts, links and acts, joined as they are added.

    It may hold a part of all facts as long as every order in it is complete: the caller loads all that its orders are
    linked to.
    """

    def __init__(
        self,
        orders: Iterable[OrderTerms] = (),
        reservations: Mapping[str, tuple[Reservation, ...]] = MappingProxyType({}),
    ) -> None:
        self.orders = {terms.id: terms for terms in orders}
        self.links = LinkGraph(self.orders)
        self.facts: dict[Key, Fact] = {}
        self.acts: defaultdict[str, set[Act]] = defaultdict(set)
        self._reservations = reservations
        self._keys_of_node: defaultdict[str, set[Key]] = defaultdict(set)

    def join_link(self, link: Link) -> bool:
        """Join a link and return whether it is new or from a better source."""
        return self.links.join(link)

    def join(self, fact: Fact) -> Fact | None:
        """Join a fact and return the joined fact, or None if nothing changed."""
        key = fact.key
        held = self.facts.get(key)
        joined = fact if held is None else held.join(fact)
        if joined == held:
            return None
        if held is not None and held.node != joined.node:
            self._keys_of_node[held.node].discard(key)
        self.facts[key] = joined
        self._keys_of_node[joined.node].add(key)
        return joined

    def join_act(self, order_id: str, act: Act) -> None:
        """Add an act to an order."""
        self.acts[order_id].add(act)

    def order_of(self, node: str) -> str | None:
        """Return the order that a session, payment or charge belongs to, or None if it is not one of `orders`."""
        return self.links.order_of(node)

    def derive(self, order_id: str) -> Derived:
        """Return the status, attention and money that follow for an order."""
        return derive(self.orders[order_id], self.facts_of(order_id))

    def facts_of(self, order_id: str) -> OrderFacts:
        """Return all facts of an order in its own livemode, each under the id that stands for its payment."""
        livemode = self.orders[order_id].livemode
        sessions: list[SessionFact] = []
        payments: defaultdict[str, set[Observation]] = defaultdict(set)
        refunds: list[RefundFact] = []
        disputes: list[DisputeFact] = []
        warnings: list[FraudWarning] = []
        canceled: set[str] = set()
        for node in self.links.nodes_of(order_id):
            payment_id = self.links.payment_of(node)
            for key in self._keys_of_node.get(node, ()):
                match self.facts[key]:
                    case Observation() as fact:
                        payments[payment_id].add(fact)
                    case SessionFact() as fact if fact.livemode == livemode:
                        sessions.append(fact)
                        if (CanceledPayment, payment_id) in self.facts:
                            canceled.add(fact.id)
                    case RefundFact() as fact if fact.livemode == livemode:
                        refunds.append(fact if node == payment_id else replace(fact, payment_id=payment_id))
                    case DisputeFact() as fact if fact.livemode == livemode:
                        disputes.append(fact if node == payment_id else replace(fact, payment_id=payment_id))
                    case FraudWarning() as fact if fact.livemode == livemode:
                        warnings.append(fact if node == payment_id else replace(fact, payment_id=payment_id))
                    case _:
                        pass  # a hint, or a fact of the other livemode, of which only observations count
        return OrderFacts(
            sessions=tuple(sessions),
            payments={key: tuple(observed) for key, observed in payments.items()},
            refunds=tuple(refunds),
            disputes=tuple(disputes),
            canceled=frozenset(canceled),
            acts=frozenset(self.acts.get(order_id, ())),
            reservations=self._reservations.get(order_id, ()),
            warnings=tuple(warnings),
        )
