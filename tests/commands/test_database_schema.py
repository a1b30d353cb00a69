"""CHECKOUT_DATABASE_SCHEMA: our tables in a schema of their own, beside anybody's tables of the same names."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import asyncpg
import pytest

from checkout_daemon.database.connection import PooledConnection
from checkout_daemon.database.listening import listening, wait
from checkout_daemon.database.migrations import migrate
from checkout_daemon.database.pool import Database, direct_connection
from checkout_daemon.errors import ConfigurationError
from checkout_daemon.operations.backups import leave_out_newer_settings
from checkout_daemon.orders.order_numbers import newest_numbers
from checkout_daemon.settings import load_settings
from checkout_daemon.urls import schema_of, split_password, with_schema, without_schema
from tests.commands.conftest import Run, go
from tests.support.cluster import Cluster
from tests.support.orders import add_expired_order, add_order

THEIRS = (
    "CREATE TABLE orders (note text)",
    "INSERT INTO orders VALUES ('theirs')",
    "CREATE TABLE schema_migrations (version varchar PRIMARY KEY)",
    "INSERT INTO schema_migrations VALUES ('20260101')",
    "CREATE FUNCTION trigrams(text) RETURNS text LANGUAGE sql AS 'SELECT $1'",
)
LEFT = "SELECT name FROM pg_settings WHERE source = 'session'"


async def execute(url: str, *statements: str) -> Any:
    connection = await asyncpg.connect(without_schema(url))
    try:
        for statement in statements:
            found = await connection.fetch(statement)
        return found
    finally:
        await connection.close()


async def theirs(url: str) -> tuple[object, ...]:
    """Return everything that the neighbour has in public."""
    notes = [row["note"] for row in await execute(url, "SELECT note FROM public.orders")]
    versions = [row["version"] for row in await execute(url, "SELECT version FROM public.schema_migrations")]
    (function,) = await execute(url, "SELECT public.trigrams('x') AS found")
    (objects,) = await execute(
        url,
        "SELECT count(*) AS found FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'S')",
    )
    return notes, versions, function["found"], objects["found"]


@pytest.fixture
def empty_database(cluster: Cluster) -> Iterator[str]:
    url = cluster.take_empty()
    yield url
    cluster.give_back(url)


@pytest.fixture
def run(run_bare: Run, environment: pytest.MonkeyPatch, empty_database: str) -> Run:
    environment.setenv("DATABASE_URL", empty_database)
    environment.setenv("CHECKOUT_DATABASE_SCHEMA", "shop_one")
    return run_bare


def test_a_neighbours_tables_of_the_same_names_stay_as_they_are(run: Run, empty_database: str, tmp_path: Path) -> None:
    go(execute(empty_database, *THEIRS))
    before = go(theirs(empty_database))
    assert run("db", "init").code == 0
    assert run("db", "status").code == 0
    url = with_schema(empty_database, "shop_one")

    async def add() -> str:
        async with direct_connection(url) as connection:
            return await add_expired_order(connection)

    order_id = go(add())
    file = tmp_path / "shop.dump"
    assert run("db", "backup", file).code == 0
    go(add())
    restored = run("db", "restore", file, "--yes")
    assert restored.code == 0, restored.err
    assert [line["id"] for line in run("orders", "list", "--json").lines] == [order_id]
    erased = run("orders", "erase", order_id, "--yes")
    assert erased.code == 0, erased.err
    assert run("db", "migrate").code == 0
    roles = run("db", "roles")
    assert "GRANT USAGE ON SCHEMA shop_one" in roles.out
    assert "public." not in roles.out
    (check,) = [line for line in run("doctor", "--only", "schema", "--json").lines if line["check"] == "schema"]
    assert check["ok"] is True
    assert go(theirs(empty_database)) == before

    go(execute(empty_database, "DROP SCHEMA shop_one CASCADE"))
    into_nothing = run("db", "restore", file, "--yes")
    assert into_nothing.code == 0, into_nothing.err
    assert (
        "The database was empty: if the daemon has a user of its own, run `checkout db roles --apply`"
        in into_nothing.err
    )
    assert len(run("orders", "list", "--json").lines) == 1
    assert go(theirs(empty_database)) == before


@pytest.mark.parametrize("schema", ["user", "default"])
def test_the_schema_may_have_the_name_of_a_word_of_sql(
    run: Run, environment: pytest.MonkeyPatch, empty_database: str, schema: str, tmp_path: Path
) -> None:
    environment.setenv("CHECKOUT_DATABASE_SCHEMA", schema)
    made = run("db", "init")
    assert made.code == 0, made.err
    file = tmp_path / "shop.dump"
    assert run("db", "backup", file).code == 0
    go(execute(empty_database, f'DROP SCHEMA "{schema}" CASCADE'))
    restored = run("db", "restore", file, "--yes")
    assert restored.code == 0, restored.err
    assert run("orders", "list", "--json").lines == []


def test_without_it_a_neighbours_table_is_named_with_the_setting_that_helps(
    run: Run, empty_database: str, environment: pytest.MonkeyPatch
) -> None:
    go(execute(empty_database, *THEIRS))
    before = go(theirs(empty_database))
    environment.delenv("CHECKOUT_DATABASE_SCHEMA")
    refused = run("db", "init")
    assert (refused.code, "CHECKOUT_DATABASE_SCHEMA=checkout" in refused.err) == (1, True)
    assert go(theirs(empty_database)) == before


def test_a_forgotten_setting_makes_no_second_shop(
    run: Run,
    empty_database: str,
    environment: pytest.MonkeyPatch,
) -> None:
    assert run("db", "init").code == 0
    environment.delenv("CHECKOUT_DATABASE_SCHEMA")
    with pytest.raises(asyncpg.UndefinedTableError):  # why it is no default: docs/adr/0011
        go(execute(empty_database, "SELECT count(*) FROM orders"))
    refused = run("db", "migrate")
    assert (refused.code, "set CHECKOUT_DATABASE_SCHEMA=shop_one" in refused.err) == (1, True)
    assert "CHECKOUT_DATABASE_SCHEMA=shop_one" in run("orders", "list").err
    (check,) = [line for line in run("doctor", "--only", "schema", "--json").lines if line["check"] == "schema"]
    assert (check["ok"], "not on the search path" in check["detail"]) == (False, True)
    assert check["fix"] == "export CHECKOUT_DATABASE_SCHEMA=shop_one"
    assert go(execute(empty_database, "SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace")) == []
    environment.setenv("CHECKOUT_DATABASE_SCHEMA", "public")  # a second shop is asked for
    assert run("db", "init").code == 0


def test_a_backup_of_another_schema_is_refused(
    run: Run,
    empty_database: str,
    tmp_path: Path,
    environment: pytest.MonkeyPatch,
) -> None:
    assert run("db", "init").code == 0
    file = tmp_path / "shop.dump"
    assert run("db", "backup", file).code == 0
    environment.setenv("CHECKOUT_DATABASE_SCHEMA", "other")
    assert run("db", "init").code == 0
    refused = run("db", "restore", file, "--yes")
    assert (refused.code, "set CHECKOUT_DATABASE_SCHEMA=shop_one" in refused.err) == (1, True)


def test_a_script_of_newer_programs_is_one_for_older_servers(tmp_path: Path) -> None:
    script = tmp_path / "script.sql"
    script.write_text("SET lock_timeout = 0;\nSET transaction_timeout = 0;\nSELECT 1;\n")
    leave_out_newer_settings(script)
    assert script.read_text().split() == ["SET", "lock_timeout", "=", "0;", "SELECT", "1;"]


def pooled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PooledConnection, "get_server_pid", lambda _: 1, raising=False)
    monkeypatch.setattr(asyncpg.Connection, "get_server_pid", lambda _: 1)


@pytest.mark.parametrize(("schema", "known"), [("shop_one", True), ("shop_one", False), ("default", True)])
async def test_a_pooler_keeps_nothing_of_it_for_others(
    empty_database: str, monkeypatch: pytest.MonkeyPatch, schema: str, *, known: bool
) -> None:
    await execute(empty_database, *THEIRS)
    url = with_schema(empty_database, schema)
    await migrate(url)
    async with direct_connection(url) as connection:
        order_id = await add_order(connection)
        number = await connection.fetchval("SELECT number FROM orders")
    pooled(monkeypatch)
    database = Database(url, max_size=1, pooler=known)
    try:

        async def ids(connection: asyncpg.Connection) -> list[str]:
            return [str(row["id"]) for row in await connection.fetch("SELECT id FROM orders")]

        for run in (database.run, database.run_unconfirmed, database.run_statement):
            assert await run(ids) == [order_id]
        async with database.connection() as connection:
            assert await connection.fetchval("SELECT current_schema()") == schema
            past: Any = PooledConnection
            left = await past._execute(cast("Any", connection)._con, LEFT, (), 0, None)
            assert [row["name"] for row in left] == []
        assert database.pooler
    finally:
        await database.close()
    assert (await newest_numbers(url, str(number), 5))[0][0] == number


async def test_what_listens_hears_and_finds_our_tables(empty_database: str) -> None:
    url = with_schema(empty_database, "shop_one")
    await migrate(url)
    async with listening(url, "checkout_catalog") as (connection, news):
        assert await connection.fetchval("SELECT 'orders'::regclass::text") == "orders"
        async with direct_connection(url) as other:
            await other.execute(
                "INSERT INTO products (sku, name, unit_amount, currency) VALUES ('NOTE', 'Notebook', 1200, 'eur')"
            )
        await wait(news, 10)
        assert news.is_set()


async def test_daemons_that_start_at_once_make_it_once(empty_database: str) -> None:
    url = with_schema(empty_database, "shop_one")
    applied = await asyncio.gather(*(migrate(url) for _ in range(4)))
    assert sorted(map(len, applied))[:3] == [0, 0, 0]


def test_the_setting_reaches_every_address(tmp_path: Path) -> None:
    environ = {
        "DATABASE_URL": "postgresql://a:p%40ss@db1,db2/shop?sslmode=require&search_path=old",
        "DATABASE_LISTEN_URL": "postgresql:///shop",
        "DATABASE_READ_URL": "postgresql://db3/shop",
        "CHECKOUT_DATABASE_SCHEMA": "checkout",
    }
    settings = load_settings(environ, cwd=tmp_path)
    urls = (settings.database_url, settings.database_listen_url, settings.database_read_url)
    assert {schema_of(url or "") for url in urls} == {"checkout"}
    assert settings.database_url == "postgresql://a:p%40ss@db1,db2/shop?sslmode=require&search_path=checkout"
    assert split_password(settings.database_url) == ("postgresql://a@db1,db2/shop?sslmode=require", "p@ss")
    assert without_schema(settings.database_listen_url or "") == "postgresql:///shop"


@pytest.mark.parametrize("name", ["Shop", "pg_shop", "shop;", "a b", "1shop", '"x"', "a" * 64, "a,b"])
def test_a_name_that_needs_quotes_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="CHECKOUT_DATABASE_SCHEMA"):
        load_settings({"CHECKOUT_DATABASE_SCHEMA": name}, cwd=tmp_path)


def test_a_shop_in_public_moves_to_a_schema_of_its_own_with_its_rights(
    run_bare: Run, environment: pytest.MonkeyPatch, empty_database: str, tmp_path: Path
) -> None:
    environment.setenv("DATABASE_URL", empty_database)
    assert run_bare("db", "init").code == 0
    order_id = go(_order(empty_database))
    reader = f"reader_{order_id[:8]}"
    grants = f"CREATE ROLE {reader}; GRANT USAGE ON SCHEMA public TO {reader}; GRANT SELECT ON orders TO {reader}"
    go(execute(empty_database, "CREATE TABLE wordpress_posts (note text)", *grants.split("; ")))
    try:
        assert "SET SCHEMA shop_one" in run_bare("db", "move", "shop_one", "--dry-run").out
        refused = run_bare("db", "move", "shop_one")
        assert (refused.code, refused.out) == (2, "")
        assert run_bare("db", "move", "Not A Schema", "--yes").code == 2
        assert [line["id"] for line in run_bare("orders", "list", "--json").lines] == [order_id]

        moved = run_bare("db", "move", "shop_one", "--yes")
        assert moved.code == 0, moved.err
        assert "CHECKOUT_DATABASE_SCHEMA=shop_one" in moved.err
        assert "shop_one" in run_bare("db", "status").err + run_bare("orders", "list").err

        environment.setenv("CHECKOUT_DATABASE_SCHEMA", "shop_one")
        left = go(execute(empty_database, _LEFT_IN_PUBLIC))
        assert [row["relname"] for row in left] == ["wordpress_posts"]
        assert [line["id"] for line in run_bare("orders", "list", "--json").lines] == [order_id]
        assert go(_order(with_schema(empty_database, "shop_one"))) != order_id
        assert {line["number"] for line in run_bare("orders", "list", "--json").lines} == {1001, 1002}
        go(execute(with_schema(empty_database, "shop_one"), "SET search_path = ''", _PARTITIONS))
        for check in run_bare("doctor", "--only", "schema", "--only", "rights", "--json").lines:
            assert check["ok"] is True, check
        go(execute(empty_database, f"SET ROLE {reader}", "SELECT * FROM shop_one.orders"))
        assert "already" in run_bare("db", "move", "shop_one", "--yes").out
        file = tmp_path / "shop.dump"
        assert run_bare("db", "backup", file).code == 0
        assert run_bare("db", "restore", file, "--yes").code == 0
    finally:
        go(execute(empty_database, f"DROP OWNED BY {reader}", f"DROP ROLE {reader}"))


_LEFT_IN_PUBLIC = """SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT proname::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace"""
_PARTITIONS = "SELECT shop_one.ensure_payload_partitions(current_date + 400, 2)"


async def _order(url: str) -> str:
    async with direct_connection(url) as connection:
        return await add_order(connection)
