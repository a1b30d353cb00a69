"""Listen to what PostgreSQL announces with NOTIFY, on a connection of our own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import asyncpg

from checkout_daemon.database.away import unavailable_when_away
from checkout_daemon.database.connection import PLANNER, settle, use_schema
from checkout_daemon.database.hosts import connect, hosts_of
from checkout_daemon.database.pool import turned_read_only
from checkout_daemon.database.poolers import require_session
from checkout_daemon.errors import DatabaseUnavailable
from checkout_daemon.urls import schema_of

# A server that no longer answers must not keep us from the one that took over.
_STATEMENT_SECONDS = 10.0


@asynccontextmanager
async def listening(url: str, channel: str) -> AsyncIterator[tuple[asyncpg.Connection, asyncio.Event]]:
    """Yield a connection of our own, and an event that is set when there is news or the connection is lost.

    `url` must be direct, because LISTEN does not pass a pooler. Raise DatabaseUnavailable, and ConfigurationError for a
    transaction pooler.
    """
    news = asyncio.Event()

    def notice(*_: Any) -> None:
        news.set()

    with unavailable_when_away():
        connection = await connect(url, command_timeout=_STATEMENT_SECONDS)
    try:
        with unavailable_when_away():
            connection.add_termination_listener(notice)
            if not await settle(connection, PLANNER):
                await require_session(connection, partial(connect, url, statement_cache_size=0))
                await use_schema(connection, schema_of(url))
            await connection.add_listener(channel, notice)
        yield connection, news
    finally:
        connection.terminate()


def check_still_primary(connection: asyncpg.Connection, url: str) -> None:
    """Raise DatabaseUnavailable if the server was demoted and there are other hosts: no news will come from it."""
    if turned_read_only(connection) and len(hosts_of(url)) > 1:
        raise DatabaseUnavailable("the database server has become read-only: another host takes over")


async def wait(news: asyncio.Event, seconds: float) -> None:
    """Wait until the event is set, at most for `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            await news.wait()
    except TimeoutError:
        return
