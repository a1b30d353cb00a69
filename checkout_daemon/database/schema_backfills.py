"""Finish migrations while the shop keeps selling: build indexes concurrently, and fill rows in batches.

Any number of processes may do this at once. The table schema_backfills has a row for each unfinished migration, so the
next process continues where a killed one stopped.
"""

from __future__ import annotations

import asyncio
import re

import asyncpg

from checkout_daemon.database.migrations import INDEXES, Migration, all_migrations
from checkout_daemon.database.pool import direct_connection
from checkout_daemon.database.queries import sql

BATCH_ROWS = 1000
_INDEX_LOCK_KEY = 0x636865636B6F7575
_LOOK_AGAIN_SECONDS = 0.5
_INDEX_NAME = re.compile(
    r"CREATE (?:UNIQUE )?INDEX CONCURRENTLY IF NOT EXISTS (\w+) |DROP INDEX CONCURRENTLY IF EXISTS (\w+)$|ANALYZE \w+$"
    r"|ALTER TABLE \w+ VALIDATE CONSTRAINT \w+$"
)


async def finish(database_url: str, *, batch_rows: int = BATCH_ROWS) -> None:
    """Finish all migrations. `database_url` must not lead through a pooler."""
    async with direct_connection(database_url) as connection:
        while await _do_next(connection, batch_rows):
            pass


async def unfinished(connection: asyncpg.Connection) -> int:
    """Return how many migrations are unfinished."""
    count: int = await connection.fetchval(sql("count_backfills"))
    return count


async def _do_next(connection: asyncpg.Connection, rows: int) -> bool:
    """Do the next step. Return False if nothing is left, or only work that a newer release knows."""
    found = await connection.fetchrow(sql("oldest_backfill"))
    migration = None if found is None else _migration(found["version"])
    if found is None or migration is None:
        return False
    if found["position"] == INDEXES:
        return await _build_indexes(connection, migration)
    return await _fill_batch(connection, migration, rows)


async def _build_indexes(connection: asyncpg.Connection, migration: Migration) -> bool:
    """Build a migration's indexes, and drop those that they replace, unless another process does.

    No transaction may be open: a concurrent build waits for all of them.
    """
    if not await connection.fetchval(sql("try_index_lock"), _INDEX_LOCK_KEY):
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)
        return True
    try:
        for statement in migration.indexes:
            named = _INDEX_NAME.match(statement)
            assert named is not None, statement
            if named[1] and await connection.fetchval(sql("index_is_broken"), named[1]):  # its build was interrupted
                await connection.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {named[1]}")
            await connection.execute(statement)
        if migration.backfill is None:
            await connection.execute(sql("end_backfill"), migration.version)
        else:
            await connection.execute(sql("end_indexes"), migration.version, INDEXES)
    finally:
        if not connection.is_closed():
            await connection.execute(sql("release_index_lock"), _INDEX_LOCK_KEY)
    return True


async def _fill_batch(connection: asyncpg.Connection, migration: Migration, rows: int) -> bool:
    """Do one batch and record where it ended, in one transaction. Return True: there may be a next step."""
    async with connection.transaction():
        found = await connection.fetchrow(sql("lock_backfill"), migration.version)
        if found is None:  # another process did the last batch
            return True
        position = None  # also where an earlier release was killed once it had built the indexes, with no rows to fill
        if migration.backfill is not None:
            position = await connection.fetchval(migration.backfill, found["position"], rows)
        if position is None:
            await connection.execute(sql("end_backfill"), migration.version)
        else:
            await connection.execute(sql("move_backfill"), migration.version, position)
    return True


def _migration(version: int) -> Migration | None:
    return next((migration for migration in all_migrations() if migration.version == version), None)
