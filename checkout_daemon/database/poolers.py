"""Find out whether a pooler lends us a connection of the server for one transaction at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg

from checkout_daemon.database.connection import is_alone
from checkout_daemon.errors import ConfigurationError

_SECONDS = 2.0

NOT_DIRECT = (
    "the database is reached through a transaction pooler, which supports neither LISTEN nor migrations: set "
    "DATABASE_LISTEN_URL to the same database without the pooler"
)


async def require_session(connection: asyncpg.Connection, again: Callable[[], Awaitable[asyncpg.Connection]]) -> None:
    """Raise ConfigurationError if the connection may use another process of the server for each transaction.

    `again` opens another connection to the same place, without a cache of statements. A pooler in session mode is as
    good as the server itself.
    """
    if not await is_alone(connection) and await _is_shared(again):
        raise ConfigurationError(NOT_DIRECT)


async def _is_shared(again: Callable[[], Awaitable[asyncpg.Connection]]) -> bool:
    opened: list[asyncpg.Connection] = []
    try:
        opened = [await again(), await again()]
        first, second = opened
        ours = await _process(first)
        async with second.transaction():  # a pooler gives it the process that was used last and is not busy
            if await _process(second) == ours:
                return True
            async with asyncio.timeout(_SECONDS):
                return await _process(first) != ours
    except TimeoutError:  # no process is left for the first, so that its own has been lent
        return True
    finally:
        for connection in opened:
            connection.terminate()


async def _process(connection: asyncpg.Connection) -> int:
    pid: int = await connection.fetchval("SELECT pg_backend_pid()")
    return pid
