"""Keep many calls to Stripe under a rate, so that shoppers' calls are not refused: https://docs.stripe.com/rate-limits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic

CALLS_PER_SECOND = 20.0
"""Below the 25 that Stripe allows in test mode, because the shop makes its own calls at the same time."""

Pace = Callable[[], Awaitable[None]]
"""Awaited before each call; returns when the call may be sent."""


async def at_once() -> None:
    """Do not wait: the pace for one order, which takes only a handful of calls."""


def at_most(calls_per_second: float) -> Pace:
    """Return a pace that tasks may share: the first call at once, then evenly spaced, no burst after a pause."""
    due = monotonic() - 1 / calls_per_second

    async def pace() -> None:
        nonlocal due
        due = max(due + 1 / calls_per_second, monotonic())
        await asyncio.sleep(due - monotonic())

    return pace
