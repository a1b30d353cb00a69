"""What is read stays readable at every width, in any colours, and with hands that are used to other programs."""

from __future__ import annotations

from datetime import UTC, datetime

import asyncpg
import pytest
from textual.selection import SELECT_ALL

from checkout_daemon.ledger.event_types import EVENT_TYPES
from checkout_daemon.ledger.intake import Intake
from checkout_daemon.model.events import EventLine
from checkout_daemon.present.columns import View
from checkout_daemon.present.event_columns import EVENTS, short_event
from tests.support.orders import add_order
from tests.support.stripe_events import deliver, event_body, session_object
from tests.tui.conftest import Sit
from tui.screens.dialogs import Ask, Picker, ShowResult
from tui.screens.looks import cells_of, columns_that_fit
from tui.screens.order import OrderScreen
from tui.screens.trigger import TriggerScreen
from tui.texts import qr_code
from tui.widgets.command_line import CommandLine
from tui.widgets.entry import Entry
from tui.widgets.line import Block


@pytest.mark.parametrize("width", range(79, 241))
def test_the_type_of_an_event_is_whole_at_every_width(width: int) -> None:
    shown = EVENTS.shown(width, ())
    columns = columns_that_fit(shown, width)
    place = [column.title for column in columns].index("Type")
    assert sum(column.width + 2 for column in columns) - 1 <= width
    for name in EVENT_TYPES:
        now = datetime.now(UTC)
        event = EventLine(
            id="evt_1", type=name, status="applied", reason=None, order_id=None, api_version=None, livemode=False,
            created_at=now, received_at=now, applied_at=now, attempts=1, next_attempt_at=None, last_error=None,
        )  # fmt: skip
        cells = list(cells_of(shown, event, columns, View(now)))
        assert len(cells) == len(columns)
        text = cells[place][0]
        assert text in (name, short_event(name))
        assert len(text) <= columns[place].width


async def test_what_is_chosen_is_told_without_colours(sit: Sit) -> None:
    async with sit() as seat:
        seat.app.push_screen(Picker("Show", [("one", "The first"), ("two", "The second")], ["two"]))
        await seat.screen_of(Picker)
        await seat.sees("[ ] The first", "[x] The second")
        await seat.press("space")
        await seat.sees("[x] The first", "[x] The second")


async def test_ctrl_c_copies_what_is_selected_and_quits_if_nothing_is(connection: asyncpg.Connection, sit: Sit) -> None:
    await add_order(connection)
    async with sit() as seat:
        await seat.until(lambda: seat.numbers() == [1001])
        await seat.press("enter")
        screen = await seat.screen_of(OrderScreen)
        await seat.sees("Order 1001")
        screen.selections = {screen.query_one("#headline", Block): SELECT_ALL}
        await seat.press("ctrl+c")
        assert seat.app.clipboard.strip().startswith("Order 1001")
        assert seat.app.is_running
        await seat.press("ctrl+c")
        await seat.until(lambda: not seat.app.is_running)


async def test_a_key_that_would_write_names_the_reason_why_it_does_not(
    connection: asyncpg.Connection, sit: Sit
) -> None:
    await add_order(connection)
    async with sit(read_only=True) as seat:
        await seat.until(lambda: seat.numbers() == [1001])
        await seat.press("enter")
        await seat.screen_of(OrderScreen)
        await seat.press("f")
        await seat.sees("This terminal is read-only.")
        await seat.press("question_mark")
        await seat.sees("not now: This terminal is read-only.")


async def test_items_and_phone_are_seen_at_once_and_nothing_wraps_to_the_edge(
    connection: asyncpg.Connection, sit: Sit
) -> None:
    order_id = await add_order(
        connection, customer_email=f"{'long' * 12}@example.com", customer_phone="+43 660 1234567"
    )
    await connection.execute(
        "INSERT INTO order_items (order_id, position, sku, name, unit_amount, quantity, amount, amount_discount)"
        " VALUES ($1, 0, 'NOTE', 'Notebook', 1250, 1, 1250, 0)",
        order_id,
    )
    async with sit(size=(80, 24)) as seat:
        await seat.until(lambda: seat.numbers() == [1001])
        await seat.press("enter")
        await seat.sees("Phone    +43 660 1234567", "Items    1 × Notebook  €12.50")


async def test_after_a_canceled_action_the_command_is_the_one_from_before(
    connection: asyncpg.Connection, intake: Intake, sit: Sit
) -> None:
    order_id = await add_order(connection, amount_subtotal=5000, amount_total=5000)
    await deliver(intake, event_body("checkout.session.completed", session_object(order_id, "cs_1", "pi_1")))
    async with sit() as seat:
        await seat.until(lambda: seat.numbers() == [1001])
        await seat.press("enter")
        screen = await seat.screen_of(OrderScreen)
        await seat.sees("$ checkout orders show 1001")
        await seat.press("f")
        await seat.until(lambda: seat.app.screen is not screen)
        await seat.press("escape")
        await seat.screen_of(OrderScreen)
        await seat.until(lambda: screen.query_one(CommandLine).command == "checkout orders show 1001")
        await seat.press("x")
        await seat.sees("This order has no open session.")


@pytest.mark.parametrize(("length", "whole"), [(40, True), (600, False)])
async def test_a_code_is_shown_whole_or_not_at_all(sit: Sit, length: int, *, whole: bool) -> None:
    url = "https://pay.example/" + "a" * length
    async with sit(size=(80, 24)) as seat:
        art = qr_code(url)
        seat.app.push_screen(ShowResult("Order 1", f"{url}\n\nThe link is valid.", copies=url, art=art))
        await seat.screen_of(ShowResult)
        await seat.sees("The link is valid." if not whole else "█")
        rows = [line for line in art.split("\n") if line.strip()]
        shown = seat.text()
        assert all(row.strip() in shown for row in rows) == whole
        assert ("to be seen whole" in shown) != whole


async def test_the_event_that_is_triggered_stays_in_sight(sit: Sit) -> None:
    async with sit(size=(80, 24)) as seat:
        await seat.press("T")
        screen = await seat.screen_of(TriggerScreen)
        await seat.press("end")
        screen.set_class(True, "-run")
        screen.call_after_refresh(screen.events.scroll_to_highlight)
        await seat.until(lambda: screen.events.size.height <= 5)
        await seat.until(lambda: screen.events.scroll_offset.y >= len(EVENT_TYPES) - screen.events.size.height)


async def test_a_long_question_hides_neither_what_to_type_nor_the_input(sit: Sit) -> None:
    async with sit(size=(80, 24)) as seat:
        skipped = "\n".join(f"order {number} was refunded, and its customer has the money" for number in range(30))
        last = "Type the number of orders, 30, to confirm."
        seat.app.push_screen(Ask("Refund", skipped, must_be="30", last=last))
        asked = await seat.screen_of(Ask)
        await seat.press(*"29", "enter")
        await seat.sees("order 0 was refunded", last, "That is not 30. Nothing was done.")
        box, typed = asked.query_one(".box"), asked.query_one(Entry)
        assert box.content_region.contains_region(typed.region)
