"""Bring a database to this code's schema, and check whether code and database fit.

A migration file is `NNNN_name.sql` and starts with `-- oldest code: N`: the oldest schema version whose code may still
run once it is applied. Expand now, contract in a later release: code refuses only a database that has moved past it.

Old code keeps selling while new code migrates, so no migration may hold a lock for long:

- Its statements wait at most LOCK_SECONDS for a lock, because later statements queue behind them, and take at most
  HOLD_SECONDS together, because they hold the locks that they have; then they are rolled back and retried.
- Indexes of tables that may be large go after a line `-- concurrently`, each as
  `CREATE INDEX CONCURRENTLY IF NOT EXISTS`, and after them `DROP INDEX CONCURRENTLY IF EXISTS` for those they replace.
  An index of an expression needs `ANALYZE` in between: what the planner knows of the expression is dropped with the
  old one. A constraint that was added as NOT VALID is checked there too: `ALTER TABLE … VALIDATE CONSTRAINT`.
- A statement that fills or rewrites rows goes after a line `-- backfill`. It does one batch: $1 is where the last batch
  ended ('' at first), $2 the number of rows at most; it returns where this batch ended, or null if nothing is left.

database/schema_backfills.py does both after the migration. The code of the same release must work before they are done;
a migration that needs them done belongs in a later release.
"""

from __future__ import annotations

import asyncio
import logging
import re
from dataclasses import dataclass
from functools import cache
from time import monotonic

import asyncpg

from checkout_daemon.backoff import locking_tables
from checkout_daemon.database import partitions
from checkout_daemon.database.neighbours import our_relations
from checkout_daemon.database.pool import direct_connection
from checkout_daemon.database.queries import sql, sql_folder
from checkout_daemon.errors import CannotMigrate, ConfigurationError, NotPermitted, SchemaMismatch
from checkout_daemon.urls import schema_of

log = logging.getLogger(__name__)

# Any constant that all daemons agree on.
_LOCK_KEY = 0x636865636B6F7574

LOCK_SECONDS = 0.05
"""How long a migration's statement may wait for a lock: other statements on the table queue behind it meanwhile."""
HOLD_SECONDS = 0.08
"""How long a migration's statements may take together at first. After each try that took longer, the next may take
HOLD_GROWTH times as long, so that a slow machine gets there, too."""
HOLD_GROWTH = 1.5
_VACUUM_SECONDS = 3.0
"""How long to wait for vacuums. A vacuum that was started automatically gives way after deadlock_timeout, a second."""
_GIVE_UP_SECONDS = 120.0

INDEXES = "indexes"
"""The position of a migration in schema_backfills while its indexes are not built."""
_MADE = re.compile(r"^CREATE TABLE (\w+)", re.MULTILINE)
_CONCURRENTLY, _BACKFILL = "\n-- concurrently\n", "\n-- backfill\n"


@dataclass(frozen=True, slots=True)
class Migration:
    """One migration. `indexes` are built after it, one by one; `backfill` is the statement for one batch, or None."""

    version: int
    name: str
    oldest_code: int
    statements: str
    indexes: tuple[str, ...]
    backfill: str | None

    @property
    def first_place(self) -> str | None:
        """Return the position at which its remaining work begins, or None if nothing remains."""
        return INDEXES if self.indexes else "" if self.backfill is not None else None


@dataclass(frozen=True, slots=True)
class SchemaState:
    """The database's schema version (0: empty), and the oldest code that may still run on it.

    `elsewhere`: if it is empty, the schemas that have tables of this program, where the search path does not lead.
    """

    version: int
    oldest_code: int
    elsewhere: tuple[str, ...] = ()

    def check(self, code: int) -> None:
        """Raise SchemaMismatch unless code of schema version `code` may run on this database."""
        if self.version < code:
            raise SchemaMismatch(
                f"the database has schema version {self.version}, this code needs {code}: run `checkout db migrate`"
            )
        if self.oldest_code > code:
            raise SchemaMismatch(
                f"the database has moved to schema version {self.version}, which needs code of version "
                f"{self.oldest_code} or newer; this is {code}: install the newer release"
            )


@cache
def all_migrations() -> tuple[Migration, ...]:
    """Return every migration, oldest first."""
    found = []
    for path in (sql_folder() / "migrations").glob("*.sql"):
        version, _, name = path.stem.partition("_")
        text = path.read_text(encoding="utf-8")
        first_line = text.partition("\n")[0]
        text, _, backfill = text.partition(_BACKFILL)
        statements, _, indexes = text.partition(_CONCURRENTLY)
        statements = statements.rstrip() + "\n"
        found.append(
            Migration(
                int(version),
                name,
                int(first_line.removeprefix("-- oldest code:")),
                statements + "SELECT",  # asyncpg fails on a text of comments alone
                tuple(index.strip() for index in indexes.split(";") if index.strip()),
                backfill.strip().rstrip(";") or None,
            )
        )
    return tuple(sorted(found, key=lambda migration: migration.version))


def code_version() -> int:
    """Return the schema version that this code was written for."""
    return all_migrations()[-1].version


async def read_state(connection: asyncpg.Connection) -> SchemaState:
    """Return the state of the database's schema."""
    if not await connection.fetchval(sql("schema_exists")):
        elsewhere = tuple(row["schema"] for row in await connection.fetch(sql("schemas_elsewhere")))
        return SchemaState(0, 0, elsewhere)
    (row,) = await connection.fetch(sql("schema_state"))
    return SchemaState(row["version"], row["oldest_code"])


async def migrate(database_url: str) -> list[int]:
    """Apply the missing migrations and return their versions. Many daemons may call it at once: each one runs once.

    A new database gets schema.sql as a whole; an older one gets each migration in its own transaction, with its
    version. schema_backfills.finish does the rest. Raise SchemaMismatch if a lock could not be acquired for minutes,
    NotPermitted if the user may not change the schema, CannotMigrate if a statement fails, ConfigurationError for
    another encoding than UTF-8, and as Database does.
    """
    applied: list[int] = []
    try:
        async with direct_connection(database_url) as connection:
            schema = schema_of(database_url)
            if schema is not None:
                await _make_schema(connection, schema)
            else:
                refuse_misled(await read_state(connection), await connection.fetchval(sql("current_schema")))
            while versions := await _next_step(connection):
                applied += versions
            await partitions.ensure_partitions(connection)
    except asyncpg.InsufficientPrivilegeError as error:
        raise NotPermitted(f"the database user may not change the schema: {error}") from error
    except (asyncpg.DuplicateTableError, asyncpg.DuplicateFunctionError) as error:
        raise CannotMigrate(
            f"the schema could not be brought up to date: {error}, which another program has made: give the shop a "
            "schema of its own with CHECKOUT_DATABASE_SCHEMA=checkout"
        ) from error
    except asyncpg.PostgresError as error:
        raise CannotMigrate(f"the schema could not be brought up to date: {error}") from error
    return applied


async def _make_schema(connection: asyncpg.Connection, schema: str) -> None:
    """Make the schema that the URL names unless it exists, which takes the right to create schemas."""
    async with connection.transaction():
        await connection.execute(sql("lock_migrations"), _LOCK_KEY)
        if not await connection.fetchval(sql("has_schema"), schema):
            await connection.execute(f'CREATE SCHEMA "{schema}"')


def refuse_misled(state: SchemaState, current: str | None) -> None:
    """Raise SchemaMismatch if new tables would be made in `public` although another schema has those of a shop.

    Then the setting or the search path of this user was forgotten, as a rule.
    """
    if current == "public" and state.elsewhere:
        raise SchemaMismatch(misled(state))


def misled(state: SchemaState) -> str:
    """Return in words that the tables are in another schema than the search path names."""
    names = ", ".join(state.elsewhere)
    return (
        f"the shop's tables are in the schema {names}, which is not on the search path of this connection: set "
        f"CHECKOUT_DATABASE_SCHEMA={state.elsewhere[0]} (or CHECKOUT_DATABASE_SCHEMA=public for a new shop there)"
    )


async def _next_step(connection: asyncpg.Connection) -> list[int]:
    """Apply the next migration, retrying while its locks are refused. Return its versions, [] if none is missing."""
    give_up_at = monotonic() + _GIVE_UP_SECONDS
    pauses = locking_tables()
    refused = False
    hold_seconds = HOLD_SECONDS
    while True:
        try:
            async with connection.transaction():
                if refused:
                    await _end_vacuums(connection)
                return await _apply_next(connection, hold_seconds)
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError, TimeoutError) as error:
            if monotonic() >= give_up_at:
                raise SchemaMismatch(
                    "the schema could not be changed: its tables were in use for minutes. End long transactions and "
                    "vacuums (pg_stat_activity shows them) and run `checkout db migrate`"
                ) from error
            if isinstance(error, TimeoutError):
                hold_seconds *= HOLD_GROWTH
            refused = True
            pause = pauses.next()
            log.info("a migration would hold up others for too long, and is retried in %.1f s", pause)
        await asyncio.sleep(pause)


async def _end_vacuums(connection: asyncpg.Connection) -> None:
    """Make automatic vacuums of our tables give way, and keep new ones off until the transaction ends.

    A vacuum gives way to a transaction that waits for its table for longer than LOCK_SECONDS. This lock is one that no
    statement of a shop waits for.
    """
    await connection.execute(sql("lock_migrations"), _LOCK_KEY)
    await connection.execute(sql("limit_lock_waits"), str(int(_VACUUM_SECONDS * 1000)))
    await connection.execute(sql("lock_against_vacuums"))


async def _apply_next(connection: asyncpg.Connection, hold_seconds: float) -> list[int]:
    await connection.execute(sql("lock_migrations"), _LOCK_KEY)
    state = await read_state(connection)
    missing = [migration for migration in all_migrations() if migration.version > state.version]
    if not missing:
        return []
    if state.version == 0:
        if (encoding := await connection.fetchval(sql("encoding"))) != "UTF8":
            raise ConfigurationError(
                f"the database has the encoding {encoding}, and this program needs UTF8: make one with "
                "`createdb --encoding=UTF8 --template=template0 NAME`"
            )
        await connection.execute((sql_folder() / "schema.sql").read_text("utf-8"))
        step = missing
    else:
        step = missing[:1]
        await connection.execute(sql("limit_lock_waits"), str(int(LOCK_SECONDS * 1000)))
        await connection.execute(step[0].statements, timeout=hold_seconds)
        made = _MADE.findall(step[0].statements)
        for row in await connection.fetch(sql("rights_to_extend"), made, sorted(our_relations())):
            await connection.execute(row["statement"])
        if (place := step[0].first_place) is not None:
            await connection.execute(sql("make_backfills"))
            await connection.execute(sql("begin_backfill"), step[0].version, place)
    for migration in step:
        await connection.execute(sql("record_migration"), migration.version, migration.name, migration.oldest_code)
    return [migration.version for migration in step]
