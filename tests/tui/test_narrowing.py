"""Filters and the search narrow the list, also while orders change, and the command shown prints the same list."""

from __future__ import annotations

from datetime import timedelta

import asyncpg
import pytest

from checkout_daemon.database.pool import Database
from checkout_daemon.orders.lookup import add_search
from checkout_daemon.orders.order_lists import OrderFilter
from checkout_daemon.orders.order_pages import page_of_orders
from tests.support.orders import NOW, add_change, add_order
from tests.tui.conftest import Seat, Sit
from tui.screens.order import OrderScreen
from tui.widgets.table import LiveTable

HOUR = timedelta(hours=1)
ID = "aaaa0000-0000-4000-8000-000000000000"


@pytest.fixture
async def shop(connection: asyncpg.Connection) -> None:
    """1001 to 1005, the last one newest."""
    await add_order(connection, ago=50 * HOUR, status="completed", customer_email="Bo@y.org", customer_name="Bo Ek")
    await add_order(connection, ago=4 * HOUR, status="failed")
    await add_order(connection, ago=3 * HOUR, status="completed", attention=["paid_twice"])
    await add_order(connection, ago=2 * HOUR, status="expired", id=ID)
    await add_order(connection)


async def shows(seat: Seat, *numbers: int) -> None:
    await seat.until(lambda: seat.numbers() == list(numbers))


@pytest.mark.usefixtures("shop")
async def test_statuses_are_picked_and_cleared(sit: Sit) -> None:
    async with sit() as seat:
        await seat.press("s", "down", "down", "space", "down", "down", "down", "down", "space", "enter")
        await shows(seat, 1003, 1002, 1001)
        await seat.sees("$ checkout orders list --status completed --status failed", "3 orders")
        await seat.press("0")
        await shows(seat, 1005, 1004, 1003, 1002, 1001)


@pytest.mark.usefixtures("shop")
async def test_attention_and_time_are_one_key_each(sit: Sit) -> None:
    async with sit() as seat:
        await seat.press("a")
        await shows(seat, 1003)
        await seat.press("a", "t", "t")
        await shows(seat, 1005, 1004, 1003, 1002)
        await seat.sees("--since 24h", "last 24h")


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    ("typed", "found"), [("bo@y", [1001]), ("ek", [1001]), ("1004", [1004]), ("aaaa00", [1004]), ("nobody", [])]
)
async def test_the_search_finds_while_one_types(sit: Sit, typed: str, found: list[int]) -> None:
    async with sit() as seat:
        await seat.press("slash", *typed)
        await shows(seat, *found)
        await seat.press("enter")
        await seat.sees(f"--search {typed}")
        await seat.press("escape")
        await shows(seat, 1005, 1004, 1003, 1002, 1001)


@pytest.mark.usefixtures("shop")
async def test_what_was_found_and_opened_is_stood_on_when_the_search_is_left(sit: Sit) -> None:
    async with sit() as seat:
        table = seat.app.screen.query_one(LiveTable)
        await seat.press("slash", *"1002")
        await shows(seat, 1002)
        await seat.press("escape")  # only looked
        await shows(seat, 1005, 1004, 1003, 1002, 1001)
        assert table.cursor_rank == 0
        await seat.press("slash", *"1002")
        await shows(seat, 1002)
        await seat.press("enter", "enter")
        await seat.screen_of(OrderScreen)
        await seat.press("escape", "escape")
        await shows(seat, 1005, 1004, 1003, 1002, 1001)
        assert table.cursor_rank == 3


@pytest.mark.usefixtures("shop")
async def test_an_order_leaves_and_enters_the_list_as_it_changes(connection: asyncpg.Connection, sit: Sit) -> None:
    async with sit() as seat:
        await seat.press("s", "space", "enter")
        await shows(seat, 1005)
        for number, status in ((1002, "pending"), (1005, "completed")):
            order_id = await connection.fetchval(
                "UPDATE orders SET status = $2 WHERE number = $1 RETURNING id", number, status
            )
            await add_change(connection, str(order_id), "changed")
        await shows(seat, 1002)


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    "wanted",
    [
        OrderFilter(statuses=("failed", "completed")),
        OrderFilter(email="BO@y.org"),
        OrderFilter(since=NOW - 3 * HOUR, until=NOW - HOUR),
        OrderFilter(attention=True, statuses=("completed",)),
    ],
)
@pytest.mark.parametrize("search", [None, "o", "1004", "ADA", ID])
async def test_whether_an_order_fits_is_decided_as_by_the_database(
    database_url: str, wanted: OrderFilter, search: str | None
) -> None:
    database = Database(database_url)
    if search is not None:
        wanted = await add_search(database, wanted, search)
    everything = await page_of_orders(database, OrderFilter(), limit=10)
    listed = await page_of_orders(database, wanted, limit=10)
    await database.close()
    assert [order for order in everything if wanted.fits(order)] == listed
