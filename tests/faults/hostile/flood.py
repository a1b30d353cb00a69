"""Connections that attack a daemon: how many it answered with what, how many it closed."""

from __future__ import annotations

import asyncio
import resource
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import cycle

ADDRESSES = tuple(f"127.0.{number}.1" for number in range(1, 101))
"""A hundred clients: all of 127.0.0.0/8 is this machine."""


def raise_descriptors() -> int:
    """Raise the limit on open files as far as it goes, and return it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


@dataclass
class Counts:
    """What became of the requests, by status, and of the connections."""

    statuses: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    opened: int = 0
    refused: int = 0
    closed: int = 0
    sent: int = 0
    unsent: int = 0  # due while every connection was busy

    def answered(self, status: str, seconds: float) -> None:
        """Count an answer."""
        self.statuses[status] += 1
        self.seconds.setdefault(status, []).append(seconds)

    def slowest(self, status: str, share: float = 0.99) -> float:
        """Return the time within which this share of the answers came."""
        times = sorted(self.seconds.get(status, [0.0]))
        return times[int(share * (len(times) - 1))]


class _Line(asyncio.Protocol):
    """A connection with one request under way at most."""

    def __init__(self, free: Callable[[_Line], None], counts: Counts) -> None:
        self._free, self._counts = free, counts
        self._received = b""
        self._since = 0.0
        self.transport: asyncio.Transport | None = None

    @property
    def busy(self) -> bool:
        """Return whether an answer is still to come."""
        return self.transport is not None and self._since > 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # uvloop's is no subclass

    def send(self, request: bytes) -> None:
        assert self.transport is not None
        self._since = time.perf_counter()
        self._counts.sent += 1
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0])
        if len(body) < length:
            return
        self._counts.answered(head[9:12].decode(), time.perf_counter() - self._since)
        self._received, self._since = b"", 0.0
        if self.transport is not None and b"\r\nconnection: close" not in head.lower():
            self._free(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._counts.closed += bool(self._since)
        self.transport = None


async def flood(
    port: int, requests: Sequence[bytes], *, most: int, seconds: float, rate: float | None = None, total: int = 0
) -> Counts:
    """Send requests again and again over up to `most` connections: at a rate, however slow the answers are, or freely.

    It ends after these seconds, or after `total` answers.
    """
    counts = Counts()
    idle: deque[_Line] = deque()
    lines: list[_Line] = []
    loop = asyncio.get_running_loop()
    supply: Iterator[bytes] = cycle(requests)
    addresses = cycle(ADDRESSES)
    opening: set[asyncio.Task[None]] = set()

    async def open_line() -> None:
        try:
            async with asyncio.timeout(10):
                _, line = await loop.create_connection(
                    lambda: _Line(idle.append, counts), "127.0.0.1", port, local_addr=(next(addresses), 0)
                )
        except (OSError, TimeoutError):
            counts.refused += 1
            return
        counts.opened += 1
        lines.append(line)
        idle.append(line)

    begun = time.perf_counter()
    due = 0.0
    while time.perf_counter() - begun < seconds and (not total or counts.statuses.total() < total):
        owed = len(idle) if rate is None else int((time.perf_counter() - begun) * rate - due)
        due += owed
        for _ in range(owed):
            while idle and idle[0].transport is None:
                idle.popleft()
            if not idle:
                counts.unsent += 1
                continue
            idle.popleft().send(next(supply))
        live = sum(line.transport is not None for line in lines) if len(lines) >= most else len(lines)
        if live < most and not idle and len(opening) < 100:
            for _ in range(min(50, most - live)):
                task = loop.create_task(open_line())
                opening.add(task)
                task.add_done_callback(opening.discard)
        await asyncio.sleep(0.001)
    end = time.perf_counter() + 20
    for line in lines:
        while line.busy and time.perf_counter() < end:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    for line in lines:
        if line.transport is not None:
            line.transport.abort()
    return counts


async def hold(port: int, count: int, first: bytes, more: bytes, *, every: float, seconds: float) -> Counts:
    """Open so many connections, send `first` on each, then a byte of `more` at intervals, and count who was closed."""
    counts = Counts()
    addresses = cycle(ADDRESSES)

    async def one(address: str) -> None:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
        except OSError:
            counts.refused += 1
            return
        counts.opened += 1
        begun = time.perf_counter()
        try:
            writer.write(first)
            answer = asyncio.create_task(reader.read(4096))
            for place in range(int(seconds / every)):
                done, _ = await asyncio.wait([answer], timeout=every)
                if done:
                    break
                writer.write(more[place % len(more) :][:1] if more else b"")
            if answer.done():
                data = answer.result()
                counts.answered(data[9:12].decode() if data else "closed", time.perf_counter() - begun)
            else:
                answer.cancel()
                counts.statuses["still open"] += 1
        except ConnectionError:
            counts.answered("reset", time.perf_counter() - begun)
        finally:
            writer.close()

    async with asyncio.TaskGroup() as group:
        for number in range(count):
            group.create_task(one(next(addresses)))
            if number % 100 == 99:
                await asyncio.sleep(0.02)
    return counts


async def upload(port: int, head: bytes, chunk: bytes, most: int, address: str) -> tuple[str, int]:
    """Send chunks until the server stops, and return the status and how many bytes it took."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
    sent = 0
    answer = asyncio.create_task(reader.read(4096))
    with suppress(ConnectionError):
        writer.write(head)
        while sent < most:
            writer.write(chunk)
            await writer.drain()
            sent += len(chunk)
    with suppress(ConnectionError, TimeoutError):
        async with asyncio.timeout(5):
            await asyncio.shield(answer)
    data = answer.result() if answer.done() and not answer.cancelled() and answer.exception() is None else b""
    writer.close()
    return data[9:12].decode() or "reset", sent
