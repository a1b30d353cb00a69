"""The schema: schema.sql and the migrations agree, every statement prepares, and code refuses what does not fit."""

from __future__ import annotations

import asyncio
import re
from importlib.resources import files

import asyncpg
import pytest

from checkout_daemon.database.migrations import SchemaState, all_migrations, code_version, migrate, read_state
from checkout_daemon.database.queries import all_queries
from checkout_daemon.dev.placement import find_account, find_binaries
from checkout_daemon.errors import SchemaMismatch
from tests.support.cluster import Cluster

# Partitions are named after the week in which they were created.
_WEEKS = re.compile(r"stripe_event_payloads_w\d{8}")


async def test_every_statement_prepares(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    faults = {}
    for name, statement in all_queries().items():
        try:
            await connection.prepare(statement)
        except asyncpg.PostgresError as error:
            faults[name] = str(error)
    await connection.close()
    assert faults == {}


async def test_ten_daemons_starting_at_once_apply_each_migration_once(cluster: Cluster) -> None:
    url = cluster.take_empty()
    applied = await asyncio.gather(*(migrate(url) for _ in range(10)))
    connection = await asyncpg.connect(url)
    state = await read_state(connection)
    await connection.close()
    cluster.give_back(url)
    assert sorted(version for versions in applied for version in versions) == [
        migration.version for migration in all_migrations()
    ]
    assert state.version == code_version()


async def test_the_migrations_end_in_the_schema(cluster: Cluster, database_url: str) -> None:
    url = cluster.take_empty()
    connection = await asyncpg.connect(url)
    await connection.execute(_migration_table())
    for migration in all_migrations():
        await connection.execute(migration.statements)
        for index in migration.indexes:
            await connection.execute(index)
    await connection.close()
    migrated, made_new = await _dump(url), await _dump(database_url)
    cluster.give_back(url)
    assert migrated == made_new


async def test_an_empty_database_has_version_0(cluster: Cluster) -> None:
    url = cluster.take_empty()
    connection = await asyncpg.connect(url)
    state = await read_state(connection)
    await connection.close()
    cluster.give_back(url)
    assert state == SchemaState(0, 0)


def test_code_refuses_a_database_that_is_behind_or_has_moved_past_it() -> None:
    SchemaState(version=5, oldest_code=3).check(3)
    with pytest.raises(SchemaMismatch, match="db migrate"):
        SchemaState(version=2, oldest_code=1).check(3)
    with pytest.raises(SchemaMismatch, match="newer release"):
        SchemaState(version=5, oldest_code=4).check(3)


def _migration_table() -> str:
    """Return the statement for the table of versions, which exists before any migration."""
    schema = files("checkout_daemon.sql").joinpath("schema.sql").read_text("utf-8")
    found = re.search(r"CREATE TABLE schema_migrations \(.*?\n\);", schema, re.DOTALL)
    assert found is not None
    return found[0]


async def _dump(url: str) -> list[str]:
    """Return the schema as pg_dump writes it, without the weekly partitions and what differs from run to run."""
    binaries = await find_binaries(find_account())
    process = await asyncio.create_subprocess_exec(
        binaries.directory / "pg_dump",
        "--schema-only",
        "--no-owner",
        "--exclude-table=stripe_event_payloads_w*",
        url,
        stdout=asyncio.subprocess.PIPE,
    )
    dump, _ = await process.communicate()
    assert process.returncode == 0
    lines = dump.decode().splitlines()
    return [line for line in lines if line and not line.startswith(("--", "\\")) and not _WEEKS.search(line)]
