"""Wait for a condition."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

_SECONDS = 30.0


async def until(holds: Callable[[], bool] | Callable[[], Awaitable[bool]]) -> None:
    """Wait until the condition holds. Raises TimeoutError."""
    async with asyncio.timeout(_SECONDS):
        while True:
            answer = holds()
            if answer if isinstance(answer, bool) else await answer:
                return
            await asyncio.sleep(0.02)
