"""Brings a database to this code's schema, and tells whether code and database fit.

A migration file is `NNNN_name.sql` and starts with `-- oldest code: N`: the oldest schema version whose code may still
run once it is applied. Expand now, contract in a later release: code refuses only a database that has moved past it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import asyncpg

from checkout_daemon.errors import SchemaMismatch
from checkout_daemon.store import payloads
from checkout_daemon.store.queries import sql

# Any constant will do; all daemons must agree on it.
_LOCK_KEY = 0x636865636B6F7574


@dataclass(frozen=True, slots=True)
class Migration:
    version: int
    name: str
    oldest_code: int
    statements: str


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
            found.append(Migration(int(version), name, int(first_line.removeprefix("-- oldest code:")), text))
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
    """
    connection: asyncpg.Connection = await asyncpg.connect(database_url, statement_cache_size=0, timeout=10)
    applied: list[int] = []
    try:
        while True:
            async with connection.transaction():
                await connection.execute(sql("lock_migrations"), _LOCK_KEY)
                state = await read_state_in_transaction(connection)
                missing = [each for each in all_migrations() if each.version > state.version]
                if not missing:
                    break
                if state.version == 0:
                    await connection.execute(files("checkout_daemon.sql").joinpath("schema.sql").read_text("utf-8"))
                    step = missing
                else:
                    step = missing[:1]
                    await connection.execute(step[0].statements)
                for each in step:
                    await connection.execute(sql("record_migration"), each.version, each.name, each.oldest_code)
                applied += [each.version for each in step]
        await payloads.ensure_partitions(connection)
    finally:
        await connection.close()
    return applied


async def read_state_in_transaction(connection: asyncpg.Connection) -> SchemaState:
    """As read_state, without an error that would end the transaction."""
    if not await connection.fetchval(sql("schema_exists")):
        return SchemaState(0, 0)
    return await read_state(connection)
