"""Keys that arrive faster than they are dealt with do what they would have done one by one."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Any

import asyncpg
import pytest
from textual.app import App
from textual.events import Key

from checkout_daemon.orders import refunding
from checkout_daemon.orders.order_pages import show_order
from checkout_daemon.orders.refund_rules import RefundPlan
from checkout_daemon.runtime import Runtime
from tests.support.flaky_stripe import FlakyStripe, Request
from tests.support.orders import add_order
from tests.support.shopping import paid_order
from tests.tui.conftest import SECONDS, Sit
from tui import typeahead
from tui.screens.events import EventsScreen
from tui.screens.order import OrderScreen
from tui.screens.orders import OrdersScreen
from tui.screens.trigger import TriggerScreen

pytestmark = pytest.mark.usefixtures("stocked")


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key waits as long as it takes: what is tested is the order of things, on however slow a machine."""
    monkeypatch.setattr(typeahead, "_LONGEST_SECONDS", SECONDS)


@pytest.mark.usefixtures("patient")
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
        assert not any(isinstance(screen, TriggerScreen) for screen in seat.app.screen_stack)


async def test_where_nothing_ran_for_a_while_the_next_key_still_waits_for_what_the_one_before_began(
    runtime: Runtime, stripe: FlakyStripe, sit: Sit, monkeypatch: pytest.MonkeyPatch
) -> None:
    await paid_order(runtime)
    stalled = 0.0
    monkeypatch.setattr(typeahead, "monotonic", lambda: monotonic() + stalled)
    async with sit(STRIPE_API_BASE=stripe.base) as seat:
        plan_refund = refunding.plan_refund

        async def stall(*arguments: Any) -> RefundPlan:
            nonlocal stalled
            await asyncio.sleep(0.05)  # a few looks of what waits for it
            stalled += 10
            await asyncio.sleep(0.05)
            return await plan_refund(*arguments)

        monkeypatch.setattr(refunding, "plan_refund", stall)
        await seat.until(lambda: seat.numbers() == [1001])
        seat.burst("enter", "f", *"5", ".", *"25", "enter", *"1001", "enter")
        await seat.sees("partially refunded", "€5.25")


def test_a_key_that_comes_when_no_screen_is_left_is_for_nobody() -> None:
    app: App[None] = App()
    typing, key = typeahead.TypeAhead(app), Key("a", "a")
    assert app.screen_stack == []
    assert typing.holds(key)
    typing.follow(key)


@pytest.mark.usefixtures("patient")
async def test_two_boxes_in_a_row_get_each_their_own(runtime: Runtime, stripe: FlakyStripe, sit: Sit) -> None:
    await paid_order(runtime)
    async with sit(STRIPE_API_BASE=stripe.base) as seat:
        await seat.until(lambda: seat.numbers() == [1001])
        seat.burst("enter", "f", *"5", ".", *"25", "enter", *"1001", "enter")
        await seat.sees("partially refunded", "€5.25")
    assert [refund.amount for refund in (await show_order(runtime.database, "1001")).refunds] == [525]


@pytest.mark.usefixtures("patient")
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
