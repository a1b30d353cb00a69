"""A database connection that notes how long each statement takes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg


class OneConnection:
    """A database with one connection, which notes the milliseconds of each statement."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self.taken: list[float] = []
        connection.add_query_logger(lambda query: self.taken.append(1000 * query.elapsed))

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """Lend the connection."""
        yield self._connection
