"""Which order a Stripe object belongs to, by the links between ids."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable

from checkout_daemon.domain.facts import Link, LinkRank, is_charge, is_node


class LinkGraph:
    """A set of links. Nodes are the ids that links connect: sessions, PaymentIntents and charges.

    `orders` are the orders that exist: a link to any other names none.
    """

    def __init__(self, orders: Container[str]) -> None:
        self.orders = orders
        self.ranks: dict[tuple[str, str], LinkRank] = {}
        self._targets: defaultdict[str, set[str]] = defaultdict(set)
        self._sources: defaultdict[str, set[str]] = defaultdict(set)

    def join(self, link: Link) -> bool:
        """Add a link; whether it was new, or comes from a better source than the one held."""
        held = self.ranks.get((link.source_id, link.target_id))
        if held is not None and held <= link.rank:
            return False
        self.ranks[link.source_id, link.target_id] = link.rank
        self._targets[link.source_id].add(link.target_id)
        self._sources[link.target_id].add(link.source_id)
        return True

    def order_of(self, node: str) -> str | None:
        """By the best source: a PaymentIntent follows its session before its metadata, a charge its PaymentIntent."""
        if node.startswith("pi_"):
            of_sessions = [self._named_order(each) for each in self._sources.get(node, ()) if each.startswith("cs_")]
            if named := min((each for each in of_sessions if each is not None), default=None):
                return named[1]
        elif is_charge(node) and (payment_id := self.payment_of(node)) != node:
            return self.order_of(payment_id)
        own = self._named_order(node)
        return own[1] if own else None

    def payment_of(self, node: str) -> str:
        """The PaymentIntent that stands for a session or charge, or the id itself while none is known."""
        return min((target for target in self._targets.get(node, ()) if target.startswith("pi_")), default=node)

    def nodes_of(self, order_id: str) -> set[str]:
        """Every node that belongs to an order: named by a link, or following from one that is."""
        found: set[str] = set()
        waiting = list(self._sources.get(order_id, ()))
        while waiting:
            node = waiting.pop()
            if node not in found and self.order_of(node) == order_id:
                found.add(node)
                waiting += self._followers(node)
        return found

    def _followers(self, node: str) -> list[str]:
        """The nodes whose order follows from this one's: a session's PaymentIntent, a PaymentIntent's charges."""
        if node.startswith("cs_"):
            return [target for target in self._targets.get(node, ()) if target.startswith("pi_")]
        return [source for source in self._sources.get(node, ()) if is_charge(source)]

    def connected(self, nodes: Iterable[str]) -> set[str]:
        """These nodes and all that links connect them with; never through an order."""
        found: set[str] = set()
        waiting = list(nodes)
        while waiting:
            node = waiting.pop()
            if node not in found:
                found.add(node)
                near = self._targets.get(node, set()) | self._sources.get(node, set())
                waiting += [each for each in near if is_node(each)]
        return found

    def _named_order(self, node: str) -> tuple[LinkRank, str] | None:
        best: tuple[LinkRank, str] | None = None
        for target in self._targets.get(node, ()):
            if target in self.orders:
                named = (self.ranks[node, target], target)
                if best is None or named < best:
                    best = named
        return best
