"""The length of a list, and far jumps in it, from either end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest

from checkout_daemon.database.pool import Database
from checkout_daemon.orders import terminal_windows
from checkout_daemon.orders.order_filter import OrderCursor, OrderFilter
from checkout_daemon.orders.order_pages import page_of_orders
from checkout_daemon.orders.terminal_windows import Length, count_rows, skip_rows, skip_rows_from_end
from tests.support.orders import add_order

HOUR = timedelta(hours=1)
FILTERS = {
    "all": OrderFilter(),
    "status": OrderFilter(statuses=("failed",)),
    "statuses": OrderFilter(statuses=("failed", "completed")),
    "attention": OrderFilter(attention=True),
    "attention of a status": OrderFilter(attention=True, statuses=("completed",)),
}


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, max_size=2)
    yield database
    await database.close()


@pytest.fixture
async def shop(database: Database, connection: asyncpg.Connection) -> Database:
    for index in range(24):
        await add_order(
            connection,
            ago=HOUR * (index // 2),
            status=("failed", "completed", "pending")[index % 3],
            attention=["paid_twice"] if index % 4 else [],
        )
    await connection.execute("ANALYZE orders")
    return database


@pytest.mark.parametrize("wanted", FILTERS.values(), ids=FILTERS)
async def test_a_short_list_is_counted_and_skipped_from_both_ends(shop: Database, wanted: OrderFilter) -> None:
    orders = await page_of_orders(shop, wanted, limit=50)
    assert await count_rows(shop, wanted) == Length(len(orders), exact=True)
    places = [OrderCursor.after(order) for order in orders]
    for count in (1, 3, len(orders) - 1):
        assert await skip_rows(shop, wanted, count=count) == places[count - 1]
        assert await skip_rows_from_end(shop, wanted, count=count) == places[-count - 1]
    assert await skip_rows_from_end(shop, wanted, count=len(orders)) is None


@pytest.mark.parametrize("wanted", FILTERS.values(), ids=FILTERS)
async def test_the_length_of_a_long_list_is_estimated(
    shop: Database, wanted: OrderFilter, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = await page_of_orders(shop, wanted, limit=50)
    monkeypatch.setattr(terminal_windows, "_MOST_COUNTED", 2)
    length = await count_rows(shop, wanted)
    assert length is not None
    assert not length.exact
    assert 3 <= length.rows <= 2 * len(orders)
