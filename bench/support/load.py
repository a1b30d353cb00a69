"""A load generator over keep-alive connections, with requests built before the clock starts."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import uvloop

PATIENCE_SECONDS = 30.0
SLOWEST = 10
"""How many of a run's slowest requests are kept."""
_MOST_RECONNECTIONS = 1000


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a run. Times are in milliseconds: from request to answer, or at a rate from when it was due.

    `sent` requests were sent, from the first on. `failure` is the start of the first answer of another class than
    expected. `ran_out`: there were too few requests for the time. `slowest`: when each of the slowest requests was sent
    or due, in seconds since the start, and its time; the slowest first.
    """

    sent: int
    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    refused: int
    failure: str = ""
    reconnections: int = 0
    ran_out: bool = False
    cpu_us: float = 0.0
    slowest: tuple[tuple[float, float], ...] = ()

    @property
    def per_second(self) -> float:
        """Return the requests per second."""
        return self.requests / self.seconds


def request(path: str, body: bytes, headers: dict[str, str], method: str = "POST") -> bytes:
    """Return the bytes of a request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    if method == "POST":
        lines.append(f"Content-Length: {len(body)}")
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def run(
    port: int, requests: Sequence[bytes], connections: int, *, seconds: float | None = None, expected: str = "2"
) -> Result:
    """Send requests as fast as they are answered (closed loop), all of them or for some seconds."""
    return await _in_thread(port, requests, connections, seconds, None, expected)


async def run_at(
    port: int,
    requests: Sequence[bytes],
    connections: int,
    rate: float,
    *,
    seconds: float | None = None,
    expected: str = "2",
) -> Result:
    """Send at a fixed rate, however slow the answers are (open loop). Times count from when a request was due."""
    return await _in_thread(port, requests, connections, seconds, rate, expected)


async def _in_thread(
    port: int, requests: Sequence[bytes], connections: int, seconds: float | None, rate: float | None, expected: str
) -> Result:
    """Run in a loop of its own: uvloop takes half the CPU, and other tasks of this process cannot delay a request."""

    async def send() -> Result:
        return await _Run(port, requests, seconds, rate, expected).finish(connections)

    return await asyncio.to_thread(uvloop.run, send())


class _Run:
    """One run: its requests in order, and what its connections share."""

    def __init__(
        self, port: int, requests: Sequence[bytes], seconds: float | None, rate: float | None, expected: str
    ) -> None:
        self._port, self._requests, self._seconds, self._rate = port, requests, seconds, rate
        self._expected = ord(expected)
        self._place = self._pending = self._refused = self._reconnections = 0
        self._times: list[tuple[float, float]] = []  # the seconds of each request, and when it was sent or due
        self._due_count = 0  # how many requests are due at the rate by now
        self._idle: deque[_Connection] = deque()
        self._connections: set[_Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure = ""
        self._last = 0.0
        self._loop = asyncio.get_running_loop()
        self._over: asyncio.Future[None] = self._loop.create_future()
        self._ended = threading.Event()
        self._feeder = threading.Thread(target=self._feed, name="feeder", daemon=True)

    async def finish(self, connections: int) -> Result:
        for _ in range(connections):
            self._idle.append(await self._connect())
            # Workers that share a listening socket take connections as they come: one would take most of a burst.
            await asyncio.sleep(0.005)
        gc.collect()
        gc.disable()
        cpu = time.process_time()
        self._started = self._last = time.perf_counter()
        self._until = self._started + (self._seconds or float("inf"))
        try:
            if self._rate is None:
                for connection in list(self._idle):
                    self._send_next(connection)
            else:
                self._feeder.start()
            self._end_if_done()
            await self._wait()
        finally:
            self._ended.set()
            if self._feeder.is_alive():
                self._feeder.join()
            gc.enable()
            for task in self._tasks:
                task.cancel()
            for connection in self._connections:
                connection.close()
        return self._result(time.process_time() - cpu)

    async def _wait(self) -> None:
        """Wait for the last answer. Raise TimeoutError if nothing is answered for a while."""
        while not self._over.done():
            before = len(self._times)
            await asyncio.wait([self._over], timeout=PATIENCE_SECONDS)
            if not self._over.done() and before == len(self._times):
                raise TimeoutError(f"no answer in {PATIENCE_SECONDS:.0f} s, {self._pending} requests under way")
        self._over.result()

    async def _connect(self) -> _Connection:
        _, connection = await self._loop.create_connection(lambda: _Connection(self), "127.0.0.1", self._port)
        self._connections.add(connection)
        return connection

    def _sending(self) -> bool:
        return self._place < len(self._requests) and time.perf_counter() < self._until

    def _send_next(self, connection: _Connection) -> None:
        if self._sending():
            self._pending += 1
            self._place += 1
            connection.send(time.perf_counter(), self._requests[self._place - 1])

    def _feed(self) -> None:
        """Wake the loop whenever a request is due. Run in a thread.

        The loop cannot wait for that: uvloop rounds to milliseconds, and turns round and round for less than half of
        one, which takes the processor away from the server that is measured.
        """
        assert self._rate is not None
        place = 0
        while place < len(self._requests):
            if self._ended.wait(self._started + place / self._rate - time.perf_counter()):
                return
            # Late by more than a request, all that are due are sent at once.
            place = max(place, int((time.perf_counter() - self._started) * self._rate)) + 1
            self._loop.call_soon_threadsafe(self._release, place)

    def _release(self, due_count: int) -> None:
        self._due_count = due_count
        self._send_due()

    def _send_due(self) -> None:
        """Send what is due on the idle connections."""
        assert self._rate is not None
        while self._idle and self._place < self._due_count and self._sending():
            due = self._started + self._place / self._rate
            self._pending += 1
            self._place += 1
            self._idle.popleft().send(due, self._requests[self._place - 1])
        self._end_if_done()

    def answered(self, connection: _Connection, due: float, answer: bytes) -> None:
        self._last = time.perf_counter()
        self._times.append((self._last - due, due))
        self._pending -= 1
        if answer[9] != self._expected:  # the first digit of the status
            self._refused += 1
            self._failure = self._failure or answer[:300].decode("latin-1")
        if self._rate is None:
            self._send_next(connection)
            self._end_if_done()
        else:
            all_were_busy = not self._idle
            self._idle.append(connection)
            if all_were_busy or not self._sending():
                self._send_due()

    def lost(self, connection: _Connection, due: float, unanswered: bytes | None) -> None:
        """Open another connection, and send again what had no answer, as Stripe would."""
        self._connections.discard(connection)
        if self._over.done():
            return
        self._reconnections += 1
        if self._reconnections > _MOST_RECONNECTIONS:
            self.fail(ConnectionError("the server keeps closing connections"))
            return
        if connection in self._idle:
            self._idle.remove(connection)
        self._tasks.add(self._loop.create_task(self._replace(due, unanswered)))

    def fail(self, error: Exception) -> None:
        """End the run with an error."""
        if not self._over.done():
            self._over.set_exception(error)

    async def _replace(self, due: float, unanswered: bytes | None) -> None:
        try:
            connection = await self._connect()
        except OSError as error:
            self.fail(error)
            return
        if unanswered is not None:
            connection.send(due, unanswered)
        elif self._rate is not None:
            self._idle.append(connection)
            if len(self._idle) == 1:
                self._send_due()
        else:
            self._send_next(connection)

    def _end_if_done(self) -> None:
        if not self._pending and not self._sending() and not self._over.done():
            self._over.set_result(None)

    def _result(self, cpu: float) -> Result:
        times = sorted(self._times)
        seconds = [taken for taken, _ in times] or [0.0]
        p50, p99 = (1000 * seconds[int(len(seconds) * share)] for share in (0.5, 0.99))
        ran_out = self._place == len(self._requests) and self._seconds is not None and self._last < self._until - 0.1
        return Result(
            sent=self._place,
            requests=len(self._times),
            seconds=max(self._last - self._started, 1e-9),
            p50_ms=p50,
            p99_ms=p99,
            refused=self._refused,
            failure=self._failure,
            reconnections=self._reconnections,
            ran_out=ran_out and self._rate is None,
            cpu_us=1e6 * cpu / max(1, len(self._times)),
            slowest=tuple(
                (round(due - self._started, 3), round(1000 * taken, 3)) for taken, due in reversed(times[-SLOWEST:])
            ),
        )


class _Connection(asyncio.Protocol):
    """A connection with one request under way at most."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self._due = 0.0
        self._request: bytes | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass

    def send(self, due: float, request: bytes) -> None:
        assert self._transport is not None
        self._due, self._request = due, request
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        try:
            whole = answer_is_whole(self._received)
        except ValueError as error:
            self._run.fail(error)
            return
        if whole:
            answer, self._received, self._request = self._received, b"", None
            self._run.answered(self, self._due, answer)

    def connection_lost(self, exc: Exception | None) -> None:
        self._run.lost(self, self._due, self._request)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


def answer_is_whole(data: bytes) -> bool:
    """Return whether this is a complete answer. Raise ValueError if it does not state its length."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return False
    head = data[:end].lower()
    place = head.find(b"\r\ncontent-length:")
    if place < 0:
        raise ValueError("an answer without Content-Length")
    return len(data) >= end + 4 + int(head[place + 17 :].partition(b"\r\n")[0])
