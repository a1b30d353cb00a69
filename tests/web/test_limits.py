"""Limits on checkouts per address, and how the client's address is found."""

from __future__ import annotations

import json
from dataclasses import dataclass
from ipaddress import ip_address

import pytest

from checkout_daemon.web import limits
from checkout_daemon.web.limits import TokenBuckets
from checkout_daemon.web.proxies import TrustedProxies, network_of
from tests.web.conftest import OpenClient, checkout_body


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_gives_its_tokens_and_then_returns_how_long_to_wait() -> None:
    clock = Clock()
    buckets = TokenBuckets(3, clock)
    assert [buckets.take("a") for _ in range(3)] == [0.0, 0.0, 0.0]
    assert buckets.take("a") == pytest.approx(20.0)
    clock.now += 19
    assert buckets.take("a") == pytest.approx(1.0)
    clock.now += 1.001
    assert buckets.take("a") == 0.0


def test_a_bucket_never_holds_more_than_a_minute_gives() -> None:
    clock = Clock()
    buckets = TokenBuckets(2, clock)
    buckets.take("a")
    clock.now += 3600
    assert [buckets.take("a") > 0 for _ in range(3)] == [False, False, True]


def test_what_is_owed_is_waited_for_and_is_no_more_than_a_day_refills() -> None:
    clock = Clock()
    buckets = TokenBuckets(3, clock, refill_seconds=3600.0)
    for _ in range(5):
        buckets.owe("a")
    assert buckets.wait("a") == pytest.approx(3600.0)
    assert buckets.wait("b") == 0.0
    for _ in range(100):
        buckets.owe("a")
    assert buckets.take("a") == pytest.approx(86_400 + 1200)
    clock.now += 86_400 + 1201
    assert buckets.take("a") == 0.0
    assert buckets.take("a") > 0


def test_one_address_does_not_use_up_another_ones() -> None:
    buckets = TokenBuckets(1, Clock())
    assert (buckets.take("a"), buckets.take("b")) == (0.0, 0.0)
    assert buckets.take("a") > 0


def test_only_the_latest_addresses_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_CLIENTS", 100)
    buckets = TokenBuckets(1, Clock())
    for number in range(1000):
        buckets.take(str(number))
    assert len(buckets._buckets) == 100
    assert buckets.take("999") > 0


async def test_one_checkout_too_many_is_refused_with_when_to_come_back(open_client: OpenClient) -> None:
    client = await open_client(CHECKOUT_RATE_LIMIT="2")
    for _ in range(2):
        async with client.post("/api/stripe-checkout", json={}) as answer:
            assert answer.status == 422
    for path in ("/api/stripe-checkout", "/api/stripe-checkout/cs_1/retry"):
        async with client.post(path, json=checkout_body()) as answer:
            data = json.loads(await answer.read())
            assert (answer.status, data["code"]) == (429, "too_many_requests")
            assert 1 <= int(answer.headers["Retry-After"]) <= 30


async def test_quotes_and_looking_are_not_limited(open_client: OpenClient) -> None:
    client = await open_client(CHECKOUT_RATE_LIMIT="1")
    for _ in range(5):
        async with client.post("/api/quotes", json={}) as answer:
            assert answer.status == 422


async def test_zero_is_no_limit(open_client: OpenClient) -> None:
    client = await open_client(CHECKOUT_RATE_LIMIT="0")
    for _ in range(50):
        async with client.post("/api/stripe-checkout", json={}) as answer:
            assert answer.status == 422


async def test_behind_a_trusted_proxy_each_address_has_its_own(open_client: OpenClient) -> None:
    client = await open_client(CHECKOUT_RATE_LIMIT="1", CHECKOUT_TRUSTED_PROXIES="127.0.0.0/8, 10.0.0.1")
    statuses = []
    for forwarded in ("203.0.113.1", "203.0.113.2", "203.0.113.1", "1.1.1.1, 203.0.113.2, 10.0.0.1"):
        async with client.post("/api/stripe-checkout", json={}, headers={"X-Forwarded-For": forwarded}) as answer:
            statuses.append(answer.status)
    assert statuses == [422, 422, 429, 429]


async def test_without_a_trusted_proxy_nobody_can_pretend(open_client: OpenClient) -> None:
    client = await open_client(CHECKOUT_RATE_LIMIT="1")
    statuses = []
    for forwarded in ("203.0.113.1", "203.0.113.2"):
        async with client.post("/api/stripe-checkout", json={}, headers={"X-Forwarded-For": forwarded}) as answer:
            statuses.append(answer.status)
    assert statuses == [422, 429]


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.9", [], "203.0.113.9"),
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["1.2.3.4, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["1.2.3.4", "198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", ["198.51.100.1, unknown"], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1,", " , "], "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
        ("10.0.0.1", ["[2001:db8::1]:4711"], "2001:db8::1"),
        ("::ffff:10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("fd00::1%eth0", ["198.51.100.1"], "198.51.100.1"),
    ],
)
def test_the_client_is_the_last_address_that_a_stranger_could_not_write(
    peer: str, forwarded: list[str], client: str
) -> None:
    assert TrustedProxies(["10.0.0.0/8", "fd00::/8"]).client(peer, forwarded) == ip_address(client)


def test_a_unix_socket_has_no_address() -> None:
    assert TrustedProxies(["10.0.0.0/8"]).client("", ["198.51.100.1"]) is None


def test_a_subscriber_has_a_whole_network_of_ipv6() -> None:
    assert network_of(ip_address("2001:db8::1")) == network_of(ip_address("2001:db8::ffff:1"))
    assert network_of(ip_address("203.0.113.1")) != network_of(ip_address("203.0.113.2"))
