"""Keys that arrive faster than they are dealt with do what they would have done one by one."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any

import asyncpg
import pytest
from textual.app import App
from textual.events import Key

from checkout_daemon.database.pool import Database
from checkout_daemon.ledger.intake import Intake
from checkout_daemon.orders import refunding
from checkout_daemon.orders.order_pages import show_order
from checkout_daemon.orders.refund_rules import RefundPlan
from checkout_daemon.runtime import Runtime
from tests.support.flaky_stripe import FlakyStripe, Request
from tests.support.orders import add_order
from tests.support.shopping import check_out, paid_order
from tests.support.stripe_events import deliver, event_body
from tests.tui.conftest import SECONDS, Sit
from tui import typeahead
from tui.screens.dialogs import Ask
from tui.screens.events import EventsScreen
from tui.screens.order import OrderScreen
from tui.screens.orders import OrdersScreen
from tui.screens.trigger import TriggerScreen

pytestmark = pytest.mark.usefixtures("stocked")


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

        async def stall(*arguments: Any, **options: Any) -> RefundPlan:
            nonlocal stalled
            await asyncio.sleep(0.05)  # a few looks of what waits for it
            stalled += 10
            await asyncio.sleep(0.05)
            return await plan_refund(*arguments, **options)

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


async def test_an_act_whose_screen_is_left_comes_to_its_end_and_is_reported(
    runtime: Runtime, stripe: FlakyStripe, connection: asyncpg.Connection, sit: Sit
) -> None:
    await check_out(runtime)
    asked, answers = asyncio.Event(), asyncio.Event()

    async def wait(_: Request) -> None:
        asked.set()
        await answers.wait()

    async with sit(STRIPE_API_BASE=stripe.base) as seat:
        await seat.until(lambda: seat.numbers() == [1001])
        await seat.press("enter")
        await seat.screen_of(OrderScreen)
        await seat.sees("$ checkout orders show 1001")
        await seat.press("X")
        await seat.screen_of(Ask)
        stripe.before_answer = wait
        await seat.press(*"1001", "enter")
        await asyncio.wait_for(asked.wait(), SECONDS)
        seat.burst("escape")
        await seat.screen_of(OrdersScreen)
        answers.set()
        await seat.notices("Order 1001 is canceled")
    assert await connection.fetchval("SELECT status FROM orders") == "canceled"


TYPED = {
    "e enter": ("Event", "evt_2"),
    "e d enter enter": ("Event", "created"),
    "e d x": ("Event", "refund"),
    "e slash 1 0 0 1 enter o": ("Order", "Order 1001"),
    "e s end up space enter enter": ("Event", "evt_2"),
    "G enter": ("Order", "Order 1001"),
    "a enter": ("Order", "Order 1002"),
    "s space enter enter": ("Order", "Order 1450"),
    "slash 1 0 0 2 enter enter": ("Order", "Order 1002"),
    "e enter slash c r e a t e d enter n v": ("Event", "Copied: value"),
    "H enter c": ("Health", "Copied"),
    "T slash 1 0 0 1 enter o": ("Order", "Order 1001"),
    "T slash a d a down enter o": ("Order", "Order 1449"),
}
"""Keys that are pressed without a pause, the screen on which they end, and what is there."""


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("keys", TYPED)
async def test_no_key_is_lost_on_any_screen(
    keys: str, connection: asyncpg.Connection, intake: Intake, sit: Sit, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(450):  # more than is read at once
        await add_order(connection)
    await connection.execute("UPDATE orders SET attention = '{paid_twice}' WHERE number = 1002")
    for place in range(3):
        body = event_body("refund.updated", {"id": place, "object": "refund"}, event_id=f"evt_{place}")
        await deliver(intake, body)
    await connection.execute("UPDATE stripe_events SET status = 'dead'")
    await connection.execute(
        "UPDATE stripe_events SET order_id = (SELECT id FROM orders WHERE number = 1001) WHERE id = 'evt_2'"
    )
    screen, shown = TYPED[keys]
    async with sit() as seat:
        await seat.until(lambda: len(seat.numbers()) > 1)
        fetch = Database.connection

        @asynccontextmanager
        async def slow(database: Database) -> AsyncIterator[asyncpg.Connection]:
            """Every read takes longer than a burst of keys."""
            await asyncio.sleep(0.05)
            async with fetch(database) as opened:
                yield opened

        monkeypatch.setattr(Database, "connection", slow)
        seat.burst(*keys.split())
        await seat.until(
            lambda: re.search(rf"^ (checkout  )?{screen} ", seat.text()) is not None and shown in seat.text()
        )
