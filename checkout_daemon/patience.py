"""Limit how long one request may wait for the database and Stripe in total.

A shopper's request makes several calls, each with a limit of its own, but the shopper feels their sum. The deadline
travels with the task, as the ids of a log line do, so that each call can cut its limit to the time that is left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar

SHOPPER_SECONDS = 6.5
"""With the time that giving up a connection takes, a shopper has an answer within 8 s."""

_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


def shopper_waits() -> AbstractContextManager[None]:
    """Limit how long the block waits for the database and Stripe in total to what a shopper may wait."""
    return within(SHOPPER_SECONDS)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Limit how long the block waits for the database and Stripe in total."""
    token = _deadline.set(asyncio.get_running_loop().time() + seconds)
    try:
        yield
    finally:
        _deadline.reset(token)


def deadline() -> float | None:
    """Return the event loop's time by which this task must be done, or None if it has no deadline."""
    return _deadline.get()


def at_most(seconds: float) -> float:
    """Return the limit, cut to the time left until the deadline."""
    end = _deadline.get()
    return seconds if end is None else max(0.0, min(seconds, end - asyncio.get_running_loop().time()))
