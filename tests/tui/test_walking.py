"""From an order to its neighbours, to the customer's other orders, and to Stripe's page."""

from __future__ import annotations

from pathlib import Path

import asyncpg
import pytest

from checkout_daemon.ledger.intake import Intake
from checkout_daemon.runtime import Runtime
from tests.support.orders import add_order
from tests.support.shopping import paid_order
from tests.support.stripe_events import deliver, event_body, session_object
from tests.tui.conftest import Seat, Sit
from tests.tui.test_order import open_first
from tui.screens.dialogs import Choose
from tui.screens.events import EventsScreen
from tui.screens.order import OrderScreen
from tui.screens.orders import OrdersScreen


async def order_shown(seat: Seat, number: int) -> None:
    await seat.sees(f" Order {number} ", f"$ checkout orders show {number}")
    await seat.screen_of(OrderScreen)


async def test_brackets_walk_through_the_list_and_escape_comes_back_to_it(
    connection: asyncpg.Connection, sit: Sit
) -> None:
    for _ in range(3):
        await add_order(connection)
    async with sit() as seat:
        await open_first(seat)
        await order_shown(seat, 1003)
        await seat.press("]")
        await order_shown(seat, 1002)
        await seat.press("]")
        await order_shown(seat, 1001)
        await seat.press("]")
        await seat.sees("There is no other order there")
        await seat.press("[")
        await order_shown(seat, 1002)
        await seat.press("escape")
        screen = await seat.screen_of(OrdersScreen)
        assert screen.table.cursor_row is not None
        assert screen.table.cursor_row.row.order.number == 1002


async def test_e_opens_the_customers_other_orders(connection: asyncpg.Connection, sit: Sit) -> None:
    for email in ("bo@example.com", "ada@example.com", "BO@example.com", "bo@example.com"):
        await add_order(connection, customer_email=email)
    async with sit() as seat:
        await open_first(seat)
        await seat.press("E")
        await seat.screen_of(Choose)
        await seat.sees("Other orders of bo@example.com", "1003", "1001")
        assert "1002" not in seat.text().split("Other orders", 1)[1].split("Esc cancels")[0]
        await seat.press("down", "enter")
        await order_shown(seat, 1001)
        await seat.press("escape")
        await order_shown(seat, 1004)


@pytest.mark.usefixtures("stocked")
async def test_o_opens_the_browser_where_there_is_one(
    runtime: Runtime, sit: Sit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opener = tmp_path / "xdg-open"
    opener.write_text(f'#!/bin/sh\nprintf %s "$1" > {tmp_path}/new && mv {tmp_path}/new {tmp_path}/opened\n')
    opener.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("DISPLAY", ":9")
    await paid_order(runtime)
    async with sit() as seat:
        await open_first(seat)
        await seat.press("o")
        await seat.sees("Opened in the browser")
        await seat.until((tmp_path / "opened").exists)
    assert (tmp_path / "opened").read_text().startswith("https://dashboard.stripe.com/test/payments/pi_")


async def test_e_lists_the_orders_events_and_escape_comes_back(
    connection: asyncpg.Connection, intake: Intake, sit: Sit
) -> None:
    order_id = await add_order(connection, amount_subtotal=5000, amount_total=5000)
    await deliver(intake, event_body("checkout.session.completed", session_object(order_id, "cs_1", "pi_1")))
    await deliver(intake, event_body("customer.created", {"id": "cus_2", "object": "customer"}))
    async with sit() as seat:
        await open_first(seat)
        await seat.press("e")
        screen = await seat.screen_of(EventsScreen)
        await seat.sees("$ checkout events list --order 1001", "session.completed")
        assert len(seat.lines()) == 1
        assert screen.table.cursor_row is not None
        await seat.press("escape")
        await order_shown(seat, 1001)


async def test_many_other_orders_of_a_customer_are_a_list(connection: asyncpg.Connection, sit: Sit) -> None:
    for _ in range(14):
        await add_order(connection, customer_email="bo@example.com")
    await add_order(connection, customer_email="ada@example.com")
    async with sit() as seat:
        await seat.until(lambda: seat.numbers()[0] == 1015)
        await seat.press("down")
        await open_first(seat)
        await seat.press("E")
        await seat.until(lambda: isinstance(seat.app.screen, OrdersScreen))
        await seat.until(lambda: seat.numbers() == list(range(1014, 1000, -1)))
        await seat.press("escape")
        await order_shown(seat, 1014)


async def test_the_list_of_a_customers_orders_shows_no_email_while_it_is_masked(
    connection: asyncpg.Connection, sit: Sit
) -> None:
    for _ in range(14):
        await add_order(connection, customer_email="bo@example.com")
    async with sit(size=(120, 30)) as seat:
        await open_first(seat)
        await seat.press("m", "E")
        await seat.until(lambda: isinstance(seat.app.screen, OrdersScreen))
        await seat.sees("14 orders", " / b•••@e••• ", "--filter 'b•••@e•••'")
        assert "bo@example.com" not in seat.text()
        await seat.press("m")
        await seat.sees(" / bo@example.com ", "--filter bo@example.com")


@pytest.mark.usefixtures("stocked")
@pytest.mark.parametrize("width", [80, 120])
async def test_the_last_line_has_the_keys_that_work_and_is_never_cut(runtime: Runtime, sit: Sit, width: int) -> None:
    await paid_order(runtime)
    async with sit(size=(width, 24)) as seat:
        line = seat.text().split("\n")[-1]
        assert line.startswith(" D To do  Enter Open")
        assert line.endswith(": Go  ? All")
        await open_first(seat)
        await seat.sees("Esc Back  f Refund  s Sync")
        line = seat.text().split("\n")[-1]
        assert "Resend" not in line
        assert "Expire" not in line
        assert line.endswith(": Go  ? All")
        await seat.press("x")
        await seat.sees("This order has no open session.")
        await seat.press("question_mark")
        await seat.sees("not now: This order is completed: it has no")


async def test_the_help_of_the_orders_says_what_today_counts(sit: Sit) -> None:
    async with sit(size=(100, 60)) as seat:
        await seat.press("question_mark", "end")
        await seat.sees("Today, in the figures above:", "lowers that day")
