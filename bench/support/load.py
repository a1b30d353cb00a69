"""A load generator over keep-alive connections, with requests built before the clock starts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Result:
    """Times in milliseconds, from request to answer."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    refused: int

    @property
    def per_second(self) -> float:
        """Return the requests per second."""
        return self.requests / self.seconds


def request(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """Return the bytes of a POST request."""
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def run(port: int, requests: Sequence[bytes], connections: int) -> Result:
    """Send all requests as fast as they are answered (closed loop)."""
    return await _run(port, requests, connections, None)


async def run_at(port: int, requests: Sequence[bytes], connections: int, rate: float) -> Result:
    """Send at a fixed rate, however slow the answers are (open loop). Times count from when a request was due."""
    return await _run(port, requests, connections, rate)


async def _run(port: int, requests: Sequence[bytes], connections: int, rate: float | None) -> Result:
    waiting = iter(enumerate(requests))
    times: list[float] = []
    refused = 0

    async def work(number: int) -> None:
        nonlocal refused
        await asyncio.sleep(number * 0.005)  # a burst of connections would all go to one worker
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for place, request_bytes in waiting:
            due = time.perf_counter()
            if rate is not None:
                due = started + place / rate
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
            writer.write(request_bytes)
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(_length(head))
            times.append(time.perf_counter() - due)
            refused += not head.startswith(b"HTTP/1.1 2")
        writer.close()

    started = time.perf_counter()
    await asyncio.gather(*(work(number) for number in range(connections)))
    seconds = time.perf_counter() - started
    times.sort()
    return Result(len(times), seconds, 1000 * times[len(times) // 2], 1000 * times[int(len(times) * 0.99)], refused)


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    raise ValueError("an answer without Content-Length")
