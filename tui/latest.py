"""Work that is asked for more often than it can be done: one at a time, and only the last that was asked for.

Not by cancelling: a query that is cancelled on its way costs the database a connection.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Latest(Generic[T]):
    def __init__(self, work: Callable[[T], Awaitable[None]]) -> None:
        self._work = work
        self._wanted: list[T] = []
        self._busy = False

    async def ask(self, what: T) -> None:
        """Do it, unless something else is asked for before its turn comes. Raises what the work raises."""
        self._wanted = [what]
        if self._busy:
            return
        self._busy = True
        try:
            while self._wanted:
                await self._work(self._wanted.pop())
        finally:
            self._busy = False
