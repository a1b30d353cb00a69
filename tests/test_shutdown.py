"""`checkout serve` ends on a signal or with its parent, and finishes what it has begun."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from time import monotonic

import aiohttp
import asyncpg
import pytest

from tests.support.serving import (
    ONE_OR_TWO,
    START_SECONDS,
    Serve,
    Serving,
    alive,
    answered_by,
    connected,
    enough,
    get,
    ready,
    until,
)
from tests.support.stripe_events import event_body, signed


@pytest.mark.parametrize(
    ("options", "number"),
    [((), signal.SIGINT), (("--workers", "2"), signal.SIGTERM)],
    ids=["one process, SIGINT", "two workers, SIGTERM"],
)
async def test_a_signal_ends_it_with_0_and_leaves_no_process(
    serve: Serve, http: aiohttp.ClientSession, database_url: str, options: tuple[str, ...], number: signal.Signals
) -> None:
    serving = await serve(enough(database_url), *options)
    await ready(http, serving)
    workers = serving.workers()
    serving.signal(number)
    assert await serving.ended() == 0
    assert not any(alive(pid) for pid in workers)


@ONE_OR_TWO
async def test_the_end_of_the_parents_pipe_ends_it(serve: Serve, database_url: str, options: tuple[str, ...]) -> None:
    ours, theirs = os.pipe()  # we hold the end that is written to
    ours, theirs = theirs, ours
    serving = await serve(enough(database_url) | {"CHECKOUT_PARENT_PIPE": str(theirs)}, *options, pass_fds=(theirs,))
    os.close(theirs)
    os.close(ours)
    assert await serving.ended() == 0


@ONE_OR_TWO
async def test_idle_and_hanging_clients_do_not_keep_it(
    serve: Serve, database_url: str, options: tuple[str, ...]
) -> None:
    serving = await serve(enough(database_url), *options)
    async with connected(serving) as (idle_reader, idle), connected(serving), connected(serving) as (reader, hanging):
        idle.write(b"GET /healthz HTTP/1.1\r\nHost: shop\r\n\r\n")
        await idle_reader.readuntil(b"\r\n\r\n")
        head = "POST /api/webhook HTTP/1.1\r\nHost: shop\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n"
        hanging.write(head.encode())
        assert b" 100 " in await reader.readuntil(b"\r\n\r\n")  # it waits for the body now
        begun = monotonic()
        serving.signal(signal.SIGTERM)
        assert await serving.ended() == 0
        assert monotonic() - begun < 25  # far less than the 75 s of an idle connection; and 0: nothing was given up


@ONE_OR_TWO
async def test_what_is_under_way_is_committed_and_answered_first(
    serve: Serve,
    http: aiohttp.ClientSession,
    database_url: str,
    connection: asyncpg.Connection,
    options: tuple[str, ...],
) -> None:
    serving = await serve(enough(database_url), *options)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("LOCK TABLE stripe_events IN EXCLUSIVE MODE")
    async with contextlib.AsyncExitStack() as open_connections:
        connections = [await open_connections.enter_async_context(connected(serving)) for _ in range(20)]
        for _, writer in connections:
            writer.write(delivery_request())
        await waits_for_lock(database_url)
        await answered_by(http, serving, 1 + len(options) // 2)  # what came before this was taken before it, too
        serving.signal(signal.SIGTERM)
        await until(lambda: refuses(serving))
        await transaction.commit()
        async with asyncio.timeout(30):
            answers = [await reader.readuntil(b"\r\n\r\n") for reader, _ in connections]
    assert [answer.split()[1] for answer in answers] == [b"200"] * 20
    assert await serving.ended() == 0
    assert await connection.fetchval("SELECT count(*) FROM stripe_events") == 20


@ONE_OR_TWO
async def test_while_it_drains_it_answers_but_asks_for_no_more(
    serve: Serve, http: aiohttp.ClientSession, database_url: str, options: tuple[str, ...]
) -> None:
    serving = await serve(enough(database_url), "--drain", "600", *options)
    async with connected(serving) as (reader, writer):
        writer.write(b"GET /api/products HTTP/1.1\r\nHost: shop\r\n\r\n")
        before = await answer(reader)
        serving.signal(signal.SIGTERM)
        await until(lambda: serving.log().count("not ready any more") == 1 + len(options) // 2)
        writer.write(b"GET /api/products HTTP/1.1\r\nHost: shop\r\n\r\n")
        after = await answer(reader)
        assert await reader.read() == b""
    assert [b"200 OK" in before, b"Connection: close" in before] == [True, False]
    assert [b"200 OK" in after, b"Connection: close" in after] == [True, True]
    async with connected(serving) as (reader, writer):
        writer.write(delivery_request())
        assert b"200 OK" in await answer(reader)
    status, problem = await get(http, serving, "/readyz")
    assert (status, "stopping" in problem) == (503, True)
    assert (await get(http, serving, "/healthz"))[0] == 200
    serving.signal(signal.SIGTERM)  # the second one does not wait
    assert await serving.ended() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@ONE_OR_TWO
async def test_it_does_not_drain_after_sigint_nor_longer_than_asked(
    serve: Serve, database_url: str, options: tuple[str, ...], number: signal.Signals
) -> None:
    drain = "600" if number == signal.SIGINT else "0.1"
    serving = await serve(enough(database_url), "--drain", drain, *options)
    serving.signal(number)
    assert await serving.ended() == 0


async def test_an_alert_that_hangs_does_not_keep_it(
    serve: Serve, database_url: str, connection: asyncpg.Connection
) -> None:
    reached = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        reached.set()
        with contextlib.suppress(ConnectionError):
            await reader.read()  # until the daemon is gone
        writer.close()

    receiver = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = receiver.sockets[0].getsockname()[1]
    payload = '{"text":"something is wrong","count":1,"subjects":["1"],"command":"checkout doctor"}'
    await connection.execute(
        "INSERT INTO outbox (kind, subject_id, channel, payload) VALUES ('events.dead', '1', 'alert', $1)", payload
    )
    async with receiver:
        # For rto seconds Apprise waits for an answer.
        serving = await serve(enough(database_url) | {"CHECKOUT_ALERT_URLS": f"json://127.0.0.1:{port}/?rto=600"})
        async with asyncio.timeout(START_SECONDS):
            await reached.wait()
        serving.signal(signal.SIGTERM)
        assert await serving.ended(60) == 0


async def test_connections_that_only_the_kernel_has_accepted_are_answered(serve: Serve, database_url: str) -> None:
    serving = await serve(enough(database_url))
    serving.signal(signal.SIGSTOP)
    async with contextlib.AsyncExitStack() as open_connections:
        connections = [await open_connections.enter_async_context(connected(serving)) for _ in range(20)]
        for _, writer in connections:
            writer.write(delivery_request())
        serving.signal(signal.SIGTERM)
        serving.signal(signal.SIGCONT)
        answers = [await answer(reader) for reader, _ in connections]
    assert [b"200 OK" in answered for answered in answers] == [True] * 20
    assert await serving.ended() == 0


async def answer(reader: asyncio.StreamReader) -> bytes:
    """Read the head of an answer, and its body."""
    async with asyncio.timeout(30):
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.splitlines() if line.lower().startswith(b"content-length:"))
        await reader.readexactly(int(length.partition(b":")[2]))
    return head


def delivery_request() -> bytes:
    body = event_body("customer.created", {"id": "cus_1"})
    lines = ("POST /api/webhook HTTP/1.1", "Host: shop", f"Stripe-Signature: {signed(body)}")
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


async def waits_for_lock(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    async with asyncio.timeout(20):
        while not await connection.fetchval(waiting):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.01)
    await connection.close()


def refuses(serving: Serving) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", serving.port)) != 0
