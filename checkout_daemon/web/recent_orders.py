"""Remember which orders came from which network, to count their declined payments."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from checkout_daemon.web.limits import MOST_CLIENTS

MOST_ORDERS = 16 * MOST_CLIENTS
"""Of all networks together: at the limit, the network that was silent longest is forgotten."""
_FEWEST = 64
_TIMES_THE_LIMIT = 10
_MORE_THAN_THE_LIMIT = 1000


class RecentOrders:
    """The latest orders of each network. They are not forgotten by age: an order can be declined for a day."""

    def __init__(self, most_declines: int) -> None:
        """`most_declines`: the limit of a network with a share of one."""
        self._most_declines = most_declines
        self._networks: OrderedDict[str, OrderedDict[str, None]] = OrderedDict()
        self._count = 0

    def add(self, order_id: str, networks: Iterable[tuple[str, int]]) -> None:
        """Add an order to its networks, each given with its share."""
        for network, share in networks:
            orders = self._networks.setdefault(network, OrderedDict())
            self._networks.move_to_end(network)
            if order_id in orders:
                continue
            orders[order_id] = None
            self._count += 1
            if len(orders) > most_of_network(self._most_declines * share):
                orders.popitem(last=False)
                self._count -= 1
        while self._count > MOST_ORDERS or len(self._networks) > MOST_CLIENTS:
            _, forgotten = self._networks.popitem(last=False)
            self._count -= len(forgotten)

    def count(self, network: str) -> int:
        """Return how many orders of a network are remembered."""
        return len(self._networks.get(network, ()))

    def of(self, network: str) -> tuple[str, ...]:
        """Return the ids of a network's orders, oldest first."""
        return tuple(self._networks.get(network, ()))


def most_of_network(most_declines: int) -> int:
    """Return how many orders of a network are remembered, by how many of its payments may be declined.

    It is well above the limit, so that one declined card for each order reaches it, also between orders that are fine.
    """
    return max(_FEWEST, min(_TIMES_THE_LIMIT * most_declines, most_declines + _MORE_THAN_THE_LIMIT))
