"""How long the work of one request may wait for others in all.

A shopper's request makes several calls to the database and to Stripe, each with a limit of its own; the sum is what the
shopper feels. The deadline travels with the task, as the ids of a log line do, so that every limit can be cut to what
is left of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar

SHOPPER_SECONDS = 6.5
"""Leaves room for giving back a connection that does not answer: a shopper has an answer within 8 s."""

_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


def shopper_waits() -> AbstractContextManager[None]:
    """Bound what the block waits for the database and Stripe together to what a shopper may wait."""
    return within(SHOPPER_SECONDS)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Bound what the block waits for the database and Stripe together."""
    token = _deadline.set(asyncio.get_running_loop().time() + seconds)
    try:
        yield
    finally:
        _deadline.reset(token)


def deadline() -> float | None:
    """Return the event loop's time by which this task must be done, or None if nobody waits."""
    return _deadline.get()


def at_most(seconds: float) -> float:
    """Return the limit, cut to what is left until the deadline."""
    end = _deadline.get()
    return seconds if end is None else max(0.0, min(seconds, end - asyncio.get_running_loop().time()))
