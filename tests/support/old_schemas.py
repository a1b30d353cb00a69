"""Databases of older releases."""

from __future__ import annotations

import asyncpg

from checkout_daemon.database.migrations import all_migrations


async def make_schema(connection: asyncpg.Connection, version: int) -> None:
    """Make the schema of a version in an empty database, as its release left it."""
    await connection.execute(
        "CREATE TABLE schema_migrations (version integer PRIMARY KEY, name text NOT NULL,"
        " oldest_code integer NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
    )
    for migration in all_migrations():
        if migration.version > version:
            break
        for statement in (migration.statements, *migration.indexes):
            await connection.execute(statement)
        await connection.execute(
            "INSERT INTO schema_migrations (version, name, oldest_code) VALUES ($1, $2, $3)",
            *(migration.version, migration.name, migration.oldest_code),
        )
