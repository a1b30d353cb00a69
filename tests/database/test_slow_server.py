"""A block that takes too long costs its own connection; the others stay while the server answers them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from checkout_daemon.database.pool import Database
from checkout_daemon.errors import DatabaseUnavailable

LIMIT_SECONDS = 1.0


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, max_size=2, block_timeout_seconds=LIMIT_SECONDS)
    yield database
    await database.close()


async def server_process(database: Database) -> int:
    async with database.connection() as connection:
        pid: int = await connection.fetchval("SELECT pg_backend_pid()")
        return pid


async def sleep_too_long(database: Database) -> None:
    async with database.connection() as connection:
        await connection.execute("SELECT pg_sleep(30)")


async def test_connections_that_are_answered_stay_open(database: Database) -> None:
    slow = asyncio.create_task(sleep_too_long(database))
    await asyncio.sleep(0)
    processes = set()
    while not slow.done():
        processes.add(await server_process(database))
    with pytest.raises(DatabaseUnavailable):
        await slow
    processes.add(await server_process(database))
    assert len(processes) == 1


async def test_connections_are_opened_anew_if_none_is_answered(database: Database) -> None:
    first = await server_process(database)
    results = await asyncio.gather(*(sleep_too_long(database) for _ in range(2)), return_exceptions=True)
    assert [type(result) for result in results] == [DatabaseUnavailable] * 2
    assert await server_process(database) != first
