"""What is committed is announced at once; what is committed in the meantime shares the next notification."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from checkout_daemon.database.pool import Database
from checkout_daemon.patience import within


@pytest.fixture
async def heard(connection: asyncpg.Connection) -> asyncio.Queue[str]:
    found: asyncio.Queue[str] = asyncio.Queue()
    await connection.add_listener("news", lambda *args: found.put_nowait(args[2]))
    return found


async def test_each_is_heard_and_many_at_once_share_one(
    database_url: str, connection: asyncpg.Connection, heard: asyncio.Queue[str]
) -> None:
    database = Database(database_url)
    async with asyncio.timeout(30):
        for count in (1, 100):
            for _ in range(count):
                database.announce("news")
            assert await heard.get() == "news"
        database.announce("news")
        await database.close()  # sends what is owed
        assert await heard.get() == "news"
    await connection.fetchval("SELECT 1")  # brings all that was sent
    assert heard.empty()


async def test_it_is_sent_after_the_request_that_asked_for_it(database_url: str, heard: asyncio.Queue[str]) -> None:
    database = Database(database_url)
    with within(0.0):  # this request has no time left
        database.announce("news")
    async with asyncio.timeout(30):
        assert await heard.get() == "news"
    await database.close()


async def test_a_server_that_is_away_stops_nothing() -> None:
    database = Database("postgresql://checkout@127.0.0.1:1/checkout")
    database.announce("news")
    await database.close()
