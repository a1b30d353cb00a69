"""Brings a database to this code's schema, and tells whether code and database fit.

A migration file is `NNNN_name.sql` and starts with `-- oldest code: N`: the oldest schema version whose code may still
run once it is applied. Expand now, contract in a later release: code refuses only a database that has moved past it.

Old code goes on selling while new code migrates, so no migration may hold a lock for long:

- Its statements wait at most LOCK_SECONDS for a lock, because whoever comes after them waits behind them; then they
  are rolled back and tried again.
- Indexes of tables that may be large stand after a line `-- concurrently`, each a
  `CREATE INDEX CONCURRENTLY IF NOT EXISTS`.
- What fills or rewrites rows stands after a line `-- backfill`: one statement that does a batch. $1 is where the last
  batch ended ('' at first), $2 the most rows; it answers where this one ends, or null when nothing is left.

Both are done after the migration by store/backfills.py. The code of the same release must bear that they are not done
yet, and a migration that needs them done belongs into a later one.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from time import monotonic

import asyncpg

from checkout_daemon.backoff import locking_tables
from checkout_daemon.errors import SchemaMismatch
from checkout_daemon.store import payloads
from checkout_daemon.store.database import direct_connection
from checkout_daemon.store.queries import sql

log = logging.getLogger(__name__)

# Any constant will do; all daemons must agree on it.
_LOCK_KEY = 0x636865636B6F7574

LOCK_SECONDS = 0.05
"""How long a migration's statements may make everybody else wait for a lock they wait for themselves."""
_GIVE_UP_SECONDS = 120.0

INDEXES = "indexes"
"""The place of a migration in schema_backfills while its indexes are not built."""
_CONCURRENTLY, _BACKFILL = "\n-- concurrently\n", "\n-- backfill\n"


@dataclass(frozen=True, slots=True)
class Migration:
    """`indexes` are built afterwards, one by one; `backfill`: the statement that does one batch, or None."""

    version: int
    name: str
    oldest_code: int
    statements: str
    indexes: tuple[str, ...]
    backfill: str | None

    @property
    def first_place(self) -> str | None:
        """Return where what it leaves for later begins, or None if it leaves nothing."""
        return INDEXES if self.indexes else "" if self.backfill is not None else None


@dataclass(frozen=True, slots=True)
class SchemaState:
    """What the database says of itself: its version (0 = empty), and the oldest code it still bears."""

    version: int
    oldest_code: int

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
    found = []
    for path in files("checkout_daemon.sql").joinpath("migrations").iterdir():
        if path.name.endswith(".sql"):
            version, _, name = path.name.removesuffix(".sql").partition("_")
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
                    statements + "SELECT",  # asyncpg fails on what is all comment
                    tuple(each.strip() for each in indexes.split(";") if each.strip()),
                    backfill.strip().rstrip(";") or None,
                )
            )
    return tuple(sorted(found, key=lambda migration: migration.version))


def code_version() -> int:
    """The schema version this code was written for."""
    return all_migrations()[-1].version


async def read_state(connection: asyncpg.Connection) -> SchemaState:
    try:
        (row,) = await connection.fetch(sql("schema_state"))
    except asyncpg.UndefinedTableError:
        return SchemaState(0, 0)
    return SchemaState(row["version"], row["oldest_code"])


async def migrate(database_url: str) -> list[int]:
    """Apply what is missing; the versions applied. Ten daemons may call it at once: each migration runs once.

    A new database gets schema.sql whole; an older one each migration in a transaction of its own, with its version.
    What that leaves to do is for backfills.finish. Raises SchemaMismatch where a lock could not be had for minutes.
    """
    applied: list[int] = []
    async with direct_connection(database_url) as connection:
        while versions := await _next_step(connection):
            applied += versions
        await payloads.ensure_partitions(connection)
    return applied


async def _next_step(connection: asyncpg.Connection) -> list[int]:
    """Apply the next migration, however often its locks are refused; the versions it brought, [] when all are there."""
    give_up_at = monotonic() + _GIVE_UP_SECONDS
    pauses = locking_tables()
    while True:
        try:
            async with connection.transaction():
                return await _apply_next(connection)
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError) as error:
            if monotonic() >= give_up_at:
                raise SchemaMismatch(
                    "the schema could not be changed: its tables were in use all the time. End long transactions "
                    "(pg_stat_activity shows them) and run `checkout db migrate`"
                ) from error
            pause = pauses.next()
            log.info("a migration waits for a table that is in use, and is tried again in %.1f s", pause)
        await asyncio.sleep(pause)


async def _apply_next(connection: asyncpg.Connection) -> list[int]:
    await connection.execute(sql("lock_migrations"), _LOCK_KEY)
    state = await read_state_in_transaction(connection)
    missing = [each for each in all_migrations() if each.version > state.version]
    if not missing:
        return []
    if state.version == 0:
        await connection.execute(files("checkout_daemon.sql").joinpath("schema.sql").read_text("utf-8"))
        step = missing
    else:
        step = missing[:1]
        await connection.execute(sql("limit_lock_waits"), str(int(LOCK_SECONDS * 1000)))
        await connection.execute(step[0].statements)
        if (place := step[0].first_place) is not None:
            await connection.execute(sql("make_backfills"))
            await connection.execute(sql("begin_backfill"), step[0].version, place)
    for each in step:
        await connection.execute(sql("record_migration"), each.version, each.name, each.oldest_code)
    return [each.version for each in step]


async def read_state_in_transaction(connection: asyncpg.Connection) -> SchemaState:
    """As read_state, without an error that would end the transaction."""
    if not await connection.fetchval(sql("schema_exists")):
        return SchemaState(0, 0)
    return await read_state(connection)
