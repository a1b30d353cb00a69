"""What happens behind a transaction pooler. `make faults PARTS=pooler` runs a shop behind a real one."""

from __future__ import annotations

from itertools import count
from typing import Any, cast

import asyncpg
import pytest

from checkout_daemon.commands.running import with_database
from checkout_daemon.database import poolers
from checkout_daemon.database.connection import PooledConnection
from checkout_daemon.database.listening import listening
from checkout_daemon.database.pool import Database, direct_connection
from checkout_daemon.errors import ConfigurationError

OURS = "SELECT current_setting('enable_seqscan'), current_setting('jit'), current_setting('plan_cache_mode')"
LEFT = "SELECT name FROM pg_settings WHERE source = 'session'"
USE = "SELECT orders, $1::text[] FROM orders"  # asyncpg asks for the type of a whole row


@pytest.fixture
def pooled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every connection be greeted by a process id that is not the server's, as a pooler does."""
    monkeypatch.setattr(PooledConnection, "get_server_pid", lambda _: 1, raising=False)
    monkeypatch.setattr(asyncpg.Connection, "get_server_pid", lambda _: 1)


async def ours(connection: asyncpg.Connection) -> tuple[str, ...]:
    (row,) = await connection.fetch(OURS)
    return tuple(row)


async def left(database: Database) -> list[str]:
    """Return the settings that another client of the pooler would find."""
    async with database.connection() as connection:
        past: Any = PooledConnection
        return [row["name"] for row in await past._execute(cast("Any", connection)._con, LEFT, (), 0, None)]


@pytest.mark.parametrize("known", [True, False])
async def test_settings_hold_in_every_transaction_and_are_not_left_behind(
    database_url: str, pooled: None, known: bool
) -> None:
    database = Database(database_url, max_size=1, pooler=known, generic_plans=True)
    try:
        for run in (database.run, database.run_unconfirmed, database.run_statement):
            assert await run(ours) == ("off", "off", "force_generic_plan")
        async with database.connection() as connection:
            await connection.fetch(USE, ["a"])
            await connection.execute("SELECT 1")
            await connection.executemany("UPDATE orders SET status = $1 WHERE false", [("failed",)])
            async with connection.transaction(isolation="repeatable_read"):
                assert await ours(connection) == ("off", "off", "force_generic_plan")
        assert await left(database) == []
        assert database.pooler
    finally:
        await database.close()


async def test_without_a_pooler_the_session_keeps_them(database_url: str) -> None:
    database = Database(database_url, max_size=1)
    try:
        assert (await database.run_statement(ours))[:2] == ("off", "off")
        assert {"enable_seqscan", "jit"} <= set(await left(database))
        assert not database.pooler
    finally:
        await database.close()


async def test_a_pooler_in_session_mode_is_as_good_as_the_server(database_url: str, pooled: None) -> None:
    async with direct_connection(database_url) as connection:
        assert await connection.fetchval("SELECT 1") == 1
    async with listening(database_url, "anything") as (connection, _):
        assert await connection.fetchval("SELECT 1") == 1


async def test_listen_and_migrations_do_not_pass_a_transaction_pooler(
    database_url: str, pooled: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    processes = count()

    async def another(_: asyncpg.Connection) -> int:
        return next(processes)

    monkeypatch.setattr(poolers, "_process", another)
    with pytest.raises(ConfigurationError, match="set DATABASE_LISTEN_URL to the same database"):
        async with direct_connection(database_url):
            pass
    with pytest.raises(ConfigurationError, match="set DATABASE_LISTEN_URL to the same database"):
        async with listening(database_url, "anything"):
            pass


def test_a_command_finds_out_that_it_is_behind_a_pooler(
    database_url: str, pooled: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)

    async def ask(database: Database, _: object) -> tuple[str, ...]:
        async with database.connection() as connection:
            return await ours(connection)

    assert with_database(ask)[:2] == ("off", "off")
