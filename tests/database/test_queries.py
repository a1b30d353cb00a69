"""The named statements are all used and all exist, and the view order_rows can grow while older code runs."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

import checkout_daemon
from checkout_daemon.database.pool import Database
from checkout_daemon.database.queries import all_queries
from checkout_daemon.orders.order_store import read_order
from tests.support.orders import add_order


def test_every_statement_is_used() -> None:
    texts = {node.value for node in _nodes() if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    assert set(all_queries()) - texts == set()


def test_every_statement_that_is_asked_for_exists() -> None:
    asked_for = {
        node.args[0].value
        for node in _nodes()
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "sql"
        and isinstance(node.args[0], ast.Constant)
    }
    assert len(asked_for) > 100
    assert asked_for - set(all_queries()) == set()


def test_a_statement_is_in_the_file_of_a_module_that_uses_it() -> None:
    package = Path(checkout_daemon.__file__).parent
    queries = package.parent / "sql" / "queries"
    strangers = []
    for path in sorted(queries.rglob("*.sql")):
        module = package / path.relative_to(queries).with_suffix(".py")
        assert module.exists(), f"{path} has no module"
        used = {node.value for node in ast.walk(ast.parse(module.read_text("utf-8"))) if isinstance(node, ast.Constant)}
        names = [block.partition("\n")[0].strip() for block in path.read_text("utf-8").split("-- name: ")[1:]]
        strangers += [name for name in names if name not in used]
    assert strangers == []


async def test_a_running_daemon_still_reads_orders_after_a_migration_adds_a_column(database_url: str) -> None:
    database = Database(database_url, max_size=1)
    async with database.connection() as connection:
        order_id = await add_order(connection)
    before = await database.run(read_order, order_id)
    migrating: asyncpg.Connection = await asyncpg.connect(database_url)
    view: str = await migrating.fetchval("SELECT pg_get_viewdef('order_rows')")
    await migrating.execute("ALTER TABLE orders ADD COLUMN gift boolean NOT NULL DEFAULT false")
    await migrating.execute(f"CREATE OR REPLACE VIEW order_rows AS {view.replace(' FROM', ', gift FROM')}")
    await migrating.close()
    after = await database.run(read_order, order_id)
    await database.close()
    assert before == after
    assert after is not None


async def test_a_role_reads_order_rows_exactly_if_it_may_read_orders(database_url: str) -> None:
    connection: asyncpg.Connection = await asyncpg.connect(database_url)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("CREATE ROLE reader; GRANT USAGE ON SCHEMA public TO reader; SET ROLE reader")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with connection.transaction():
            await connection.fetch("SELECT * FROM order_rows")
    await connection.execute("RESET ROLE; GRANT SELECT ON orders TO reader; SET ROLE reader")
    assert await connection.fetch("SELECT * FROM order_rows") == []
    await transaction.rollback()  # with the role
    await connection.close()


def _nodes() -> Iterator[ast.AST]:
    package = Path(checkout_daemon.__file__).parent
    for path in [*package.rglob("*.py"), *(package.parent / "tui").rglob("*.py")]:
        yield from ast.walk(ast.parse(path.read_text("utf-8")))
