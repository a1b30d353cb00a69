"""Move the shop's tables to another schema of the same database, in one transaction."""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg

from checkout_daemon.database.neighbours import our_functions, our_relations
from checkout_daemon.database.pool import direct_connection
from checkout_daemon.database.queries import sql
from checkout_daemon.errors import ConfigurationError, NotPermitted
from checkout_daemon.urls import SCHEMA_NAME


@dataclass(frozen=True, slots=True)
class SchemaMove:
    """From which schema to which the tables move, and the statements that do it; none if they are there."""

    source: str
    target: str
    statements: tuple[str, ...]


async def move_schema(database_url: str, target: str, *, dry_run: bool = False) -> SchemaMove:
    """Move all tables, views and functions of the shop, with their rows and rights, or nothing.

    Daemons must be stopped: they look in the old schema. Raise ConfigurationError for an invalid name, or that of a
    schema with tables of these names, and NotPermitted if the user does not own the tables or may not create a schema.
    """
    if not SCHEMA_NAME.fullmatch(target):
        raise ConfigurationError(f"{target!r} cannot be a schema: use small letters, digits and _, as in shop_one")
    async with direct_connection(database_url) as connection:
        source: str = await connection.fetchval(sql("our_schema"))
        relations, functions = sorted(our_relations()), sorted(our_functions())
        if source == target:
            return SchemaMove(source, target, ())
        if not await connection.fetchval(sql("is_free_schema"), target, relations):
            raise ConfigurationError(f"schema {target} has tables with the names of ours: choose another name")
        rows = await connection.fetch(sql("moving_statements"), source, target, relations, functions)
        found = (f'CREATE SCHEMA IF NOT EXISTS "{target}"', *(row["statement"] for row in rows))
        if not dry_run:
            try:
                async with connection.transaction():
                    await connection.execute(sql("bound_lock_waits"))
                    for statement in found:
                        await connection.execute(statement)
            except asyncpg.InsufficientPrivilegeError as error:
                raise NotPermitted(f"the database user may not do this: {error}; nothing was changed") from error
    return SchemaMove(source, target, found)
