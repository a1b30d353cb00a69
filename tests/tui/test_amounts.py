"""Amounts as people type them: a thousand is never read as one, and what was left with Esc is canceled."""

from __future__ import annotations

import asyncpg
import pytest

from checkout_daemon.database.pool import Database
from checkout_daemon.ledger.facts import RefundFact, RefundStatus
from checkout_daemon.ledger.merge import Update, merge
from checkout_daemon.orders.order_pages import show_order
from checkout_daemon.runtime import Runtime
from tests.support.flaky_stripe import FlakyStripe
from tests.support.orders import add_order
from tests.support.payments import paid
from tests.support.shopping import paid_order
from tests.tui.conftest import Sit
from tests.tui.test_order import open_first
from tui.screens.dialogs import Ask, Choose
from tui.screens.order import OrderScreen
from tui.screens.refund_box import RefundBox
from tui.screens.trigger import TriggerScreen
from tui.texts import amount_fault, minor_units


@pytest.mark.parametrize(
    ("text", "currency", "amount"),
    [
        ("5", "eur", 500), ("5.00", "eur", 500), ("5,00", "eur", 500), ("€5", "eur", 500), ("5.00 EUR", "eur", 500),
        ("1000", "eur", 100_000), ("1,000", "eur", None), ("1.000", "eur", None), ("1,000.00", "eur", None),
        ("1 000", "eur", None), ("5.5", "eur", None), ("$5", "eur", None), ("-5", "eur", None), ("five", "eur", None),
        ("", "eur", None), ("1000", "jpy", 1000), ("1,000", "jpy", None), ("5", "kwd", 5000), ("5.250", "kwd", 5250),
    ],
)  # fmt: skip
def test_an_amount_is_in_units_of_its_currency(text: str, currency: str, amount: int | None) -> None:
    assert minor_units(text, currency) == amount


@pytest.mark.parametrize(("currency", "example"), [("eur", "1250.00"), ("jpy", "1250"), ("kwd", "1250.000")])
def test_a_fault_shows_what_to_write(currency: str, example: str) -> None:
    assert amount_fault("1 000", currency) == f"'1 000' is not an amount in {currency.upper()}: write it like {example}"
    assert minor_units(example, currency) is not None


@pytest.mark.usefixtures("stocked")
async def test_a_refund_of_a_thousand_is_asked_for_again(runtime: Runtime, stripe: FlakyStripe, sit: Sit) -> None:
    await paid_order(runtime)
    async with sit(size=(100, 40), STRIPE_API_BASE=stripe.base) as seat:
        await open_first(seat)
        await seat.press("f")
        box = await seat.screen_of(RefundBox)
        await seat.press(*"1,000", "enter")
        await seat.sees("'1,000' is not an amount in EUR")
        assert seat.app.screen is box
        await seat.press(*["backspace"] * 5, *"1.00", "enter")
        await seat.sees("Refund €1.00 of pi_")
        await seat.press("escape")
    assert (await show_order(runtime.database, "1001")).refunds == ()


async def test_a_test_event_refunds_no_thousand_as_one(connection: asyncpg.Connection, sit: Sit) -> None:
    await add_order(connection)
    async with sit(STRIPE_CLI="/nowhere") as seat:
        seat.app.app_context.navigation.trigger(1001)
        screen = await seat.screen_of(TriggerScreen)
        await seat.until(lambda: screen.choice.order is not None)
        await seat.press("a")
        await seat.screen_of(Ask)
        await seat.press(*"1,000", "enter")
        await seat.notices("'1,000' is not an amount in EUR")
        assert screen.choice.amount is None


async def test_escape_in_the_choice_of_a_payment_cancels_the_refund(
    database_url: str, connection: asyncpg.Connection, sit: Sit
) -> None:
    order_id = await add_order(connection, amount_subtotal=5000, amount_total=5000)
    database = Database(database_url, max_size=1)
    await database.run(merge, [paid(order_id, "pi_1", "pi_2")])
    await database.close()
    async with sit(size=(120, 40)) as seat:
        screen = await open_first(seat)
        await seat.sees("$ checkout orders show 1001")
        await seat.press("f")
        await seat.screen_of(Choose)
        await seat.sees("Refund which payment?", "pi_1", "pi_2")
        await seat.press("escape")
        await seat.screen_of(OrderScreen)
        await seat.until(lambda: screen.command == "checkout orders show 1001")
        assert not seat.app._notifications


async def test_f_refunds_the_other_payment_of_a_refunded_order(
    database_url: str, connection: asyncpg.Connection, sit: Sit
) -> None:
    order_id = await add_order(connection, amount_subtotal=5000, amount_total=5000)
    refund = RefundFact("re_1", False, "pi_1", RefundStatus.SUCCEEDED, 5000, "eur")
    database = Database(database_url, max_size=1)
    await database.run(merge, [paid(order_id, "pi_1"), paid(order_id, "pi_2", amount=4000)])
    await database.run(merge, [Update("refund.updated", "stripe", subject_id="pi_1", facts=[refund])])
    await database.close()
    async with sit(size=(120, 40)) as seat:
        await open_first(seat)
        await seat.sees("Order 1001   refunded")
        await seat.press("f")
        await seat.screen_of(RefundBox)
        await seat.sees("How much of €40.00")


async def test_nothing_of_a_free_order_can_be_refunded(
    database_url: str, connection: asyncpg.Connection, sit: Sit
) -> None:
    order_id = await add_order(connection, amount_subtotal=0, amount_total=0)
    database = Database(database_url, max_size=1)
    await database.run(merge, [paid(order_id, "cs_1", amount=0)])
    await database.close()
    async with sit(size=(120, 40)) as seat:
        await open_first(seat)
        await seat.sees("Order 1001   completed")
        assert "Refund" not in seat.text().splitlines()[-1]
        await seat.press("f")
        await seat.notices("This order was free: there is nothing to refund.")
