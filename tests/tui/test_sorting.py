"""Lists are sorted by a column, by keys and clicks on titles; orders move to their place and keep the cursor."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from checkout_daemon.model.order_rows import SORTS
from checkout_daemon.runtime import open_runtime
from checkout_daemon.settings import load_settings
from tests.support.fixtures import KEY
from tests.support.orders import add_change, add_order
from tests.tui.conftest import Seat, Sit
from tests.tui.test_narrowing import shows
from tui.app import CONNECTIONS, Terminal
from tui.context import AppContext
from tui.screens.orders import OrdersScreen
from tui.widgets.table import LiveTable

HOUR = timedelta(hours=1)


@pytest.fixture
async def shop(connection: asyncpg.Connection) -> None:
    """1001 to 1004, the last one newest."""
    for amount, name in ((300, "Bo"), (100, "Zoë"), (400, "Ada"), (200, "Ödön")):
        await add_order(connection, ago=HOUR, amount_total=amount, amount_subtotal=amount, customer_name=name)


def title(seat: Seat) -> str:
    return seat.app.screen.query_one(LiveTable).render_line(0).text


async def click(seat: Seat, name: str) -> None:
    table = seat.app.screen.query_one(LiveTable)
    await seat.pilot.click(table, offset=(title(seat).index(name) + 1, 0))
    await seat.pilot.pause()


@pytest.mark.usefixtures("shop")
async def test_a_click_on_a_title_sorts_and_a_second_turns_it_round(sit: Sit) -> None:
    async with sit() as seat:
        assert "Age▼" in title(seat)
        await click(seat, "Total")
        await shows(seat, 1003, 1001, 1004, 1002)
        await seat.sees("Total▼", "~ amount▼", "$ checkout orders list --sort -amount")
        await click(seat, "Total")
        await shows(seat, 1002, 1004, 1001, 1003)
        await seat.sees("Total▲", "--sort amount")
        await click(seat, "Customer")
        await shows(seat, 1003, 1001, 1004, 1002)
        await seat.press("0")
        await shows(seat, 1004, 1003, 1002, 1001)
        assert "Age▼" in title(seat)
        assert "--sort" not in seat.text()


@pytest.mark.usefixtures("shop")
async def test_keys_walk_through_the_columns_and_turn_the_sort(sit: Sit) -> None:
    async with sit() as seat:
        await seat.press("less_than_sign")
        await seat.sees("Order▼")
        await seat.press("tilde")
        await shows(seat, 1001, 1002, 1003, 1004)
        await seat.press("greater_than_sign", "greater_than_sign", "greater_than_sign")
        await seat.sees("Total▼")
        await shows(seat, 1003, 1001, 1004, 1002)
        await seat.press("greater_than_sign", "greater_than_sign", "greater_than_sign")
        await seat.sees("Order▼")  # round to the first
        assert {column.sort for column in seat.app.screen.query_one(LiveTable)._columns} <= {*SORTS}


@pytest.mark.usefixtures("shop")
async def test_an_order_moves_to_its_place_with_the_cursor_on_it(connection: asyncpg.Connection, sit: Sit) -> None:
    async with sit() as seat:
        await click(seat, "Status")
        await seat.sees("Status▲")
        await shows(seat, 1001, 1002, 1003, 1004)
        await seat.press("end")
        order_id = await connection.fetchval("UPDATE orders SET status = 'canceled' WHERE number = 1004 RETURNING id")
        await add_change(connection, str(order_id), "changed")
        await shows(seat, 1004, 1001, 1002, 1003)
        assert "1004" in next(line for line in seat.lines() if line.startswith("▌"))
        new = await add_order(connection, status="completed")
        await add_change(connection, new, "made")
        await shows(seat, 1004, 1005, 1001, 1002, 1003)
        assert "1004" in next(line for line in seat.lines() if line.startswith("▌"))


@pytest.mark.usefixtures("shop")
async def test_an_order_that_leaves_what_is_loaded_keeps_the_cursor(
    connection: asyncpg.Connection, sit: Sit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.listing.WINDOW", 20)
    monkeypatch.setattr("tui.listing._LEAD", 5)
    for _ in range(60):
        await add_order(connection, ago=2 * HOUR, status="failed")
    async with sit() as seat:
        await click(seat, "Status")
        await seat.sees("Status▲")
        table = seat.screen(OrdersScreen).table
        first = table.cursor_key
        await seat.press("down", "up")
        await connection.execute("UPDATE orders SET status = 'refunded' WHERE id = $1", first)
        await add_change(connection, first or "", "changed")
        await seat.until(lambda: table.cursor_row is not None and table.cursor_rank == 63)
        assert table.cursor_key == first
        await seat.until(lambda: any(line.startswith("▌") and "refunded" in line for line in seat.lines()))


@pytest.mark.usefixtures("shop")
async def test_where_only_the_newest_are_sorted_it_is_written(sit: Sit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("checkout_daemon.orders.sorted_orders.MOST_SORTED", 3)
    async with sit() as seat:
        await click(seat, "Total")
        await shows(seat, 1003, 1004, 1002)
        await seat.sees("sorted the 3 newest only")
        await seat.press("less_than_sign", "less_than_sign")
        await shows(seat, 1004, 1003, 1002, 1001)
        await seat.sees("4 orders")


@pytest.mark.usefixtures("shop")
async def test_the_sort_is_remembered(database_url: str, tmp_path: Path) -> None:
    path = tmp_path / "terminal.json"
    settings = load_settings({"DATABASE_URL": database_url, "STRIPE_API_KEY": KEY}, cwd=tmp_path)
    async with open_runtime(settings, pool_size=CONNECTIONS) as runtime:
        for keys in (["less_than_sign", "tilde"], []):
            app = Terminal(AppContext(runtime, read_only=False), database_url, memory=path)
            async with app.run_test(size=(80, 24), notifications=True) as pilot:
                seat = Seat(app, pilot)
                await seat.screen_of(OrdersScreen)
                await seat.press(*keys)
                await shows(seat, 1001, 1002, 1003, 1004)
                await seat.sees("Order▲", "~ number▲")
                app.remember()
