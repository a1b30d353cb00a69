"""Migrations while the shop is running: no lock is held for long, and rows are filled later, once and completely."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from checkout_daemon.database import schema_backfills
from checkout_daemon.database.migrations import INDEXES, all_migrations, code_version, migrate, read_state
from checkout_daemon.database.schema_backfills import finish, unfinished
from checkout_daemon.errors import DatabaseUnavailable
from tests.support.cluster import Cluster
from tests.support.old_schemas import make_schema
from tests.support.waiting import until

OLD = 8  # the last version before order_texts
ORDERS = 2500


class Killed(BaseException):
    """The process is gone: nobody handles this."""


COLUMNS = (
    "INSERT INTO orders (id, currency, amount_subtotal, amount_discount, amount_total, customer_name, customer_email,"
    " customer_phone, livemode)"
)
MAKE = f"{COLUMNS} VALUES (gen_random_uuid(), 'eur', 1, 0, 1, 'Zoë', 'new@example.com', '+1', false)"


@pytest.fixture
async def old_url(cluster: Cluster) -> AsyncIterator[str]:
    """Yield a database of an older release, with orders."""
    url = cluster.take_empty()
    connection = await asyncpg.connect(url)
    await make_schema(connection, OLD)
    await connection.execute(
        f"{COLUMNS} SELECT gen_random_uuid(), 'eur', 1, 0, 1, 'Ada ' || n, 'ada' || n || '@example.com', '+1', false"
        f" FROM generate_series(1, {ORDERS}) AS n"
    )
    await connection.close()
    yield url
    cluster.give_back(url)


@pytest.fixture
async def shop(old_url: str) -> AsyncIterator[asyncpg.Connection]:
    """Yield the connection of a daemon of the older release, which does not wait for locks."""
    connection = await asyncpg.connect(old_url)
    await connection.execute("SET lock_timeout = '500ms'")
    yield connection
    await connection.close()


async def without_text(connection: asyncpg.Connection) -> int:
    missing: int = await connection.fetchval(
        "SELECT count(*) FROM orders LEFT JOIN order_texts ON order_id = id"
        " WHERE text IS DISTINCT FROM"
        " search_form(concat_ws(E'\\n', customer_name, customer_email, customer_phone, discount_code))"
    )
    return missing


async def test_orders_are_placed_while_rows_are_filled(old_url: str, shop: asyncpg.Connection) -> None:
    await migrate(old_url)
    state = await read_state(shop)
    assert state.version == code_version()
    assert await unfinished(shop) > 0
    holder = await asyncpg.connect(old_url)
    # A batch is in progress while this transaction is open.
    async with holder.transaction():
        await holder.execute("SELECT FROM schema_backfills FOR UPDATE")
        filling = asyncio.create_task(finish(old_url, batch_rows=100))
        for _ in range(20):
            await shop.execute(MAKE)
            await shop.execute("UPDATE orders SET customer_email = 'b@example.com' WHERE number = 1003")
    await filling
    await holder.close()
    assert await unfinished(shop) == 0
    assert await without_text(shop) == 0


async def test_the_next_run_continues_where_a_killed_one_stopped(old_url: str, shop: asyncpg.Connection) -> None:
    await migrate(old_url)
    filling = asyncio.create_task(finish(old_url, batch_rows=10))

    async def some_are_filled() -> bool:
        return bool(await shop.fetchval("SELECT count(*) > 20 FROM order_texts"))

    await until(some_are_filled)
    filling.cancel()
    await asyncio.gather(filling, return_exceptions=True)
    assert await unfinished(shop) > 0
    filled = await shop.fetchval("SELECT count(*) FROM order_texts")
    assert filled < ORDERS
    await asyncio.gather(*(finish(old_url) for _ in range(4)))
    assert await unfinished(shop) == 0
    assert await without_text(shop) == 0


async def test_a_migration_that_waits_for_a_table_blocks_nobody(old_url: str, shop: asyncpg.Connection) -> None:
    """A long transaction locks orders: statements queued behind a waiting ALTER TABLE would wait too."""
    long = await asyncpg.connect(old_url)
    async with long.transaction():
        await long.execute(MAKE)
        migrating = asyncio.create_task(migrate(old_url))

        async def waiting() -> bool:
            return bool(await shop.fetchval("SELECT count(*) > 0 FROM pg_locks WHERE NOT granted"))

        await until(waiting)
        for _ in range(50):
            await shop.execute(MAKE)
            await asyncio.sleep(0.01)
        assert not migrating.done()
    await migrating
    await long.close()
    assert (await read_state(shop)).version == code_version()


async def test_a_broken_index_is_built_again(old_url: str, shop: asyncpg.Connection) -> None:
    await migrate(old_url)
    # A killed build leaves such an index.
    await shop.execute("CREATE INDEX order_changes_by_time ON order_changes USING brin (at)")
    await shop.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'order_changes_by_time'::regclass")
    await finish(old_url)
    assert await shop.fetchval("SELECT bool_and(indisvalid) FROM pg_index WHERE indrelid = 'order_changes'::regclass")
    assert await unfinished(shop) == 0


async def test_an_index_is_replaced_once_the_new_one_is_built(old_url: str, shop: asyncpg.Connection) -> None:
    await migrate(old_url)
    assert await shop.fetchval("SELECT to_regclass('stripe_events_unhappy') IS NOT NULL")
    await finish(old_url)
    assert await shop.fetchval("SELECT to_regclass('stripe_events_unhappy') IS NULL")
    assert await shop.fetchval("SELECT indisvalid FROM pg_index WHERE indexrelid = 'stripe_events_unapplied'::regclass")


@pytest.mark.parametrize("backfill", [None, "SELECT NULL::text WHERE $1::text IS NOT NULL AND $2::int > 0"])
async def test_a_process_may_be_killed_after_each_statement(
    backfill: str | None, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it was killed once the indexes of a migration without rows to fill were built, the next one had no end."""
    building = ("CREATE INDEX CONCURRENTLY IF NOT EXISTS notes_by_test ON orders (currency)", "ANALYZE orders")
    migration = replace(all_migrations()[-1], version=9001, indexes=building, backfill=backfill)
    monkeypatch.setattr(schema_backfills, "all_migrations", lambda: [migration])
    connection = await asyncpg.connect(database_url)
    execute, loop = asyncpg.Connection.execute, asyncio.get_running_loop()
    left = 0

    async def dying(self: asyncpg.Connection, *arguments: Any) -> str:
        nonlocal left
        done: str = await execute(self, *arguments)
        if asyncio.get_running_loop() is not loop:  # the tests' cluster, which makes databases in a thread of its own
            return done
        left -= 1
        if left == 0:
            await self.close()
            raise Killed
        return done

    killed = 0
    while True:
        await connection.execute("INSERT INTO schema_backfills (version, position) VALUES (9001, $1)", INDEXES)
        left = killed + 1
        with monkeypatch.context() as patched:
            patched.setattr(asyncpg.Connection, "execute", dying)
            try:
                await finish(database_url)
            except (Killed, DatabaseUnavailable):
                killed += 1
        if left > 0:
            break
        async with asyncio.timeout(20):
            await finish(database_url)
        assert await unfinished(connection) == 0
        await connection.execute("DROP INDEX notes_by_test")
    assert killed >= len(building) + 1
    await connection.close()


async def test_what_an_earlier_release_left_without_an_end_is_ended(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    version = next(migration.version for migration in all_migrations() if migration.indexes and not migration.backfill)
    await connection.execute("INSERT INTO schema_backfills (version, position) VALUES ($1, '')", version)
    async with asyncio.timeout(20):
        await finish(database_url)
    assert await unfinished(connection) == 0
    await connection.close()


async def test_rows_that_a_newer_release_fills_are_left_to_it(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute("INSERT INTO schema_backfills (version, position) VALUES (9999, '')")
    await finish(database_url)
    assert await unfinished(connection) == 1
    await connection.close()


def test_no_migration_since_builds_an_index_of_a_large_table_under_its_lock() -> None:
    large = ("orders", "order_items", "order_changes", "stripe_events", "links", "payments", "checkout_sessions")
    faults = [
        (migration.version, line)
        for migration in all_migrations()[1:]
        for line in migration.statements.splitlines()
        if line.startswith(("CREATE INDEX", "CREATE UNIQUE INDEX")) and any(f" ON {table} " in line for table in large)
    ]
    assert faults == []
