"""The catalog in memory: it is read once, and a change shows at once, or a second later if nobody hears of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from time import monotonic

import asyncpg
import pytest

from checkout_daemon.catalog import memory as catalog_memory
from checkout_daemon.catalog.cart import Product
from checkout_daemon.catalog.catalog import import_catalog
from checkout_daemon.catalog.discount_store import upsert_discounts
from checkout_daemon.catalog.memory import TRUST_SECONDS, CatalogMemory, CatalogSnapshot
from checkout_daemon.catalog.pricing import Discount
from checkout_daemon.catalog.product_store import upsert_products
from checkout_daemon.database.pool import Database
from checkout_daemon.errors import DatabaseUnavailable
from checkout_daemon.patience import SHOPPER_SECONDS, within
from tests.support.databases import closed_to_new_connections
from tests.support.replication import primary_and_standby
from tests.support.waiting import until

PEN = Product("PEN", "Pen", "It writes.", None, 1000, "eur", True)
INK = Product("INK", "Ink", "", "/ink.webp", 350, "eur", False)
TEN = Discount("TEN", Decimal(10), None, None, 0, None, None, None)
FOR_EVER = 3600.0
DEARER = "UPDATE products SET unit_amount = unit_amount + 1 WHERE sku = 'PEN'"

Write = Callable[..., Awaitable[str]]


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, max_size=10)
    async with database.transaction() as connection:
        await upsert_products(connection, [PEN, INK])
        await upsert_discounts(connection, [TEN])
    yield database
    await database.close()


@pytest.fixture
async def write(database_url: str, database: Database) -> AsyncIterator[Write]:
    """Execute a statement on a connection that knows nothing of the memory, as an operator's psql does."""
    connection = await asyncpg.connect(database_url)
    yield connection.execute
    await connection.close()


@pytest.fixture
def only_news(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trust what is held until a change is heard of."""
    monkeypatch.setattr(catalog_memory, "TRUST_SECONDS", FOR_EVER)


@asynccontextmanager
async def following(memory: CatalogMemory, url: str) -> AsyncIterator[None]:
    """Follow the changes, and wait until they are heard."""
    held = await memory.read()
    task = asyncio.create_task(memory.follow(url))
    await until(lambda: memory._lapses > 0)
    assert await memory.read() is held
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def price(memory: CatalogMemory) -> int:
    return (await memory.read()).products["PEN"].unit_amount


async def test_it_holds_all_products_in_display_order_and_all_discounts(database: Database, write: Write) -> None:
    await write("UPDATE products SET position = 99 WHERE sku = 'PEN'")
    snapshot = await CatalogMemory(database).read()
    assert list(snapshot.products.values()) == [INK, PEN]
    assert snapshot.discounts == {"TEN": TEN}


@pytest.mark.usefixtures("only_news")
@pytest.mark.parametrize(
    "change",
    [
        DEARER,
        "INSERT INTO products (sku, name, unit_amount, currency) VALUES ('MAP', 'Map', 900, 'eur')",
        "DELETE FROM products WHERE sku = 'INK'",
        "UPDATE products SET position = 1 - position",
        "TRUNCATE products",
        "UPDATE discounts SET ends_at = now() WHERE code = 'TEN'",
        "INSERT INTO discounts (code, percent_off) VALUES ('HALF', 50)",
        "DELETE FROM discounts",
        "TRUNCATE discounts",
        "BEGIN; SAVEPOINT a; DELETE FROM products; ROLLBACK TO a; UPDATE products SET name = 'Quill'; COMMIT",
    ],
)
async def test_any_change_by_anybody_is_heard(database: Database, database_url: str, write: Write, change: str) -> None:
    memory = CatalogMemory(database)
    async with following(memory, database_url):
        before = await memory.read()
        await write(change)
        await until(lambda: _differs(memory, before.state))


async def _differs(memory: CatalogMemory, state: str) -> bool:
    return (await memory.read()).state != state


@pytest.mark.usefixtures("only_news")
async def test_an_import_is_heard_by_every_process(database: Database, database_url: str) -> None:
    one, other = CatalogMemory(database), CatalogMemory(database)
    async with following(one, database_url), following(other, database_url):
        await import_catalog(database, [replace(PEN, unit_amount=5)], [])

        async def both() -> bool:
            return (await price(one), await price(other)) == (5, 5)

        await until(both)


@pytest.mark.usefixtures("only_news")
async def test_nothing_is_read_again_while_nothing_changes(database: Database, database_url: str, write: Write) -> None:
    memory = CatalogMemory(database)
    async with following(memory, database_url):
        held = await memory.read()
        await write("UPDATE products SET name = name WHERE false")  # announced, like every statement
        await until(lambda: memory._trusted_until == 0)
        assert await memory.read() is held
        async with database.transaction() as connection:
            await connection.execute("LOCK TABLE products, discounts")  # a query would wait
            async with asyncio.timeout(10):
                assert [await memory.read() for _ in range(100)] == [held] * 100


async def test_a_change_that_nobody_announces_shows_within_a_second(database: Database, write: Write) -> None:
    memory = CatalogMemory(database)
    assert await price(memory) == 1000
    await write("ALTER TABLE products DISABLE TRIGGER products_announced")
    await write(DEARER)
    changed = monotonic()
    while (started := monotonic()) and await price(memory) == 1000:
        assert started - changed <= TRUST_SECONDS
        await asyncio.sleep(0.01)


@pytest.mark.usefixtures("only_news")
async def test_a_lost_connection_ends_the_trust_and_so_does_a_new_one(
    database: Database, database_url: str, write: Write
) -> None:
    memory = CatalogMemory(database)
    async with following(memory, database_url):
        held = await memory.read()
        async with closed_to_new_connections(database_url) as admin:
            await admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND query ILIKE '%now()%'",
                database_url.rpartition("/")[2],
            )
            await until(lambda: memory._trusted_until == 0)
            assert await memory.read() is held  # the pool still has its connection
            await write(DEARER)
        await until(lambda: _is(memory, 1001))
        await write(DEARER)
        await until(lambda: _is(memory, 1002))


async def _is(memory: CatalogMemory, amount: int) -> bool:
    return await price(memory) == amount


@pytest.mark.usefixtures("only_news")
async def test_callers_share_a_check_but_not_one_that_began_before_a_change(database: Database) -> None:
    memory = CatalogMemory(database)
    async with database.transaction() as connection:
        await connection.execute("LOCK TABLE products")
        readers = [asyncio.create_task(memory.read()) for _ in range(20)]
        await until(lambda: _are_waiting(connection, 1))
        memory.lapse()
        readers += [asyncio.create_task(memory.read()) for _ in range(20)]
        await until(lambda: _are_waiting(connection, 2))
    await asyncio.gather(*readers)
    assert len({id(reader.result()) for reader in readers}) == 2


async def _are_waiting(connection: asyncpg.Connection, number: int) -> bool:
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'products'::regclass"
    return bool(await connection.fetchval(waiting) == number)


async def test_a_caller_that_waits_less_than_others_does_not_end_the_check_that_it_began(database: Database) -> None:
    memory = CatalogMemory(database)

    async def read(seconds: float) -> CatalogSnapshot:
        with within(seconds):
            return await memory.read()

    async with database.transaction() as connection:
        await connection.execute("LOCK TABLE products")
        page = asyncio.create_task(read(0.5))
        await until(lambda: _are_waiting(connection, 1))
        shopper = asyncio.create_task(read(SHOPPER_SECONDS))
        with pytest.raises(DatabaseUnavailable, match="no answer in time"):
            await page
        assert not shopper.done()
    assert (await shopper).products["PEN"].unit_amount == 1000


@pytest.mark.usefixtures("only_news")
async def test_a_check_that_a_change_overtook_is_not_trusted(database: Database, write: Write) -> None:
    memory = CatalogMemory(database)
    async with database.transaction() as connection:
        await connection.execute("LOCK TABLE products")
        reading = asyncio.create_task(memory.read())
        await until(lambda: _are_waiting(connection, 1))
        memory.lapse()
    assert (await reading).products["PEN"].unit_amount == 1000
    await write(DEARER)
    assert await price(memory) == 1001


async def test_without_a_database_there_is_no_catalog() -> None:
    memory = CatalogMemory(Database("postgresql://nobody@127.0.0.1:9/nothing"))
    with pytest.raises(DatabaseUnavailable):
        await memory.read()


@pytest.mark.usefixtures("only_news")
async def test_after_a_failover_the_catalog_is_that_of_the_new_primary(state_dir: Path) -> None:
    async with primary_and_standby(state_dir) as (primary, standby):
        await primary.run("INSERT INTO products (sku, name, unit_amount, currency) VALUES ('PEN', 'Pen', 1000, 'eur')")
        url = f"postgresql://checkout@{primary.address},{standby.address}/checkout"
        database = Database(url)
        memory = CatalogMemory(database)
        async with following(memory, url):
            assert await price(memory) == 1000
            await primary.kill()
            await standby.promote()
            await standby.run("ALTER SYSTEM SET synchronous_standby_names = ''", "SELECT pg_reload_conf()")
            await standby.run(DEARER)

            async def moved() -> bool:
                try:
                    return await price(memory) == 1001
                except DatabaseUnavailable:
                    return False

            await until(moved)
            await standby.run(DEARER)
            await until(lambda: _is(memory, 1002))
        await database.close()
