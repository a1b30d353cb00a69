"""Ambiguous and endless requests over real sockets: one answer each, connections that end, nothing left behind."""

from __future__ import annotations

import asyncio
import gc
import json
from contextlib import suppress
from pathlib import Path

import pytest
from aiohttp.http_exceptions import HttpProcessingError

from checkout_daemon.app import create_app
from checkout_daemon.errors import ServerBusy
from checkout_daemon.ledger.intake import Intake
from checkout_daemon.settings import load_settings
from checkout_daemon.web.limits import WaitingRoom
from tests.faults.hostile.smuggling import CASES, Outcome, send
from tests.support.stripe_events import event_body, signed
from tests.web.conftest import DATABASE_AWAY, Client, ShopServer
from tests.web.wire import connection_to


async def test_no_request_hides_another(client: Client) -> None:
    assert client.port is not None
    outcomes: list[Outcome] = await asyncio.gather(*(send(client.port, name, patience=0.5) for name in CASES))
    assert [fault for outcome in outcomes for fault in outcome.faults()] == []
    async with client.get("/healthz") as answer:
        assert answer.status == 200


async def test_a_checker_of_smuggling_can_fail() -> None:
    assert Outcome("CL and TE", ("400", "404")).faults() != []
    assert Outcome("CL and TE", ("502",)).faults() != []
    assert Outcome("CL and TE", ("400",)).faults() == []


def refuse(self: Intake) -> None:
    """Stand for an intake that is crowded."""
    raise ServerBusy("more events arrive than can be stored")


async def test_a_crowd_of_deliveries_is_told_to_come_back(shop: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Intake, "_start_or_hold", refuse)
    body = event_body("customer.created", {"id": "cus_1"})
    for _ in range(2):
        async with shop.post("/api/webhook", data=body, headers={"Stripe-Signature": signed(body)}) as answer:
            problem = json.loads(await answer.read())
            assert (answer.status, answer.headers["Retry-After"], problem["code"]) == (503, "5", "server_busy")
            assert problem["detail"] == "Nothing was written. Send the same request again in a moment."


async def test_what_is_refused_in_a_crowd_waits_first(shop: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Intake, "_start_or_hold", refuse)
    monkeypatch.setattr("checkout_daemon.web.webhook.BUSY_SECONDS", 60.0)
    body = event_body("customer.created", {"id": "cus_1"})

    async def deliver() -> int:
        async with shop.post("/api/webhook", data=body, headers={"Stripe-Signature": signed(body)}) as answer:
            return answer.status

    refused = asyncio.create_task(deliver())
    done, _ = await asyncio.wait([refused], timeout=1)
    assert not done
    async with shop.get("/healthz") as answer:  # all others are answered
        assert answer.status == 200
    refused.cancel()


async def test_only_so_many_wait() -> None:
    pauses = WaitingRoom(2)
    waiting = [asyncio.create_task(pauses.wait(60)) for _ in range(2)]
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await pauses.wait(60)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert pauses._waiting == 0


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\nHost: shop\r\nX-A: " + b"a" * 100_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: shop\r\n" + b"X-A: a\r\n" * 10_000 + b"\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: shop\r\n\r\n",
        b"\x16\x03\x01" + b"a" * 60_000,
    ],
)
async def test_a_refused_head_is_not_kept(client: Client, sent: bytes) -> None:
    gc.collect()
    gc.disable()
    try:
        async with connection_to(client) as (reader, writer):
            writer.write(sent)
            assert (await reader.readexactly(12)).startswith((b"HTTP/1.0 4", b"HTTP/1.1 4"))
        async with client.get("/healthz"):  # the loop goes on
            pass
        kept = [found for found in gc.get_objects() if isinstance(found, HttpProcessingError)]
    finally:
        gc.enable()
    assert kept == []


async def test_json_nested_as_deep_as_a_body_is_long(shop: Client) -> None:
    deep = b"[" * 100_000 + b"]" * 100_000
    event = b'{"id":"evt_1","type":"charge.succeeded","data":{"object":{"id":"ch_1","x":%b}}}' % deep
    for body, status in ((event, 200), (deep, 200), (deep[:-1], 400)):
        async with shop.post("/api/webhook", data=body, headers={"Stripe-Signature": signed(body)}) as answer:
            assert answer.status == status


async def test_a_head_that_comes_byte_by_byte_ends_with_the_time_of_an_idle_connection(tmp_path: Path) -> None:
    settings = load_settings({"DATABASE_URL": DATABASE_AWAY, "STRIPE_API_KEY": "sk_test_web0123456789"}, cwd=tmp_path)
    server = ShopServer(create_app(settings, storefront=tmp_path))
    await server.start_server(keepalive_timeout=0.5)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"GET /healthz HTTP/1.1\r\nX-A: ")
    ended = asyncio.create_task(reader.read())
    async with asyncio.timeout(20):
        while not ended.done():
            writer.write(b"a")
            await asyncio.sleep(0.05)
    with suppress(ConnectionError):
        assert await ended == b""
    writer.close()
    await server.close()
