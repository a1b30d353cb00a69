"""Unfinished bodies: their memory is bounded, and freed when they are cut off."""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from unittest.mock import Mock

import pytest
from aiohttp import StreamReader
from aiohttp.base_protocol import BaseProtocol

from checkout_daemon.errors import ServerBusy
from checkout_daemon.web import body_budget
from checkout_daemon.web.app_keys import BODIES
from checkout_daemon.web.body_budget import BodyBudget
from tests.web.conftest import Client, OpenClient, warnings
from tests.web.wire import connection_to

KIBIBYTE = 1024
FILLING = b"~"  # found nowhere else


def head(path: str, length: int) -> bytes:
    signature = f"t={int(time.time())},v1=00"
    lines = (
        "Host: shop",
        "Content-Type: application/json",
        f"Stripe-Signature: {signature}",
        f"Content-Length: {length}",
    )
    return "\r\n".join([f"POST {path} HTTP/1.1", *lines, "", ""]).encode()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)


@asynccontextmanager
async def uploads(client: Client, path: str, count: int, sent: int) -> AsyncIterator[list[asyncio.StreamReader]]:
    """Send this many bodies that lack their last byte."""
    async with AsyncExitStack() as stack:
        readers = []
        for _ in range(count):
            reader, writer = await stack.enter_async_context(connection_to(client))
            writer.write(head(path, sent + 1) + FILLING * sent)
            await writer.drain()
            readers.append(reader)
        yield readers


@pytest.mark.parametrize("path", ["/api/webhook", "/api/stripe-checkout"])
async def test_what_bodies_under_way_hold_together_is_bounded_and_the_oldest_make_room(
    open_client: OpenClient, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(body_budget, "MOST_SHOP_BYTES", 100 * KIBIBYTE)
    monkeypatch.setattr(body_budget, "MOST_WEBHOOK_BYTES", 100 * KIBIBYTE)
    client = await open_client()
    budgets = client.server.app[BODIES]  # type: ignore[attr-defined]
    budget = budgets.webhooks if "webhook" in path else budgets.shop
    async with uploads(client, path, 6, 30 * KIBIBYTE) as readers:
        for reader in readers[:3]:
            answer = (await reader.readuntil(b"\r\n\r\n")).decode()
            assert answer.startswith("HTTP/1.1 503 ")
            assert "Retry-After: 5" in answer
        assert budget.held_bytes <= 100 * KIBIBYTE
        assert budget.held_bytes >= 60 * KIBIBYTE
    await until(lambda: budget.held_bytes == 0)


async def test_bodies_of_checkouts_take_nothing_of_what_webhooks_may_hold(
    open_client: OpenClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body_budget, "MOST_SHOP_BYTES", 40 * KIBIBYTE)
    client = await open_client()
    async with uploads(client, "/api/webhook", 1, 30 * KIBIBYTE) as (delivery,):
        async with uploads(client, "/api/stripe-checkout", 4, 30 * KIBIBYTE) as readers:
            assert (await readers[0].readline()).startswith(b"HTTP/1.1 503 ")
        assert client.server.app[BODIES].webhooks.held_bytes == 30 * KIBIBYTE  # type: ignore[attr-defined]
        assert not delivery.at_eof()


async def test_a_body_makes_room_in_the_same_moment_in_which_its_time_is_over() -> None:
    budget = BodyBudget(100)
    loop = asyncio.get_running_loop()
    oldest, newer = (StreamReader(Mock(spec=BaseProtocol), KIBIBYTE, loop=loop) for _ in range(2))
    oldest.feed_data(FILLING * 60)
    first = asyncio.create_task(budget.read(oldest, KIBIBYTE, timeout_seconds=0))
    second = asyncio.create_task(budget.read(newer, KIBIBYTE, timeout_seconds=60))
    await asyncio.sleep(0)  # both read, and in the next turn of the loop the time of the first is over
    newer.feed_data(FILLING * 60)
    newer.feed_eof()
    assert await second == FILLING * 60
    with pytest.raises(ServerBusy):
        await first
    assert budget.held_bytes == 0


async def test_an_upload_that_is_broken_off_keeps_nothing_and_is_no_error(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    gc.collect()
    gc.disable()
    try:
        async with uploads(client, "/api/webhook", 5, 200 * KIBIBYTE):
            budget = client.server.app[BODIES].webhooks  # type: ignore[attr-defined]
            await until(lambda: budget.held_bytes == 5 * 200 * KIBIBYTE)
        await until(lambda: budget.held_bytes == 0)
        await asyncio.sleep(0)
        await until(lambda: not client.server.handler.connections)
        assert [found for found in gc.get_objects() if isinstance(found, list | deque) and _holds_body(found)] == []
    finally:
        gc.enable()
    assert warnings(caplog) == []
    async with client.get("/metrics") as answer:
        counted = 'checkout_http_requests_total{method="POST",route="/api/webhook",status="499"} 5.0'
        assert counted in (await answer.text()).splitlines()


def _holds_body(found: Iterable[object]) -> bool:
    return any(isinstance(item, bytes) and len(item) > KIBIBYTE and not item.strip(FILLING) for item in found)
