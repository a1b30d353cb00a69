"""The timeline that can be walked: the cursor, what Enter opens, and the order as of its line."""

from __future__ import annotations

import pytest

from checkout_daemon.audit.operators import Operator
from checkout_daemon.ledger.intake import Intake
from checkout_daemon.orders.notes import note_order
from checkout_daemon.orders.order_pages import show_order
from checkout_daemon.runtime import Runtime
from tests.support.shopping import check_out, paid_order
from tests.support.stripe_events import deliver, event_body, session_object
from tests.tui.conftest import Seat, Sit
from tests.tui.test_order import open_first
from tui.screens.dialogs import ShowResult
from tui.screens.event import EventScreen
from tui.screens.message import MessageScreen
from tui.screens.order import OrderScreen
from tui.widgets.pick_list import PickList

pytestmark = pytest.mark.usefixtures("stocked")
ADA = Operator("ada", "till-1")


async def walk_to(seat: Seat, text: str) -> None:
    """Move the cursor down to the entry with this text."""
    screen = seat.screen(OrderScreen)
    for _ in range(20):
        if screen.moment is not None and text in screen.moment.text:
            return
        await seat.press("down")
    raise AssertionError(f"no entry is {text!r}")


async def test_enter_opens_mails_audit_entries_and_attempts(runtime: Runtime, sit: Sit) -> None:
    answer = await paid_order(runtime)
    await note_order(runtime.database, str(answer.order_id), "called her", operator=ADA)
    async with sit(size=(120, 40)) as seat:
        await open_first(seat)
        await walk_to(seat, "order.noted")
        await seat.press("enter")
        await seat.screen_of(ShowResult)
        await seat.sees("Audit entry 1", "who: ada@till-1", "why: called her")
        await seat.press("escape")
        await walk_to(seat, "mail: order.completed")
        await seat.press("enter")
        await seat.screen_of(MessageScreen)
        await seat.sees("order.completed", "queued")
        await seat.press("escape")
        await walk_to(seat, "session 1 created")
        await seat.press("enter")
        await seat.sees("Session attempt 1", answer.session_id[:40])


async def test_enter_opens_an_event_and_escape_comes_back_to_its_line(
    runtime: Runtime, intake: Intake, sit: Sit
) -> None:
    answer = await check_out(runtime)
    session = session_object(str(answer.order_id), answer.session_id, "pi_1", amount_total=3399)
    await deliver(intake, event_body("checkout.session.completed", session, event_id="evt_paid"))
    async with sit() as seat:
        await open_first(seat)
        await walk_to(seat, "checkout.session.completed")
        await seat.press("enter")
        await seat.screen_of(EventScreen)
        await seat.sees("evt_paid")
        await seat.press("escape")
        screen = await seat.screen_of(OrderScreen)
        assert screen.moment is not None
        assert "checkout.session.completed" in screen.moment.text


async def test_the_state_at_the_cursor_and_the_order_as_it_was(runtime: Runtime, sit: Sit) -> None:
    await paid_order(runtime)
    async with sit(size=(130, 40)) as seat:
        screen = await open_first(seat)
        await seat.sees("Order 1001   completed", "€33.99  valid")
        await walk_to(seat, "order.created")
        await seat.sees("Order 1001   completed", ": pending")
        await seat.press("v")
        await seat.sees("As of ", ": pending")
        await seat.until(lambda: "valid" not in seat.text())
        assert screen.command.startswith("checkout orders show 1001 --at ")
        await seat.press("G", "g")  # the newest line
        await seat.sees("completed", "€33.99  valid")
        await seat.press("v")
        await seat.until(lambda: "As of" not in seat.text())
        assert screen.command == "checkout orders show 1001"


async def test_the_cursor_stays_on_its_line_when_something_new_happens(runtime: Runtime, sit: Sit) -> None:
    answer = await paid_order(runtime)
    order_id = str(answer.order_id)
    async with sit() as seat:
        screen = await open_first(seat)
        await seat.press("j")
        under = screen.moment
        await note_order(runtime.database, order_id, "first", operator=ADA)
        await seat.sees("order.noted")
        assert screen.moment == under
        await seat.press("g")
        await note_order(runtime.database, order_id, "second", operator=ADA)
        await seat.sees("second")
        assert screen.moment is not None
        assert "second" in screen.moment.detail
        assert seat.app.screen.query_one("#timeline", PickList).highlighted == 1
        assert len((await show_order(runtime.database, order_id)).changes) == 4
