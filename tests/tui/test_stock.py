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
