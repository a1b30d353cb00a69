"""Limit how long one request may wait for the database and Stripe in total.

A shopper's request makes several calls, each with a limit of its own, but the shopper feels their sum. The deadline
travels with the task, as the ids of a log line do, so that each call can cut its limit to the time that is left.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import AbstractContextManager
from contextvars import ContextVar, Token

SHOPPER_SECONDS = 6.5
"""With the time that giving up a connection takes, a shopper has an answer within 8 s."""
SYSTEM_SECONDS = 25.0
"""How long one of the shop's own systems may wait; a shopper waits less."""

_end: ContextVar[float | None] = ContextVar("end", default=None)  # by the monotonic clock


def shopper_waits() -> AbstractContextManager[None]:
    """Limit how long the block waits for the database and Stripe in total to what a shopper may wait."""
    return _Within(SHOPPER_SECONDS)


def within(seconds: float) -> AbstractContextManager[None]:
    """Limit how long the block waits for the database and Stripe in total."""
    return _Within(seconds)


def deadline() -> float | None:
    """Return the event loop's time by which this task must be done, or None if it has no deadline."""
    end = _end.get()
    return None if end is None else asyncio.get_running_loop().time() + end - time.monotonic()


def at_most(seconds: float) -> float:
    """Return the limit, cut to the time left until the deadline."""
    end = _end.get()
    return seconds if end is None else max(0.0, min(seconds, end - time.monotonic()))


class Stopwatch:
    """Measures the time since it was made, by clocks that go on while this process or its machine is suspended."""

    __slots__ = ("_monotonic", "_time")

    def __init__(self) -> None:
        """Start now."""
        self._monotonic, self._time = time.monotonic(), time.time()

    @property
    def seconds(self) -> float:
        """Return the time since then. The longer one counts: only one clock goes on while a machine sleeps."""
        return max(time.monotonic() - self._monotonic, time.time() - self._time)


class _Within:
    """Sets the deadline of a block. Every request has one, so it is cheap: the loop is asked only by who waits."""

    __slots__ = ("_seconds", "_token")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __enter__(self) -> None:
        self._token: Token[float | None] = _end.set(time.monotonic() + self._seconds)

    def __exit__(self, *_: object) -> None:
        _end.reset(self._token)
