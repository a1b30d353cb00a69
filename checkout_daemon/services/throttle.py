"""Keeps many calls of Stripe under a rate, so that the shop's own are not refused: https://docs.stripe.com/rate-limits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic

Pace = Callable[[], Awaitable[None]]
"""Awaited before each call; returns when it may be made."""


async def at_once() -> None:
    """No pace: for one order, which takes a handful of calls."""


def at_most(calls_per_second: float) -> Pace:
    """A pace for any number of tasks together: evenly spaced, and no burst after a pause."""
    due = monotonic()

    async def pace() -> None:
        nonlocal due
        due = max(due + 1 / calls_per_second, monotonic())
        await asyncio.sleep(due - monotonic())

    return pace
