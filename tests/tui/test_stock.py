"""The stock is shown, set and adjusted in the terminal; a cancellation asks whether pieces go back on sale."""

from __future__ import annotations

import asyncpg
import pytest

from tests.tui.conftest import Sit
from tests.tui.test_goto import go
from tui.screens.dialogs import ShowResult
from tui.screens.forms import FillIn
from tui.screens.stock import StockScreen


@pytest.mark.usefixtures("stocked")
async def test_a_stock_is_set_adjusted_and_explained(sit: Sit, connection: asyncpg.Connection) -> None:
    await connection.execute("UPDATE products SET stock = 3 WHERE sku = 'PEN'")
    async with sit(size=(120, 24)) as seat:
        await go(seat, "stock")
        await seat.screen_of(StockScreen)
        await seat.until(lambda: len(seat.lines()) == 2)
        assert seat.lines()[0][1:].split()[:2] == ["PEN", "Pen"]  # those that are counted first
        await seat.sees("not counted", "$ checkout stock list --all")
        await seat.press("a")
        await seat.screen_of(FillIn)
        await seat.press("plus", "4", "enter", *"found", "enter")
        await seat.screen_of(StockScreen)
        await seat.sees("PEN: 7 in stock, 0 reserved, 7 free.", "checkout stock adjust PEN +4 --note found")
        await seat.press("s")
        await seat.screen_of(FillIn)
        await seat.press("backspace", *"x", "enter", "enter")
        await seat.sees("is not a whole number from 0, or off. Nothing was done.")
        await seat.press("up", "backspace", "2", "enter", "enter")
        await seat.sees("PEN: 2 in stock")
        await seat.press("enter")
        await seat.screen_of(ShowResult)
        await seat.sees("adjusted", "found", "checkout stock history PEN")
        await seat.press("escape", "escape")
    assert await connection.fetchval("SELECT stock FROM products WHERE sku = 'PEN'") == 2
    moved = await connection.fetch("SELECT kind, change FROM stock_movements ORDER BY seq")
    assert [tuple(row) for row in moved] == [("adjusted", 4), ("set", -5)]


@pytest.mark.usefixtures("stocked")
async def test_a_reader_changes_nothing(sit: Sit) -> None:
    async with sit(read_only=True) as seat:
        await go(seat, "stock")
        await seat.screen_of(StockScreen)
        await seat.until(lambda: len(seat.lines()) == 2)
        await seat.press("s")
        await seat.sees("This terminal is read-only.")


async def test_every_product_of_a_large_catalog_stays_in_the_list(sit: Sit, connection: asyncpg.Connection) -> None:
    await connection.execute(
        "INSERT INTO products (sku, name, unit_amount, currency)"
        " SELECT 'P' || n, 'Product', 100, 'eur' FROM generate_series(1, 900) AS n"
    )
    async with sit() as seat:
        await go(seat, "stock")
        screen = await seat.screen_of(StockScreen)
        listing = screen.table.listing
        await seat.until(lambda: len(listing.rows) > 0)
        await screen.look_now()
        assert (len(listing.rows), listing.height) == (900, 900)
        await seat.press("end")
        assert screen.product == listing.rows[-1].row


@pytest.mark.usefixtures("stocked")
async def test_a_stock_that_was_sold_from_meanwhile_is_not_set(sit: Sit, connection: asyncpg.Connection) -> None:
    await connection.execute("UPDATE products SET stock = 3 WHERE sku = 'PEN'")
    async with sit(size=(120, 24)) as seat:
        await go(seat, "stock")
        await seat.screen_of(StockScreen)
        await seat.until(lambda: len(seat.lines()) == 2)
        await seat.press("s")
        await seat.screen_of(FillIn)
        await connection.execute("UPDATE products SET stock = 2 WHERE sku = 'PEN'")
        await seat.press("enter", "enter")
        await seat.notices("the stock of PEN was 3 when it was shown, and is 2 now")
        await seat.until(lambda: seat.lines()[0][1:].split()[:3] == ["PEN", "Pen", "2"])
        await seat.press("s")
        await seat.screen_of(FillIn)
        await seat.press("backspace", "9", "enter", "enter")
        await seat.notices("PEN: 9 in stock, 0 reserved, 9 free. There were 2 before.")
    assert await connection.fetchval("SELECT stock FROM products WHERE sku = 'PEN'") == 9
