"""Money: the report of thirty days by one property after the other, and the newest payouts."""

from __future__ import annotations

import asyncpg
import pytest

from checkout_daemon.bank.reading import read_balance
from checkout_daemon.runtime import Runtime
from tests.support.balance import advance
from tests.support.flaky_stripe import FlakyStripe
from tests.support.shopping import paid_order
from tests.tui.conftest import Sit
from tui.screens.money import MoneyScreen


@pytest.mark.usefixtures("stocked")
async def test_money_is_shown_by_day_and_by_method_with_payouts(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe, sit: Sit
) -> None:
    await paid_order(runtime)
    await read_balance(runtime)
    await advance(stripe, "4d")
    await read_balance(runtime, at_once=True)
    async with sit() as seat:
        await seat.press("colon", *"money", "enter")
        await seat.screen_of(MoneyScreen)
        await seat.sees("net €32.70", "conversion 100%", "$ checkout report --by day", "€1.29", "yes")
        await connection.execute("DELETE FROM balance_transactions WHERE category = 'charge' AND payout_id IS NOT NULL")
        await seat.press("left", "left", "left", "left", "left")
        await seat.sees("$ checkout report --by method", "no, by €32.70")


async def test_a_shop_without_orders_has_no_money_yet(connection: asyncpg.Connection, sit: Sit) -> None:
    async with sit() as seat:
        await seat.press("colon", *"report", "enter")
        await seat.screen_of(MoneyScreen)
        await seat.sees("Nothing was made or moved")
