"""Filters and the search narrow the list, also while orders change, and the command shown prints the same list."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from checkout_daemon.database.pool import Database
from checkout_daemon.orders.lookup import add_search
from checkout_daemon.orders.order_filter import OrderFilter
from checkout_daemon.orders.order_pages import page_of_orders
from checkout_daemon.present.times import minute
from tests.support.orders import NOW, add_change, add_charge, add_order
from tests.tui.conftest import Seat, Sit
from tui.screens.order import OrderScreen
from tui.widgets.filter_box import FilterBox
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
        await seat.press("a", "t", "down", "down", "enter")
        await shows(seat, 1005, 1004, 1003, 1002)
        await seat.sees("--since 24h", "last 24h")


@pytest.mark.usefixtures("shop")
async def test_any_range_is_typed_and_what_is_none_is_refused(sit: Sit) -> None:
    async with sit() as seat:
        await seat.press("t", *"soon", "enter")
        await seat.sees("Not a range")
        await seat.press(*["backspace"] * 4, *"48h..90m")
        await seat.sees(f" to {minute(datetime.now(UTC) - timedelta(minutes=90), 'UTC')[:14]}")
        await seat.press("enter")
        await shows(seat, 1004, 1003, 1002)
        await seat.sees("t 48h..90m", "3 orders", "--since 20")
        await seat.press("t", "down", "enter")
        await shows(seat, 1005, 1004, 1003, 1002, 1001)
        await seat.sees("t any time")


@pytest.mark.usefixtures("shop")
async def test_a_span_goes_on_with_the_time(connection: asyncpg.Connection, sit: Sit) -> None:
    async with sit() as seat:
        await seat.press("t", *"1h", "enter")
        await shows(seat, 1005)
        order_id = await add_order(connection)
        await add_change(connection, order_id, "made")
        await shows(seat, 1006, 1005)


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    ("typed", "found"), [("bo@y", [1001]), ("ek", [1001]), ("1004", [1004]), ("aaaa00", [1004]), ("nobody", [])]
)
async def test_the_search_finds_while_one_types(sit: Sit, typed: str, found: list[int]) -> None:
    async with sit() as seat:
        await seat.press("slash", *typed)
        await shows(seat, *found)
        await seat.press("enter")
        await seat.sees(f"--filter {typed}")
        await seat.press("escape")
        await shows(seat, 1005, 1004, 1003, 1002, 1001)


@pytest.mark.usefixtures("shop")
async def test_a_filter_is_typed_with_what_continues_it_below(sit: Sit) -> None:
    async with sit() as seat:
        await seat.press("slash", *"sta")
        await seat.sees("Tab status:  the order's status")
        await seat.press("tab")
        await seat.sees("Tab pending  processing  completed")
        await shows(seat, 1005, 1004, 1003, 1002, 1001)  # what is only begun narrows nothing
        await seat.press(*"fa", "tab", *" lovelace", "enter")
        await shows(seat, 1002)
        await seat.sees("/ status:failed lovelace", "$ checkout orders list --filter 'status:failed lovelace'")
        await seat.press("asterisk")
        await seat.sees("1 marked")


@pytest.mark.usefixtures("shop")
async def test_a_fault_is_shown_below_and_the_list_stays(sit: Sit) -> None:
    async with sit() as seat:
        await seat.press("slash", *"amount:>5 amonut:3")
        await seat.sees("there is no filter 'amonut' (did you mean amount?)")
        await shows(seat, 1005, 1004, 1003, 1002, 1001)
        await seat.press("enter")
        await seat.sees("there is no filter 'amonut'")
        assert seat.app.screen.query_one(FilterBox).has_focus
        await seat.press(*["backspace"] * 8, *"amount:<6", "enter")
        await shows(seat)
        await seat.press("escape")
        await shows(seat, 1005, 1004, 1003, 1002, 1001)


@pytest.mark.usefixtures("shop")
async def test_live_rows_follow_conditions_on_items_and_charges(connection: asyncpg.Connection, sit: Sit) -> None:
    async with sit() as seat:
        await seat.press("slash", *"brand:visa sku:tee-*", "enter")
        await shows(seat)
        order_id = await add_order(connection)
        await add_charge(connection, order_id)
        await connection.execute("INSERT INTO order_items VALUES ($1, 1, 'TEE-RED', 'x', '', 1, 1, 1, 0)", order_id)
        await add_change(connection, order_id, "paid")
        await shows(seat, 1006)
        await connection.execute("UPDATE charges SET brand = 'amex'")
        await add_change(connection, order_id, "again")
        await shows(seat)


@pytest.mark.usefixtures("shop")
async def test_a_search_that_leaves_out_older_orders_shows_no_count(sit: Sit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.listing.WINDOW", 2)
    for name, low in (("_TRIED", 2), ("_MOST_LOOKED_AT", 2), ("_SMALL_SHOP", -1), ("_MOST_ENTRIES", -1)):
        monkeypatch.setattr(f"checkout_daemon.orders.order_search.{name}", low)
    async with sit() as seat:
        for typed in ("bo", "bbbbbbbbbbbbbbbbbbbbbbbbbo"):
            await seat.press("slash", *typed)
            await seat.sees("searched the newest only")
            await seat.sees("None of the newest orders matches.")
            assert " 0 orders" not in seat.text()
            await seat.press("escape")


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
