"""Work requested faster than it can be done: one run at a time, and only the latest request counts.

Nothing is canceled: a query canceled half-way costs a database connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Latest(Generic[T]):
    """Runs `work` for the latest request."""

    def __init__(self, work: Callable[[T], Awaitable[None]]) -> None:
        self._work = work
        self._wanted: list[T] = []
        self._idle = asyncio.Event()
        self._idle.set()

    async def ask(self, request: T) -> None:
        """Run the work for a request, unless a later one replaces it first, and return when nothing is left to do.

        Raises what the work raises, to whoever's turn runs it.
        """
        self._wanted = [request]
        while not self._idle.is_set():
            await self._idle.wait()
        if not self._wanted:
            return
        self._idle.clear()
        try:
            while self._wanted:
                await self._work(self._wanted.pop())
        finally:
            self._idle.set()
