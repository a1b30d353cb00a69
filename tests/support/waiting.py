"""Waits until something is so."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

_SECONDS = 30.0


async def until(holds: Callable[[], bool] | Callable[[], Awaitable[bool]]) -> None:
    """Ask again and again; TimeoutError where it never is."""
    async with asyncio.timeout(_SECONDS):
        while True:
            answer = holds()
            if answer if isinstance(answer, bool) else await answer:
                return
            await asyncio.sleep(0.02)
