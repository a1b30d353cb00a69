"""The load generator: what it sends, when, and what it makes of the answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvloop

from bench.support import load

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
REFUSED = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 4\r\n\r\nfrog"
REQUEST = load.request("/", b"{}", {})


@asynccontextmanager
async def server(answer: Callable[[int], bytes]) -> AsyncIterator[tuple[int, list[bytes]]]:
    """Serve, and yield the port and the requests. `answer` gets a request's number; no bytes close the connection."""
    got: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
                got.append(head + await reader.readexactly(2))
            except (asyncio.IncompleteReadError, ConnectionError):
                break
            if not (reply := answer(len(got))):
                break
            writer.write(reply)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        yield listening.sockets[0].getsockname()[1], got


async def test_every_request_is_sent_once_and_answered() -> None:
    requests = [load.request(f"/{number}", b"{}", {"X": "y"}) for number in range(50)]
    async with server(lambda _: OK) as (port, got):
        result = await load.run(port, requests, 4)
    assert sorted(got) == sorted(requests)
    assert (result.sent, result.requests, result.refused) == (50, 50, 0)
    assert 0 < result.p50_ms <= result.p99_ms


async def test_answers_of_another_class_are_counted_and_one_is_shown() -> None:
    async with server(lambda number: REFUSED if number % 2 else OK) as (port, _):
        result = await load.run(port, [REQUEST] * 10, 1)
    assert result.refused == 5
    assert result.failure.endswith("frog")


async def test_refusals_can_be_what_is_expected() -> None:
    async with server(lambda _: REFUSED) as (port, _):
        result = await load.run(port, [REQUEST] * 3, 1, expected="4")
    assert result.refused == 0


async def test_an_answer_in_pieces_is_read_to_its_end() -> None:
    async with server(lambda _: OK) as (port, _):
        assert not load.answer_is_whole(OK[:-1])
        assert load.answer_is_whole(OK)
        result = await load.run(port, [REQUEST], 1)
    assert result.requests == 1


async def test_a_request_without_an_answer_is_sent_again_on_a_new_connection() -> None:
    async with server(lambda number: b"" if number == 2 else OK) as (port, got):
        result = await load.run(port, [REQUEST] * 3, 1)
    assert (result.requests, result.reconnections, len(got)) == (3, 1, 4)


async def test_a_closed_loop_ends_with_its_time() -> None:
    async with server(lambda _: OK) as (port, _):
        result = await load.run(port, [REQUEST] * 1_000_000, 2, seconds=0.1)
    assert 0 < result.sent == result.requests < 1_000_000
    assert not result.ran_out


async def test_too_few_requests_for_the_time_are_noted() -> None:
    async with server(lambda _: OK) as (port, _):
        result = await load.run(port, [REQUEST], 1, seconds=5)
    assert result.ran_out


async def test_an_open_loop_keeps_its_rate_and_counts_from_when_a_request_was_due() -> None:
    async with server(lambda _: OK) as (port, _):
        result = await load.run_at(port, [REQUEST] * 20, 8, rate=100)
    assert result.requests == 20
    assert result.seconds >= 0.19
    assert {start for start, _ in result.slowest} <= {round(number / 100, 3) for number in range(20)}


async def test_an_open_loop_sends_all_that_is_due_though_its_connection_is_busy() -> None:
    async with server(lambda _: OK) as (port, got):
        result = await load.run_at(port, [REQUEST] * 30, 1, rate=100_000)
    assert (result.sent, result.requests, len(got)) == (30, 30, 30)


async def test_an_open_loop_ends_with_its_time() -> None:
    async with server(lambda _: OK) as (port, _):
        result = await load.run_at(port, [REQUEST] * 1000, 2, rate=20, seconds=0.2)
    assert result.sent == result.requests <= 4


async def test_waiting_for_what_is_due_does_not_keep_the_loop_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop that turns until the next request is due takes the processor away from the server."""
    servers = asyncio.get_running_loop()
    asked: list[str] = []

    def counted(name: str) -> Callable[..., Any]:
        method = getattr(uvloop.Loop, name)

        def call(loop: asyncio.AbstractEventLoop, *arguments: Any, **options: Any) -> Any:
            if loop is not servers:
                asked.append(name)
            return method(loop, *arguments, **options)

        return call

    for name in ("call_soon", "call_soon_threadsafe", "call_later", "call_at"):
        monkeypatch.setattr(uvloop.Loop, name, counted(name))
    async with server(lambda _: OK) as (port, _):
        await load.run(port, [REQUEST] * 50, 1)
        around = len(asked)  # connecting and ending
        await load.run_at(port, [REQUEST] * 50, 1, rate=400)
    assert len(asked) - around <= 50 + 2 * around


async def test_the_slowest_requests_are_kept_with_when_they_began() -> None:
    async with server(lambda _: OK) as (port, _):
        result = await load.run(port, [REQUEST] * 50, 4)
    times = [milliseconds for _, milliseconds in result.slowest]
    assert len(times) == load.SLOWEST
    assert times == sorted(times, reverse=True)
    assert times[0] == pytest.approx(result.p99_ms, abs=0.001)
    assert all(0 <= start <= result.seconds + 0.001 for start, _ in result.slowest)


async def test_an_answer_without_its_length_ends_the_run() -> None:
    async with server(lambda _: b"HTTP/1.1 200 OK\r\n\r\n") as (port, _):
        with pytest.raises(ValueError, match="Content-Length"):
            await load.run(port, [REQUEST], 1)
