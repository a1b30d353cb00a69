"""The schema for operators: create it, migrate it, compare it with this program."""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg

from checkout_daemon.database import migrations, schema_backfills
from checkout_daemon.database.pool import Database
from checkout_daemon.errors import NotPermitted, SchemaMismatch
from checkout_daemon.runtime import Runtime


@dataclass(frozen=True, slots=True)
class SchemaReport:
    """The versions of the database's schema (0: none), of this code's schema, and of the oldest code that may run."""

    version: int
    code_version: int
    oldest_code: int
    fits: bool


async def read_schema(database: Database) -> SchemaReport:
    """Return the versions, and whether database and code fit."""
    state, code = await _read_state(database), migrations.code_version()
    try:
        state.check(code)
    except SchemaMismatch:
        return SchemaReport(state.version, code, state.oldest_code, fits=False)
    return SchemaReport(state.version, code, state.oldest_code, fits=True)


async def check_schema(database: Database) -> None:
    """Raise SchemaMismatch, with what to do, if database and code do not fit."""
    require_schema(await _read_state(database))


def require_schema(state: migrations.SchemaState) -> None:
    """Raise SchemaMismatch, with what to do, unless this code may run on a database in this state."""
    if state.elsewhere:
        raise SchemaMismatch(migrations.misled(state))
    if state.version == 0:
        raise SchemaMismatch("the database has no schema yet: run `checkout db init`")
    state.check(migrations.code_version())


async def finish_migrations(runtime: Runtime) -> int:
    """Run the backfills that migrations left for later, and return how many migrations had some left."""
    async with runtime.database.connection() as connection:
        left = await schema_backfills.unfinished(connection)
    if left:
        settings = runtime.settings
        await schema_backfills.finish(settings.database_listen_url or settings.require_database_url())
    return left


async def migrate(url: str) -> list[int]:
    """Apply the missing migrations and their backfills, and return the versions applied.

    Raise DatabaseUnavailable, and NotPermitted if the user may not change the schema.
    """
    try:
        applied = await migrations.migrate(url)
        await schema_backfills.finish(url)
    except asyncpg.InsufficientPrivilegeError as error:
        raise NotPermitted(f"the database user may not change the schema: {error}") from error
    return applied


async def _read_state(database: Database) -> migrations.SchemaState:
    async with database.connection() as connection:
        return await migrations.read_state(connection)
