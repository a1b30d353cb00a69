"""The orders of a network are remembered well beyond its limit of declined payments, and bounded in all."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from checkout_daemon.web import recent_orders
from checkout_daemon.web.proxies import networks_of
from checkout_daemon.web.recent_orders import RecentOrders, most_of_network

ADDRESS = "203.0.113.7"


def test_orders_that_are_fine_do_not_push_the_declined_ones_out() -> None:
    orders = RecentOrders(20)
    for number in range(200):
        orders.add(f"order{number}", [(ADDRESS, 1)])
    assert (orders.of(ADDRESS)[0], orders.count(ADDRESS)) == ("order0", 200)
    orders.add("order200", [(ADDRESS, 1)])
    assert (orders.of(ADDRESS)[0], orders.count(ADDRESS)) == ("order1", 200)


@pytest.mark.parametrize(
    ("limit", "remembered"), [(1, 64), (20, 200), (80, 800), (320, 1320), (10_000, 11_000), (160_000, 161_000)]
)
def test_more_orders_are_remembered_than_may_be_declined(limit: int, remembered: int) -> None:
    assert most_of_network(limit) == remembered


def test_an_order_counts_once_for_each_network_around_its_address() -> None:
    orders = RecentOrders(20)
    first, second = (networks_of(ip_address(address)) for address in ("2001:db8::1", "2001:db8:0:1::1"))
    orders.add("a", first)
    orders.add("a", first)
    orders.add("b", second)
    assert [orders.count(network) for network, _ in first] == [1, 2, 2]
    assert [orders.of(network) for network, _ in second] == [("b",), ("a", "b"), ("a", "b")]


def test_the_network_that_was_silent_longest_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent_orders, "MOST_ORDERS", 10)
    orders = RecentOrders(20)
    for network, count in (("a", 3), ("b", 6), ("a", 4)):
        for number in range(count):
            orders.add(f"{network}{number}", [(network, 1)])
    assert (orders.count("a"), orders.count("b")) == (4, 6)
    orders.add("c0", [("c", 1)])
    assert (orders.count("a"), orders.count("b"), orders.count("c")) == (4, 0, 1)


def test_only_so_many_networks_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent_orders, "MOST_CLIENTS", 2)
    orders = RecentOrders(20)
    for network in ("a", "b", "a", "c"):
        orders.add(f"order of {network}", [(network, 1)])
    assert [orders.count(network) for network in ("a", "b", "c")] == [1, 0, 1]
