"""A server that opens no more connections: those that exist are shared, and only the late are refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import asyncpg
import pytest

from checkout_daemon.database import pool
from checkout_daemon.database.pool import Database
from checkout_daemon.errors import DatabaseUnavailable

LIMIT = 2


@pytest.fixture
async def crowded(database_url: str) -> AsyncIterator[str]:
    """A URL whose user may have two connections."""
    admin = await asyncpg.connect(database_url)
    parts = urlsplit(database_url)
    role = f"crowded_{parts.path[1:]}"
    await admin.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'p' CONNECTION LIMIT {LIMIT}")
    yield f"postgresql://{role}:p@{parts.hostname}:{parts.port}{parts.path}"
    await admin.execute(f"DROP ROLE {role}")
    await admin.close()


async def work(connection: asyncpg.Connection) -> int:
    answer: int = await connection.fetchval("SELECT 1 FROM pg_sleep(0.02)")
    return answer


async def test_requests_share_the_connections_that_there_are(crowded: str) -> None:
    database = Database(crowded, max_size=10)
    try:
        for _ in range(2):
            assert await asyncio.gather(*(database.run_statement(work) for _ in range(40))) == [1] * 40
        assert database.usage() == (LIMIT, LIMIT)
    finally:
        await database.close()


async def test_who_gets_no_connection_in_time_is_refused(crowded: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "ACQUIRE_TIMEOUT_SECONDS", 6.0)
    taken = [await asyncpg.connect(crowded) for _ in range(LIMIT)]
    database = Database(crowded, max_size=10)
    try:
        refused = await asyncio.gather(*(database.run_statement(work) for _ in range(5)), return_exceptions=True)
        assert {type(refusal) for refusal in refused} == {DatabaseUnavailable}
        assert "too many connections" in str(refused[0])
        await taken[0].close()
        assert await asyncio.gather(*(database.run_statement(work) for _ in range(5))) == [1] * 5
    finally:
        await database.close()
        await taken[1].close()
