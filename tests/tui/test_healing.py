"""An order that is not as it should be: what explains it, what Stripe reports, and an event applied again."""

from __future__ import annotations

import asyncpg
import pytest

from checkout_daemon.ledger.intake import Intake
from checkout_daemon.orders.order_pages import show_order
from checkout_daemon.runtime import Runtime
from tests.support.flaky_stripe import FlakyStripe
from tests.support.orders import add_order
from tests.support.shopping import check_out, pay
from tests.support.stripe_events import deliver, event_body, insert_order, refund_object, session_object
from tests.tui.conftest import Seat, Sit
from tui.screens.dialogs import Choose
from tui.screens.order import OrderScreen
from tui.screens.trigger import TriggerScreen

pytestmark = pytest.mark.usefixtures("stocked")


async def open_first(seat: Seat) -> OrderScreen:
    await seat.until(lambda: bool(seat.numbers()))
    await seat.press("enter")
    screen = await seat.screen_of(OrderScreen)
    await seat.until(lambda: screen.details is not None)
    return screen


async def test_it_explains_its_order_and_copies_the_fix(
    runtime: Runtime, connection: asyncpg.Connection, sit: Sit
) -> None:
    await check_out(runtime)
    async with sit(size=(130, 40)) as seat:
        await open_first(seat)
        await seat.sees("The customer has not paid yet", "→ checkout sessions resend 1001")
        await connection.execute("UPDATE checkout_sessions SET expires_at = now() - interval '1 hour'")
        await connection.execute(
            "INSERT INTO order_changes (order_id, from_status, to_status, cause, actor)"
            " SELECT id, status, status, 'looked', 't' FROM orders"
        )
        await connection.execute("NOTIFY checkout_changes")
        await seat.sees("no event reported it", "→ checkout sessions sync 1001")
        await seat.press("w")
        assert seat.app.clipboard == "checkout sessions sync 1001"


async def test_s_shows_the_drift_and_merges_it_only_after_yes(runtime: Runtime, stripe: FlakyStripe, sit: Sit) -> None:
    answer = await check_out(runtime)
    await pay(runtime, answer.session_id, answer.amount_total)
    async with sit(STRIPE_API_BASE=stripe.base) as seat:
        await open_first(seat)
        await seat.press("s")
        await seat.screen_of(Choose)
        await seat.sees("pending, would become completed", "status: open here, complete at Stripe")
        await seat.press("enter")
        await seat.screen_of(OrderScreen)
        assert (await show_order(runtime.database, "1001")).order.status == "pending"
        await seat.press("s")
        await seat.screen_of(Choose)
        await seat.press("down", "enter")
        await seat.sees("Order 1001   completed", "$ checkout sessions sync 1001")
    view = await show_order(runtime.database, "1001")
    assert view.order.status == "completed"
    assert any(change.cause == "session.sync" for change in view.changes)


async def test_y_applies_an_event_again_one_of_several_by_choice(
    database_url: str, intake: Intake, connection: asyncpg.Connection, sit: Sit
) -> None:
    order_id = await insert_order(database_url)
    body = event_body("checkout.session.completed", session_object(order_id, "cs_1", "pi_1"), event_id="evt_1")
    await deliver(intake, body)
    async with sit() as seat:
        screen = await open_first(seat)
        await seat.press("y")
        await seat.sees("event.replayed", "$ checkout events replay evt_1")
        body = event_body("payment_intent.created", {"id": "pi_1", "object": "payment_intent"}, event_id="evt_2")
        await deliver(intake, body)
        await connection.execute("UPDATE stripe_events SET order_id = $1 WHERE id = 'evt_2'", order_id)
        await screen.reload()
        await seat.until(lambda: screen.details is not None and len(screen.details.view.events) == 2)
        await seat.press("y")
        await seat.screen_of(Choose)
        await seat.press("down", "enter")
        await seat.screen_of(OrderScreen)
        await seat.until(lambda: screen.details is not None and _replays(screen) == 2)


async def test_y_offers_the_event_that_could_not_be_applied(
    database_url: str, intake: Intake, connection: asyncpg.Connection, sit: Sit
) -> None:
    await connection.execute("ALTER TABLE refunds ADD CONSTRAINT planted CHECK (amount <> 1300)")
    order_id = await insert_order(database_url)
    paid = event_body("checkout.session.completed", session_object(order_id, "cs_1", "pi_1"), event_id="evt_paid")
    await deliver(intake, paid)
    await deliver(intake, event_body("refund.created", refund_object("re_1", "pi_1", 1300), event_id="evt_refund"))
    await connection.execute("ALTER TABLE refunds DROP CONSTRAINT planted")
    async with sit(size=(130, 40)) as seat:
        await open_first(seat)
        await seat.sees("→ checkout events replay evt_refund")
        await seat.press("y")
        await seat.screen_of(Choose)
        await seat.sees("failed", "refund.created")
        await seat.press("enter")
        await seat.sees("$ checkout events replay evt_refund", "Order 1001   partially refunded")


def _replays(screen: OrderScreen) -> int:
    assert screen.details is not None
    return sum(action.kind == "event.replayed" for action in screen.details.history.actions)


async def test_t_opens_the_trigger_screen_for_its_order(connection: asyncpg.Connection, sit: Sit) -> None:
    await add_order(connection)
    async with sit() as seat:
        await open_first(seat)
        await seat.press("t")
        assert (await seat.screen_of(TriggerScreen)).choice.number == 1001
        await seat.press("escape")
        await seat.screen_of(OrderScreen)


async def test_a_reader_is_offered_none_of_it(runtime: Runtime, sit: Sit) -> None:
    await check_out(runtime)
    async with sit(read_only=True) as seat:
        screen = await open_first(seat)
        await seat.press("s", "y", "t")
        assert seat.app.screen is screen
        await seat.press("ctrl+p")
        await seat.sees("Search for commands")
        await seat.press(*["space" if letter == " " else letter for letter in "sync with stripe"])
        await seat.sees("No matches found")
