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
        await seat.press(*["left"] * 6)
        await seat.sees("$ checkout report --by method", "no, by €32.70")


@pytest.mark.usefixtures("stocked")
async def test_the_time_is_chosen_and_the_balance_says_as_of_when(
    runtime: Runtime, connection: asyncpg.Connection, sit: Sit
) -> None:
    await paid_order(runtime)
    await read_balance(runtime)
    async with sit(size=(100, 40)) as seat:
        await seat.press("colon", "m", "enter")
        await seat.screen_of(MoneyScreen)
        await seat.sees("last 30 days, against", "Balance as of 20")
        await seat.press("t", *"yesterday", "enter")
        await seat.sees(
            "Nothing was made or moved", "$ checkout report --by day --since 20", "--until 20", "--against week"
        )
        await seat.press("t", *"none such")
        await seat.sees("Not a range.")
        await seat.press("escape", "enter")
        await seat.sees("There is no payout yet.")


@pytest.mark.usefixtures("stocked")
async def test_a_payout_leads_to_its_orders_and_to_what_belongs_to_none(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe, sit: Sit
) -> None:
    await paid_order(runtime)
    await read_balance(runtime)
    await advance(stripe, "4d")
    await read_balance(runtime, at_once=True)
    await connection.execute(
        "INSERT INTO balance_transactions (id, livemode, type, category, amount, fee, net, currency, payout_id,"
        " created_at, available_on) SELECT 'txn_fee', false, 'stripe_fee', 'fee', -200, 0, -200, 'eur', id,"
        " now(), now() FROM payouts"
    )
    async with sit(size=(100, 30)) as seat:
        await seat.press("colon", "m", "enter")
        await seat.screen_of(MoneyScreen)
        await seat.press("enter")
        await seat.sees("Payouts, newest first", "€2.00 missing")
        await seat.press("enter")
        await seat.sees("order 1001", "€32.70", "fee €1.29", "no order", "-€2.00")
        await seat.press("down", "enter")
        await seat.screen_of(MoneyScreen)


async def test_a_shop_without_orders_has_no_money_yet(connection: asyncpg.Connection, sit: Sit) -> None:
    async with sit() as seat:
        await seat.press("colon", *"report", "enter")
        await seat.screen_of(MoneyScreen)
        await seat.sees("Nothing was made or moved")
