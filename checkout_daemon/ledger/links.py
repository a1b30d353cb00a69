"""Finds the order that a Stripe object belongs to, by the links between ids."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable

from checkout_daemon.ledger.facts import Link, LinkRank, is_charge, is_node


class LinkGraph:
    """A set of links. Nodes are the ids that links connect: sessions, PaymentIntents and charges.

    `orders` are the orders that exist: a link to any other id does not count.
    """

    def __init__(self, orders: Container[str]) -> None:
        self.orders = orders
        self.ranks: dict[tuple[str, str], LinkRank] = {}
        self._targets: defaultdict[str, set[str]] = defaultdict(set)
        self._sources: defaultdict[str, set[str]] = defaultdict(set)

    def join(self, link: Link) -> bool:
        """Add a link and return whether it is new or from a better source than the one held."""
        held = self.ranks.get((link.source_id, link.target_id))
        if held is not None and held <= link.rank:
            return False
        self.ranks[link.source_id, link.target_id] = link.rank
        self._targets[link.source_id].add(link.target_id)
        self._sources[link.target_id].add(link.source_id)
        return True

    def order_of(self, node: str) -> str | None:
        """Return the order that the best source names, or None.

        A PaymentIntent belongs to the order of its session, else to the one in its metadata. A charge belongs to the
        order of its PaymentIntent.
        """
        if node.startswith("pi_"):
            sessions = [source for source in self._sources.get(node, ()) if source.startswith("cs_")]
            of_sessions = [named for session in sessions if (named := self._named_order(session)) is not None]
            if named := min(of_sessions, default=None):
                return named[1]
        elif is_charge(node) and (payment_id := self.payment_of(node)) != node:
            return self.order_of(payment_id)
        own = self._named_order(node)
        return own[1] if own else None

    def payment_of(self, node: str) -> str:
        """Return the PaymentIntent of a session or charge, or the id itself while no PaymentIntent is known."""
        return min((target for target in self._targets.get(node, ()) if target.startswith("pi_")), default=node)

    def nodes_of(self, order_id: str) -> set[str]:
        """Return every node that belongs to an order: a link names it, or it follows from such a node."""
        found: set[str] = set()
        waiting = list(self._sources.get(order_id, ()))
        while waiting:
            node = waiting.pop()
            if node not in found and self.order_of(node) == order_id:
                found.add(node)
                waiting += self._followers(node)
        return found

    def _followers(self, node: str) -> list[str]:
        """Return the nodes that belong to the same order: a session's PaymentIntent, a PaymentIntent's charges."""
        if node.startswith("cs_"):
            return [target for target in self._targets.get(node, ()) if target.startswith("pi_")]
        return [source for source in self._sources.get(node, ()) if is_charge(source)]

    def connected(self, nodes: Iterable[str]) -> set[str]:
        """Return these nodes and all nodes connected with them by links, but not through orders."""
        found: set[str] = set()
        waiting = list(nodes)
        while waiting:
            node = waiting.pop()
            if node not in found:
                found.add(node)
                near = self._targets.get(node, set()) | self._sources.get(node, set())
                waiting += [other for other in near if is_node(other)]
        return found

    def _named_order(self, node: str) -> tuple[LinkRank, str] | None:
        best: tuple[LinkRank, str] | None = None
        for target in self._targets.get(node, ()):
            if target in self.orders:
                named = (self.ranks[node, target], target)
                if best is None or named < best:
                    best = named
        return best
