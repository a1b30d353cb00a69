"""Feeds of changed orders: every change reaches the reader, however late its transaction commits; expired cursors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from random import Random

import asyncpg
import pytest

from checkout_daemon.database.pool import Database
from checkout_daemon.errors import InvalidRequest
from checkout_daemon.orders.order_feed import CursorExpired, OrderPage, page_of_changed, page_of_newest
from tests.support.orders import NOW, add_charge, add_order

HOUR = timedelta(hours=1)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, max_size=4)
    yield database
    await database.close()


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def change(connection: asyncpg.Connection, order_id: str, status: str = "completed") -> None:
    """Change an order and log it, as a merge does."""
    await connection.execute("UPDATE orders SET status = $2, updated_at = now() WHERE id = $1", order_id, status)
    await connection.execute(
        "INSERT INTO order_changes (order_id, to_status, cause, actor) VALUES ($1, $2, 'test', 'test')",
        order_id,
        status,
    )


async def changed_order(connection: asyncpg.Connection, status: str = "completed") -> str:
    order_id = await add_order(connection, status=status)
    await change(connection, order_id, status)
    return order_id


def ids(page: OrderPage) -> list[str]:
    return [sold.order.id for sold in page.orders]


async def read_all(
    database: Database, cursor: str | None, *, statuses: tuple[str, ...] = (), limit: int = 2
) -> tuple[list[str], str]:
    """Return the ids of all orders that changed since the cursor, and the cursor after them."""
    found: list[str] = []
    while True:
        page = await page_of_changed(database, cursor=cursor, statuses=statuses, limit=limit)
        found += ids(page)
        assert page.cursor is not None
        cursor = page.cursor
        if not page.has_more:
            return found, cursor


async def test_an_order_whose_transaction_commits_late_is_not_skipped(
    database: Database, database_url: str, connection: asyncpg.Connection
) -> None:
    late_id = await add_order(connection)
    late = await asyncpg.connect(database_url)
    transaction = late.transaction()
    await transaction.start()
    await change(late, late_id)  # its time and number are the first
    early_id = await changed_order(connection)
    found, cursor = await read_all(database, None)
    assert found == [early_id]
    await transaction.commit()
    found, cursor = await read_all(database, cursor)
    assert found == [late_id]
    assert (await read_all(database, cursor))[0] == []
    await late.close()


async def test_the_same_between_two_pages(
    database: Database, database_url: str, connection: asyncpg.Connection
) -> None:
    late_id = await add_order(connection)
    first, second = [await changed_order(connection) for _ in range(2)]
    late = await asyncpg.connect(database_url)
    transaction = late.transaction()
    await transaction.start()
    await change(late, late_id)
    page = await page_of_changed(database, limit=1)
    assert (ids(page), page.has_more) == ([first], True)
    await transaction.commit()
    await change(connection, first, "refunded")
    assert sorted((await read_all(database, page.cursor))[0]) == sorted([second, late_id, first])
    await late.close()


async def test_a_transaction_that_never_ends_holds_nobody_up(
    database: Database, database_url: str, connection: asyncpg.Connection
) -> None:
    stuck = await asyncpg.connect(database_url)
    transaction = stuck.transaction()
    await transaction.start()
    await add_order(stuck)
    cursor = None
    for _ in range(3):
        order_id = await changed_order(connection)
        found, cursor = await read_all(database, cursor)
        assert found == [order_id]
    await transaction.rollback()
    await stuck.close()


@pytest.mark.parametrize("seed", range(3))
async def test_with_concurrent_writers_the_reader_ends_with_the_state_of_every_order(
    database: Database, database_url: str, connection: asyncpg.Connection, seed: int
) -> None:
    rng = Random(seed)
    order_ids = [await changed_order(connection, "pending") for _ in range(12)]
    writing = asyncio.Event()

    async def write(number: int) -> None:
        own = await asyncpg.connect(database_url)
        plan = Random(seed * 10 + number)
        await writing.wait()
        for _ in range(15):
            async with own.transaction():
                for order_id in sorted(plan.sample(order_ids, 2)):  # in one sequence, as a merge locks them
                    await change(own, order_id, plan.choice(["completed", "refunded", "disputed"]))
                    await asyncio.sleep(plan.random() * 0.005)
        await own.close()

    known: dict[str, str] = {}
    cursor: str | None = None

    async def read() -> None:
        nonlocal cursor
        page = await page_of_changed(database, cursor=cursor, limit=rng.randint(1, 5))
        known.update({sold.order.id: sold.order.status for sold in page.orders})
        cursor = page.cursor

    writers = [asyncio.create_task(write(number)) for number in range(4)]
    writing.set()
    while not all(writer.done() for writer in writers):
        await read()
    await asyncio.gather(*writers)
    found, cursor = await read_all(database, cursor)
    rows = await connection.fetch("SELECT id::text, status FROM orders WHERE id = ANY($1::uuid[])", found)
    known.update({row["id"]: row["status"] for row in rows})
    expected = {row["id"]: row["status"] for row in await connection.fetch("SELECT id::text, status FROM orders")}
    assert known == expected


async def test_an_order_comes_once_in_a_span_with_items_and_charges_as_they_are_now(
    database: Database, connection: asyncpg.Connection
) -> None:
    order_id = await changed_order(connection, "pending")
    await change(connection, order_id, "completed")
    await connection.execute(
        "INSERT INTO order_items (order_id, position, sku, name, unit_amount, quantity, amount, amount_discount)"
        " VALUES ($1, 2, 'PEN', 'Pen', 50, 1, 50, 0), ($1, 1, 'NOTE', 'Notebook', 600, 2, 1200, 0)",
        order_id,
    )
    await add_charge(connection, order_id)
    (sold,) = (await page_of_changed(database, limit=5)).orders
    assert [(item.sku, item.quantity) for item in sold.items] == [("NOTE", 2), ("PEN", 1)]
    assert ([charge.name for charge in sold.charges], sold.order.status) == (["Visa 4242"], "completed")


async def test_the_status_that_is_asked_for_is_that_of_now(database: Database, connection: asyncpg.Connection) -> None:
    first, second = [await changed_order(connection, "pending") for _ in range(2)]
    found, cursor = await read_all(database, None, statuses=("completed",))
    assert found == []
    await change(connection, second, "completed")
    assert (await read_all(database, cursor, statuses=("completed", "refunded")))[0] == [second]
    assert (await read_all(database, None, statuses=("pending",)))[0] == [first]


async def test_since_leaves_out_what_changed_only_before(database: Database, connection: asyncpg.Connection) -> None:
    old, new = [await changed_order(connection) for _ in range(2)]
    await connection.execute("UPDATE order_changes SET at = at - interval '5 hours' WHERE order_id = $1", old)
    assert ids(await page_of_changed(database, since=NOW - HOUR, limit=5)) == [new]
    assert ids(await page_of_changed(database, since=NOW - 6 * HOUR, limit=5)) == [old, new]


async def test_a_cursor_of_a_database_that_was_restored_is_refused(
    database: Database, connection: asyncpg.Connection
) -> None:
    await changed_order(connection)
    _, cursor = await read_all(database, None)
    await connection.execute("UPDATE order_changes SET xid = '3'::xid8")  # as `checkout db restore` does
    with pytest.raises(CursorExpired, match="updated_since"):
        await page_of_changed(database, cursor=cursor, limit=5)


async def test_a_cursor_of_the_future_is_refused(database: Database, connection: asyncpg.Connection) -> None:
    """A failover lost commits, and none of the changes that the cursor's newest was."""
    first = await page_of_changed(database, limit=5)
    assert first.cursor is not None
    await connection.execute("SELECT pg_current_xact_id()")
    from checkout_daemon.orders.order_feed import _cursor_text, _Place

    with pytest.raises(CursorExpired):
        await page_of_changed(
            database, cursor=_cursor_text(_Place(None, "9999999:9999999:", None, 0, None, None)), limit=5
        )


@pytest.mark.parametrize("cursor", ["", "x", "é", "bnVsbA", "WyJmZWVkIl0", "A" * 5000])
async def test_what_is_no_cursor_is_refused(database: Database, cursor: str) -> None:
    with pytest.raises(InvalidRequest, match="no cursor"):
        await page_of_changed(database, cursor=cursor, limit=5)
    with pytest.raises(InvalidRequest, match="no cursor"):
        await page_of_newest(database, cursor=cursor, limit=5)


@pytest.mark.parametrize("snapshot", ["5:3:", "1:9:9,", "1:2:99999999999999999999"])
async def test_a_cursor_with_a_snapshot_that_is_none_is_refused(
    database: Database, connection: asyncpg.Connection, snapshot: str
) -> None:
    from checkout_daemon.orders.order_feed import _cursor_text, _Place

    cursor = _cursor_text(_Place(None, snapshot, None, 0, None, None))
    with pytest.raises(InvalidRequest, match="no cursor"):
        await page_of_changed(database, cursor=cursor, limit=5)


async def test_the_newest_orders_page_by_page(database: Database, connection: asyncpg.Connection) -> None:
    orders = [await add_order(connection, ago=number * HOUR) for number in range(5)]
    found: list[str] = []
    cursor = None
    for size in (2, 2, 1):
        page = await page_of_newest(database, limit=2, cursor=cursor)
        assert len(page.orders) == size
        found += ids(page)
        cursor = page.cursor
    assert (found, cursor) == (orders, None)
