"""Read what only shows something from a standby, so that lists and exports cost the primary nothing.

A standby is a moment behind, and may be away. What we have changed ourselves is waited for, for a moment; if it does
not appear, or no standby answers, the primary is read. Nothing here may be the base of an answer or a change.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Protocol

import asyncpg

from checkout_daemon.database.away import AWAY, describe
from checkout_daemon.database.pool import Database
from checkout_daemon.database.queries import sql
from checkout_daemon.errors import DatabaseUnavailable

WORTH_SHOWING_SECONDS = 1.0
"""A standby that is this far behind is mentioned."""
_LONGEST_WAIT_SECONDS = 1.0
_LOOK_AGAIN_SECONDS = 0.02
# A standby that did not answer is left alone for this long.
_AVOIDED_SECONDS = 5.0


class Readable(Protocol):
    """Whatever lends connections to read with: a Database, or Reads."""

    def connection(self) -> AbstractAsyncContextManager[asyncpg.Connection]:
        """Borrow a connection. Raise DatabaseUnavailable."""
        ...


class Reads:
    """Lends connections to the standby, or to the primary while there is no standby to read from.

    `behind_seconds`: how far the standby was behind at the last look, None while the primary is read. `trouble`: why
    the primary is read although there should be a standby.
    """

    def __init__(self, primary: Database, standby: Database | None = None) -> None:
        self.behind_seconds: float | None = None
        self.trouble: str | None = None
        self._primary = primary
        self._standby = standby
        self._awaited: str | None = None
        self._avoided_until = 0.0

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """Borrow a connection. Raise DatabaseUnavailable if it goes away during the block."""
        async with AsyncExitStack() as stack:
            connection = await self._of_standby(stack)
            if connection is None:
                yield await stack.enter_async_context(self._primary.connection())
                return
            try:
                yield connection
            except asyncpg.SerializationError as error:  # the primary has removed rows that this query still needs
                self._avoid("it had to cancel the query")
                raise DatabaseUnavailable("the standby canceled the query: ask again") from error
            except DatabaseUnavailable as error:
                self._avoid(error.detail)
                raise

    async def await_changes(self) -> None:
        """Have later reads show what has been changed until now, by whomever. Never raise."""
        if self._standby is None:
            return
        try:
            async with self._primary.connection() as connection:
                self._awaited = await connection.fetchval(sql("last_change"))
        except DatabaseUnavailable:
            return  # nothing can be changed either

    @property
    def remark(self) -> str | None:
        """A sentence for the operator if the reads were not simply current, or None."""
        if self.trouble is not None:
            return f"Read from the primary: the standby is not used, {self.trouble}."
        if self.behind_seconds is not None and self.behind_seconds > WORTH_SHOWING_SECONDS:
            return f"Read from a standby that is {self.behind_seconds:.0f} s behind."
        return None

    async def _of_standby(self, stack: AsyncExitStack) -> asyncpg.Connection | None:
        """Return a connection to the standby once it has what is awaited, or None."""
        loop = asyncio.get_running_loop()
        if self._standby is None or loop.time() < self._avoided_until:
            return None
        trying = await stack.enter_async_context(AsyncExitStack())
        try:
            connection: asyncpg.Connection = await trying.enter_async_context(self._standby.connection())
            end = loop.time() + _LONGEST_WAIT_SECONDS
            while True:
                (row,) = await connection.fetch(sql("how_far_behind"), self._awaited)
                if row["has_awaited"]:
                    self.behind_seconds, self.trouble = row["seconds"], None
                    return connection
                if loop.time() > end:
                    break
                await asyncio.sleep(_LOOK_AGAIN_SECONDS)
        except (DatabaseUnavailable, *AWAY) as error:
            self._avoid(error.detail if isinstance(error, DatabaseUnavailable) else describe(error))
        else:
            self.behind_seconds, self.trouble = None, "it has not got the latest changes yet"
        await trying.aclose()
        return None

    def _avoid(self, why: str) -> None:
        self._avoided_until = asyncio.get_running_loop().time() + _AVOIDED_SECONDS
        self.behind_seconds, self.trouble = None, why
