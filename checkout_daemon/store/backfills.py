"""What a migration leaves for later, so that orders go on meanwhile: indexes built beside them, rows filled in batches.

Any number of processes may do it at once, and one that is killed is followed where it stopped: the table
schema_backfills has a row for each migration that is not done.
"""

from __future__ import annotations

import asyncio
import re

import asyncpg

from checkout_daemon.store.database import direct_connection
from checkout_daemon.store.migrations import INDEXES, Migration, all_migrations
from checkout_daemon.store.queries import sql

BATCH_ROWS = 1000
_INDEX_LOCK_KEY = 0x636865636B6F7575
_LOOK_AGAIN_SECONDS = 0.5
_INDEX_NAME = re.compile(r"CREATE (?:UNIQUE )?INDEX CONCURRENTLY IF NOT EXISTS (\w+) ")


async def finish(database_url: str, *, batch_rows: int = BATCH_ROWS) -> None:
    """Do all that migrations have left to do. `database_url`: direct, past any pooler."""
    async with direct_connection(database_url) as connection:
        while await _do_next(connection, batch_rows):
            pass


async def unfinished(connection: asyncpg.Connection) -> int:
    """Return how many migrations are not done."""
    count: int = await connection.fetchval(sql("count_backfills"))
    return count


async def _do_next(connection: asyncpg.Connection, rows: int) -> bool:
    """Do the next step; False when nothing is left, or only what a newer release knows how to do."""
    found = await connection.fetchrow(sql("oldest_backfill"))
    migration = None if found is None else _migration(found["version"])
    if found is None or migration is None:
        return False
    if found["position"] == INDEXES:
        return await _build_indexes(connection, migration)
    return await _fill_batch(connection, migration, rows)


async def _build_indexes(connection: asyncpg.Connection, migration: Migration) -> bool:
    """Build a migration's indexes, unless another process is at it. No transaction may be open: builds wait for all."""
    if not await connection.fetchval(sql("try_index_lock"), _INDEX_LOCK_KEY):
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)
        return True
    try:
        for statement in migration.indexes:
            named = _INDEX_NAME.match(statement)
            assert named is not None, statement
            if await connection.fetchval(sql("index_is_broken"), named[1]):  # its build was interrupted
                await connection.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {named[1]}")
            await connection.execute(statement)
        await connection.execute(sql("end_indexes"), migration.version, INDEXES)
        if migration.backfill is None:
            await connection.execute(sql("end_backfill"), migration.version)
    finally:
        if not connection.is_closed():
            await connection.execute(sql("release_index_lock"), _INDEX_LOCK_KEY)
    return True


async def _fill_batch(connection: asyncpg.Connection, migration: Migration, rows: int) -> bool:
    """Do one batch and note where it ended, in one transaction."""
    async with connection.transaction():
        found = await connection.fetchrow(sql("lock_backfill"), migration.version)
        if found is not None and migration.backfill is not None:  # else another process has done the last one
            position = await connection.fetchval(migration.backfill, found["position"], rows)
            if position is None:
                await connection.execute(sql("end_backfill"), migration.version)
            else:
                await connection.execute(sql("move_backfill"), migration.version, position)
    return True


def _migration(version: int) -> Migration | None:
    return next((each for each in all_migrations() if each.version == version), None)
