"""Connections are limited in total and per address; the one that waited longest makes room."""

from __future__ import annotations

import asyncio
import itertools
import logging
import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager

import pytest

from checkout_daemon.web.connections import ConnectionLimits, Connections, DescriptorWatch, raise_descriptor_limit
from checkout_daemon.web.proxies import TrustedProxies
from tests.web.conftest import Client, OpenClient, warnings
from tests.web.wire import connection_to, send_raw


class Held:
    """A connection with a fixed state."""

    numbers = itertools.count()

    def __init__(self, state: str = "idle") -> None:
        self.waiting_since = float(next(self.numbers))
        self.state = state

    def is_idle(self) -> bool:
        return self.state == "idle"

    def is_sending(self) -> bool:
        return self.state == "sending"

    def drop(self) -> None:
        self.state = "dropped"


def connections(most: int = 100, per_address: int = 100, descriptors: int = 10_000, *trusted: str) -> Connections:
    return Connections(ConnectionLimits(most, per_address, descriptors), TrustedProxies(trusted), lambda reason: None)


def test_an_address_that_has_its_share_loses_its_oldest_idle_connection_and_no_other_does() -> None:
    held = connections(100, 3)
    other = Held()
    assert held.admit(other, "203.0.113.9", 10)
    theirs = [Held() for _ in range(4)]
    assert all(held.admit(their, "203.0.113.1", 10) for their in theirs)
    assert [their.state for their in theirs] == ["dropped", "idle", "idle", "idle"]
    assert other.state == "idle"


def test_bodies_that_do_not_come_make_room_after_the_idle_ones_and_work_under_way_never_does() -> None:
    held = connections(100, 3)
    working, sending, idle = Held("working"), Held("sending"), Held()
    for connection in (working, sending, idle):
        assert held.admit(connection, "203.0.113.1", 10)
    assert held.admit(Held("working"), "203.0.113.1", 10)
    assert (working.state, sending.state, idle.state) == ("working", "sending", "dropped")
    assert held.admit(Held("working"), "203.0.113.1", 10)
    assert (working.state, sending.state) == ("working", "dropped")
    assert not held.admit(Held(), "203.0.113.1", 10)
    assert len(held) == 3


def test_addresses_of_one_network_are_one_address() -> None:
    held = connections(100, 1)
    first = Held()
    assert held.admit(first, "2001:db8::1", 10)
    assert held.admit(Held(), "2001:db8::2", 10)
    assert first.state == "dropped"


def test_a_trusted_proxy_may_have_all_connections() -> None:
    held = connections(100, 1, 10_000, "10.0.0.1")
    theirs = [Held() for _ in range(5)]
    assert all(held.admit(their, "10.0.0.1", 10) for their in theirs)
    assert {their.state for their in theirs} == {"idle"}


def test_one_address_never_has_all_connections() -> None:
    assert ConnectionLimits(1000, 1000, 10_000).for_one_address == 750


def test_connections_leave_room_for_other_files() -> None:
    assert ConnectionLimits(10_000, 1000, 1024).in_all == 768
    held = connections(10_000, 1000, 1024)
    idle = Held()
    assert held.admit(idle, "203.0.113.1", 10)
    assert held.admit(Held(), "203.0.113.2", 1000)  # whatever else holds descriptors: the lowest free one is given
    assert idle.state == "dropped"


def test_what_is_forgotten_makes_room() -> None:
    held = connections(2, 2)
    gone = Held("working")
    for number in range(5):
        assert held.admit(gone, f"203.0.113.{number}", 10)
        held.forget(gone)
    assert len(held) == 0


@contextmanager
def descriptors(soft: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_the_soft_limit_is_raised() -> None:
    with descriptors(256):
        assert raise_descriptor_limit() > 256
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 256


def test_descriptors_that_are_all_taken_are_counted_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    counted: list[None] = []
    watch = DescriptorWatch(lambda: counted.append(None))
    watch.look()
    with descriptors(3), caplog.at_level(logging.ERROR):
        watch.look()
        watch.look()
    assert len(counted) == 2
    assert [
        record.getMessage() for record in caplog.records if "no file descriptor is left" in record.getMessage()
    ] != []
    assert len(caplog.records) == 1


@asynccontextmanager
async def idle(client: Client, count: int) -> AsyncIterator[list[asyncio.StreamReader]]:
    async with AsyncExitStack() as stack:
        yield [(await stack.enter_async_context(connection_to(client)))[0] for _ in range(count)]


async def test_more_idle_connections_than_there_may_be_keep_nobody_out(open_client: OpenClient) -> None:
    client = await open_client(CHECKOUT_CONNECTIONS="20", CHECKOUT_CONNECTIONS_PER_ADDRESS="15")
    async with idle(client, 40) as readers:
        for _ in range(3):
            assert (await send_raw(client, b"GET /healthz HTTP/1.1\r\nHost: shop\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await readers[0].readexactly(1)
    answer = await send_raw(client, b"GET /healthz HTTP/1.1\r\nHost: shop\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")


async def test_a_head_that_never_ends_is_bounded_in_all(client: Client) -> None:
    line = b"X-A: " + b"a" * 8000 + b"\r\n"
    async with connection_to(client) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nHost: shop\r\n" + line * 12)
        answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert b'"code":"headers_too_large"' in answer


async def test_a_path_of_many_parts_is_refused_before_it_is_routed(client: Client) -> None:
    answer = await send_raw(client, b"GET " + b"/a" * 1000 + b" HTTP/1.1\r\nHost: shop\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 414 ")


async def test_a_refused_body_is_not_read_for_as_long_as_it_comes(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    sent = await send_for_ever(client)
    assert sent < 64 * 1024 * 1024
    await asyncio.sleep(0.1)
    assert warnings(caplog) == []


async def send_for_ever(client: Client) -> int:
    """Send chunks until the connection is closed; return how many bytes it took."""
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
    async with connection_to(client) as (_, writer):
        writer.write(b"POST /api/quotes HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\n")
        writer.write(b"Transfer-Encoding: chunked\r\n\r\n")
        for number in range(2048):
            try:
                writer.write(chunk)
                await writer.drain()
            except ConnectionError:
                return number * 65536
    return 2048 * 65536
