"""Work requested faster than it can be done: one run at a time, and only the latest request counts.

Nothing is canceled: a query canceled half-way costs a database connection.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Latest(Generic[T]):
    """Runs `work` for the latest request."""

    def __init__(self, work: Callable[[T], Awaitable[None]]) -> None:
        self._work = work
        self._wanted: list[T] = []
        self._busy = False

    async def ask(self, request: T) -> None:
        """Run the work for a request, unless a later one replaces it first. Raises what the work raises."""
        self._wanted = [request]
        if self._busy:
            return
        self._busy = True
        try:
            while self._wanted:
                await self._work(self._wanted.pop())
        finally:
            self._busy = False
