"""Bound the memory of all request bodies under way. The oldest unfinished body makes room for a new one.

A body that came whole with its headers, as nearly all do, is never counted: it waits for nothing.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field

from aiohttp import StreamReader

from checkout_daemon.errors import ServerBusy
from checkout_daemon.web.failures import BodyTimeout, BodyTooLarge

# Webhooks have their own share, which no flood of checkouts can take.
MOST_SHOP_BYTES = 4 * 1024 * 1024
MOST_WEBHOOK_BYTES = 12 * 1024 * 1024


@dataclass(slots=True, eq=False)
class _Reading:
    """A body under way. `evicted` is set once it had to make room."""

    limit: asyncio.Timeout
    chunks: list[bytes] = field(default_factory=list)
    size: int = 0
    evicted: bool = False


class BodyBudget:
    """Reads bodies, which together hold at most `most_bytes`."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._held_bytes = 0
        self._readings: OrderedDict[_Reading, None] = OrderedDict()

    @property
    def held_bytes(self) -> int:
        """Return the bytes in memory of the bodies under way."""
        return self._held_bytes

    async def read(self, content: StreamReader, limit: int, *, timeout_seconds: float) -> bytes:
        """Return the body, which may have up to `limit` bytes.

        Raise BodyTooLarge as early as possible, BodyTimeout, or ServerBusy if it had to make room.
        """
        reading = _Reading(asyncio.timeout(timeout_seconds))
        try:
            async with reading.limit:
                self._readings[reading] = None
                while not content.at_eof():
                    self._hold(reading, await content.readany(), limit)
            if reading.evicted:
                raise _make_room()
            return b"".join(reading.chunks)
        except TimeoutError as error:
            if reading.evicted:
                raise _make_room() from error
            raise BodyTimeout(f"the body did not arrive within {timeout_seconds:.0f} s") from error
        finally:
            self._readings.pop(reading, None)
            self._release(reading)

    def _hold(self, reading: _Reading, chunk: bytes, limit: int) -> None:
        if reading.evicted:
            raise _make_room()
        reading.chunks.append(chunk)
        reading.size += len(chunk)
        self._held_bytes += len(chunk)
        if reading.size > limit:
            raise BodyTooLarge(f"the body is larger than {limit} bytes")
        while self._held_bytes > self._most_bytes and self._readings:
            self._evict(self._readings.popitem(last=False)[0])

    def _evict(self, reading: _Reading) -> None:
        reading.evicted = True
        self._release(reading)
        if not reading.limit.expired():  # its time may be over in this same turn of the event loop
            reading.limit.reschedule(0)

    def _release(self, reading: _Reading) -> None:
        """Drop the bytes: a traceback may keep the reading alive for long."""
        self._held_bytes -= reading.size
        reading.size = 0
        reading.chunks.clear()


@dataclass(frozen=True, slots=True)
class BodyBudgets:
    """The budgets: one for the shop's requests, one for webhooks."""

    shop: BodyBudget = field(default_factory=lambda: BodyBudget(MOST_SHOP_BYTES))
    webhooks: BodyBudget = field(default_factory=lambda: BodyBudget(MOST_WEBHOOK_BYTES))

    @property
    def held_bytes(self) -> int:
        """Return the bytes in memory of all bodies under way."""
        return self.shop.held_bytes + self.webhooks.held_bytes


def _make_room() -> ServerBusy:
    return ServerBusy("too many bodies are under way at once: send this one again in a moment, and in one go")
