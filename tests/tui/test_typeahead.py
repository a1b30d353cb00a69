"""Keys that arrive faster than they are dealt with do what they would have done one by one."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from checkout_daemon.runtime import Runtime
from checkout_daemon.services.reading import show_order
from tests.support.flaky_stripe import FlakyStripe, Request
from tests.support.orders import add_order
from tests.support.shopping import paid_order
from tests.tui.conftest import SECONDS, Sit
from tui.screens.events import EventsScreen
from tui.screens.order import OrderScreen
from tui.screens.orders import OrdersScreen
from tui.screens.trigger import TriggerScreen

pytestmark = pytest.mark.usefixtures("stocked")


async def test_what_is_found_is_opened_and_the_letters_of_a_note_are_no_commands(
    connection: asyncpg.Connection, sit: Sit
) -> None:
    for _ in range(3):
        await add_order(connection)
    async with sit() as seat:
        await seat.until(lambda: seat.numbers() == [1003, 1002, 1001])
        seat.burst("slash", *"1001", "enter", "enter", "n", *"fix", "space", *"it", "enter")
        await seat.screen_of(OrderScreen)
        await seat.sees("Order 1001", "order.noted", "fix it")
        assert not any(isinstance(each, TriggerScreen) for each in seat.app.screen_stack)


async def test_two_boxes_in_a_row_get_each_their_own(runtime: Runtime, stripe: FlakyStripe, sit: Sit) -> None:
    await paid_order(runtime)
    async with sit(STRIPE_API_BASE=stripe.base) as seat:
        await seat.until(lambda: seat.numbers() == [1001])
        seat.burst("enter", "f", *"5", ".", *"25", "enter", *"1001", "enter")
        await seat.sees("partially refunded", "€5.25")
    assert [each.amount for each in (await show_order(runtime.database, "1001")).refunds] == [525]


async def test_a_picked_order_is_the_one_that_was_typed(connection: asyncpg.Connection, sit: Sit) -> None:
    for _ in range(2):
        await add_order(connection)
    async with sit() as seat:
        await seat.until(lambda: seat.numbers() == [1002, 1001])
        seat.burst("e", "slash", *"1001", "enter")
        await seat.screen_of(EventsScreen)
        await seat.sees("$ checkout events list --order 1001")


async def test_what_takes_long_keeps_nobody_from_going_elsewhere(
    runtime: Runtime, stripe: FlakyStripe, sit: Sit
) -> None:
    await paid_order(runtime)
    asked, answers = asyncio.Event(), asyncio.Event()

    async def wait(_: Request) -> None:
        asked.set()
        await answers.wait()

    stripe.before_answer = wait
    async with sit(STRIPE_API_BASE=stripe.base) as seat:
        await seat.until(lambda: seat.numbers() == [1001])
        seat.burst("enter", "s", "escape")
        await asyncio.wait_for(asked.wait(), SECONDS)
        await seat.screen_of(OrdersScreen)
        answers.set()
