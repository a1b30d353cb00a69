"""A migration that takes long with its locks lets others pass, and is tried again."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import asyncpg
import pytest

from checkout_daemon.database import migrations
from checkout_daemon.database.migrations import Migration, all_migrations, code_version, migrate

# It finds its work done once the table is there, and would hold the lock for longer than anybody waits before that.
SLOW_AT_FIRST = """
LOCK TABLE orders IN ACCESS EXCLUSIVE MODE;
SELECT pg_sleep(CASE WHEN to_regclass('passed') IS NULL THEN 600 ELSE 0 END);
SELECT"""
HELD = """
SELECT EXISTS (SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = database AND datname = current_database()
               WHERE relation = 'orders'::regclass AND mode = 'AccessExclusiveLock' AND granted)
"""


async def test_who_waits_for_a_slow_migration_passes(
    database_url: str, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = replace(
        all_migrations()[-1],
        version=code_version() + 1,
        name="slow",
        statements=SLOW_AT_FIRST,
        indexes=(),
        backfill=None,
    )
    known: tuple[Migration, ...] = (*all_migrations(), slow)
    monkeypatch.setattr(migrations, "all_migrations", lambda: known)
    migrating = asyncio.create_task(migrate(database_url))
    async with asyncio.timeout(60):
        while not await connection.fetchval(HELD):
            assert not migrating.done()
            await asyncio.sleep(0.005)
    await connection.execute("SET lock_timeout = '20s'")
    await connection.fetchval("SELECT count(*) FROM orders")
    await connection.execute("CREATE TABLE passed ()")
    assert await migrating == [slow.version]
    await connection.execute("DROP TABLE passed")
