"""One order on the screen: facts, history, and every act from the keyboard, checked in the database and at Stripe."""

from __future__ import annotations

from functools import partial

import asyncpg
import pytest

from checkout_daemon.audit.operators import Operator
from checkout_daemon.ledger.intake import Intake
from checkout_daemon.ledger.merge import Update, merge
from checkout_daemon.orders.erasing import erase, plan_erasure
from checkout_daemon.orders.order_lists import OrderView
from checkout_daemon.orders.order_pages import show_order
from checkout_daemon.runtime import Runtime
from tests.support.flaky_stripe import FlakyStripe
from tests.support.orders import add_change, add_expired_order, add_order
from tests.support.selling import to_be_sent
from tests.support.shopping import check_out, paid_order, sessions_at_stripe
from tests.support.stripe_events import deliver, event_body, insert_order, refused_payment
from tests.tui.conftest import Seat, Sit
from tui.screens.dialogs import Ask, Choose, ShowResult
from tui.screens.forms import FillIn
from tui.screens.health import HealthScreen
from tui.screens.order import OrderScreen
from tui.screens.orders import OrdersScreen
from tui.screens.refund_box import RefundBox
from tui.texts import with_short_ids

pytestmark = pytest.mark.usefixtures("stocked")


async def open_first(seat: Seat) -> OrderScreen:
    await seat.until(lambda: bool(seat.numbers()))
    await seat.press("enter")
    screen = await seat.screen_of(OrderScreen)
    await seat.until(lambda: screen.details is not None)
    return screen


async def shown(runtime: Runtime) -> OrderView:
    return await show_order(runtime.database, "1001")


async def test_it_shows_facts_and_one_history(runtime: Runtime, sit: Sit) -> None:
    await paid_order(runtime)
    async with sit(size=(130, 40)) as seat:
        await open_first(seat)
        await seat.sees(
            "Order 1001   completed   €33.99", "ada@example.com", "2 × Notebook  €24.00", "complete, paid", "valid",
            "new → pending", "pending → completed", "session 1 created", "mail: order.completed",
            "$ checkout orders show 1001",
        )  # fmt: skip
        await seat.press("escape")
        await seat.sees("Orders")


async def test_capital_s_ships_what_is_paid_and_must_be_sent(
    runtime: Runtime, connection: asyncpg.Connection, sit: Sit
) -> None:
    order_id = str((await paid_order(runtime)).order_id)
    await to_be_sent(connection, order_id)
    async with sit(size=(130, 45)) as seat:
        await open_first(seat)
        await seat.sees("Send to  Mail", "1010 WIEN")
        await seat.press("S")
        await seat.screen_of(Ask)
        await seat.press(*"DHL", "enter")
        await seat.sees("Number of the parcel")
        await seat.press(*"34", "enter")
        await seat.sees("Shipped", "$ checkout orders ship 1001 --carrier DHL --tracking 34")
    assert (await shown(runtime)).order.shipped_at is not None


async def test_an_order_of_which_nothing_is_sent_cannot_be_shipped(runtime: Runtime, sit: Sit) -> None:
    await paid_order(runtime)
    async with sit(size=(130, 40)) as seat:
        await open_first(seat)
        await seat.press("S")
        await seat.sees("Nothing of this order is sent.")


async def test_it_follows_its_order(connection: asyncpg.Connection, sit: Sit) -> None:
    order_id = await add_order(connection)
    async with sit() as seat:
        await open_first(seat)
        await connection.execute("UPDATE orders SET status = 'failed' WHERE id = $1", order_id)
        await add_change(connection, order_id, "declined")
        await seat.sees("Order 1001   failed", "declined")


async def test_it_shows_what_changes_nothing_in_its_order(database_url: str, intake: Intake, sit: Sit) -> None:
    order_id = await insert_order(database_url)
    async with sit(size=(120, 40)) as seat:
        await open_first(seat)
        await deliver(intake, refused_payment(order_id))
        await seat.sees("Order 1001   pending", "payment_intent.payment_failed", "tried to pay once")


async def test_r_gives_a_link_and_mails_it_when_asked(runtime: Runtime, stripe: FlakyStripe, sit: Sit) -> None:
    await check_out(runtime)
    async with sit(size=(100, 45), STRIPE_API_BASE=stripe.base) as seat:
        await open_first(seat)
        await seat.press("r")
        await seat.screen_of(Choose)
        await seat.press("down", "enter")
        await seat.screen_of(ShowResult)
        view = await shown(runtime)
        await seat.sees("The mail waits in the outbox", "█", "The link is valid until")
        assert view.sessions[-1].url is not None
        assert view.sessions[-1].url[:40] in seat.text()
        await seat.press("escape")
        await seat.sees("session.resent", "mail: session.link", "$ checkout sessions resend 1001")


async def test_f_refunds_what_was_typed_and_confirmed(runtime: Runtime, stripe: FlakyStripe, sit: Sit) -> None:
    await paid_order(runtime)
    async with sit(STRIPE_API_BASE=stripe.base) as seat:
        await open_first(seat)
        await seat.press("f")
        await seat.screen_of(RefundBox)
        await seat.sees("How much of €33.99")
        await seat.press(*"5.00", "enter")
        await seat.sees("Refund €5.00 of pi_", "This leaves €28.99")
        await seat.press(*"no", "enter")
        await seat.sees("Nothing was done")
        assert (await shown(runtime)).refunds == ()
        await seat.press("backspace", "backspace", *"1001", "enter")
        await seat.sees("Order 1001   partially refunded", "orders refund 1001 --amount 500")
    view = await shown(runtime)
    assert [refund.amount for refund in view.refunds] == [500]


async def test_f_explains_what_cannot_be_refunded(runtime: Runtime, stripe: FlakyStripe, sit: Sit) -> None:
    await paid_order(runtime)
    async with sit(STRIPE_API_BASE=stripe.base) as seat:
        await open_first(seat)
        await seat.press("f")
        await seat.screen_of(RefundBox)
        await seat.press(*"99", "enter")
        await seat.sees("is more than the €33.99")
    assert (await shown(runtime)).refunds == ()


async def test_f_refunds_items_with_reason_and_note(runtime: Runtime, stripe: FlakyStripe, sit: Sit) -> None:
    await paid_order(runtime)
    async with sit(size=(130, 45), STRIPE_API_BASE=stripe.base) as seat:
        await open_first(seat)
        await seat.press("f")
        await seat.screen_of(RefundBox)
        await seat.sees("0 of 2  NOTE  Notebook  €24.00", "‹ no reason ›")
        await seat.press("5", "tab", "right", "right", "right", "left", "down", "space", "enter")
        await seat.sees("Give an amount or items, not both")
        await seat.press(
            "shift+tab", "backspace", "tab", "tab", "right", "right", "right", "tab", *"two broke", "enter"
        )
        await seat.sees("Refund €21.99 of pi_", "Items: 1 × NOTE, 3 × PEN", "Reason: requested by customer")
        await seat.press(*"1001", "enter")
        await seat.sees("Order 1001   partially refunded", "1 × NOTE, 3 × PEN", "two broke")
        assert seat.screen(OrderScreen).command == (
            "checkout orders refund 1001 --item NOTE:1 --item PEN:3 --reason requested_by_customer --note 'two broke'"
        )
    (refund,) = (await shown(runtime)).refunds
    assert (refund.amount, [item.quantity for item in refund.items]) == (2199, [1, 3])


async def test_x_expires_only_after_yes(runtime: Runtime, stripe: FlakyStripe, sit: Sit) -> None:
    await check_out(runtime)
    async with sit(STRIPE_API_BASE=stripe.base) as seat:
        await open_first(seat)
        await seat.press("x")
        await seat.screen_of(Choose)
        await seat.press("enter")
        await seat.screen_of(OrderScreen)
        assert [session["status"] for session in await sessions_at_stripe(runtime)] == ["open"]
        await seat.press("x", "down", "enter")
        await seat.sees("Order 1001   expired")
    assert [session["status"] for session in await sessions_at_stripe(runtime)] == ["expired"]


async def test_shift_x_cancels_after_the_number_was_typed(runtime: Runtime, stripe: FlakyStripe, sit: Sit) -> None:
    await check_out(runtime)
    async with sit(STRIPE_API_BASE=stripe.base) as seat:
        await open_first(seat)
        await seat.press("X")
        await seat.screen_of(Ask)
        await seat.press(*"1001", "enter")
        await seat.sees("Order 1001   canceled")
    assert (await shown(runtime)).order.status == "canceled"


async def test_n_keeps_a_note_and_a_refused_action_is_explained(
    runtime: Runtime, stripe: FlakyStripe, sit: Sit
) -> None:
    await paid_order(runtime)
    async with sit(STRIPE_API_BASE=stripe.base) as seat:
        await open_first(seat)
        await seat.press("n")
        await seat.screen_of(Ask)
        await seat.press(*"call", "enter")
        await seat.sees("order.noted", "call")
        await seat.press("r")
        await seat.sees("This order is completed:")


async def test_u_corrects_a_mistyped_email_and_says_what_goes_there(runtime: Runtime, sit: Sit) -> None:
    await paid_order(runtime)
    async with sit() as seat:
        await open_first(seat)
        await seat.press("u")
        await seat.screen_of(FillIn)
        await seat.press("enter", "enter", "enter")
        await seat.sees("Neither the email nor the phone is changed. Nothing was done.")
        await seat.press("up", "up", *["backspace"] * 3, *"c@", "enter", "enter", "enter")
        await seat.sees("Please enter an email address")
        await seat.press("up", "up", "backspace", "backspace", *"at", "enter", "enter", *"typo", "enter")
        await seat.screen_of(Choose)
        await seat.sees("email: ada@example.at", "To the new email: order.completed")
        await seat.press("down", "enter")
        await seat.sees("ada@example.at", "order.corrected", "typo")
        assert seat.screen(OrderScreen).command == "checkout orders correct 1001 --email ada@example.at --note typo"
    assert (await shown(runtime)).order.customer_email == "ada@example.at"


async def test_typed_at_once_a_correction_is_the_same_and_masked_it_shows_nothing(runtime: Runtime, sit: Sit) -> None:
    await paid_order(runtime)
    async with sit() as seat:
        await open_first(seat)
        await seat.press("m")
        seat.burst("u", "enter", *"+43664123456", "enter", "enter", "down", "enter")
        await seat.sees("order.corrected")
        assert "+43664123456" not in seat.text()
    assert (await shown(runtime)).order.customer_phone == "+43664123456"


async def test_a_acknowledges_one_of_the_attentions(runtime: Runtime, sit: Sit) -> None:
    await paid_order(runtime)
    await runtime.database.run(
        lambda connection: connection.execute("UPDATE payment_observations SET amount = amount + 1")
    )
    order_id = (await shown(runtime)).order.id
    await runtime.database.run(merge, [Update("t", "test", order_ids=[order_id])])
    async with sit() as seat:
        await open_first(seat)
        await seat.sees("! amount mismatch")
        await seat.press("a")
        await seat.screen_of(Choose)
        await seat.press("enter")
        await seat.screen_of(Ask)
        await seat.press(*"ok", "enter")
        await seat.until(lambda: "! amount mismatch" not in seat.text())
        await seat.sees("orders ack 1001 amount_mismatch --note ok")
    assert (await shown(runtime)).order.attention == ()


async def test_o_and_c_show_and_copy_what_others_need(runtime: Runtime, stripe: FlakyStripe, sit: Sit) -> None:
    await paid_order(runtime)
    payment = (await shown(runtime)).payments[0].id
    async with sit() as seat:
        await open_first(seat)
        await seat.press("o")
        await seat.screen_of(ShowResult)
        await seat.press("c")
        assert seat.app.clipboard == f"https://dashboard.stripe.com/test/payments/{payment}"
        await seat.press("escape")
        await seat.press("c")
        await seat.screen_of(Choose)
        await seat.press("down", "down", "down", "enter")
        await seat.screen_of(OrderScreen)
        assert seat.app.clipboard == payment
        await seat.press("C")
        assert seat.app.clipboard == "checkout orders show 1001"


async def test_read_only_has_no_key_that_writes(runtime: Runtime, sit: Sit) -> None:
    await check_out(runtime)
    async with sit(read_only=True, size=(100, 24)) as seat:
        screen = await open_first(seat)
        await seat.press("r", "f", "x", "X", "a", "n")
        assert seat.app.screen is screen
        await seat.sees("read-only")
        assert "Refund" not in seat.text().splitlines()[-1]


async def test_an_erased_customer_is_shown_as_erased(
    runtime: Runtime, connection: asyncpg.Connection, sit: Sit
) -> None:
    order_id = await add_expired_order(connection)
    plan = await plan_erasure(runtime.database, order_id, customer=False)
    await erase(runtime.database, plan, operator=Operator("boss", "shop1"))
    async with sit() as seat:
        await seat.sees(" €12.50  erased")
        screen = await open_first(seat)
        await seat.sees("Customer erased")
        assert screen.details is not None
        assert screen.details.view.order.customer_name == ""


async def test_personal_data_is_masked_with_one_key(connection: asyncpg.Connection, sit: Sit) -> None:
    await add_order(connection)
    async with sit() as seat:
        await open_first(seat)
        await seat.sees("Ada Lovelace", "ada@example.com", "+43664123456")
        await seat.press("m")
        await seat.sees("A••• L•••", "a•••@e•••", "••••56", "masked")
        await seat.press("escape")
        assert "Ada" not in seat.text()


async def test_what_is_copied_is_whole_and_shown_masked(connection: asyncpg.Connection, sit: Sit) -> None:
    await add_order(connection)
    async with sit() as seat:
        await open_first(seat)
        await seat.press("m", "c")
        await seat.screen_of(Choose)
        await seat.press("down", "down", "enter")
        await seat.notices("a•••@e•••")
        assert seat.app.clipboard == "ada@example.com"
        assert not [shown for shown in seat.app._notifications if "ada" in shown.message]


async def test_what_does_not_fit_a_line_of_the_timeline_goes_on_under_it(
    connection: asyncpg.Connection, sit: Sit
) -> None:
    order_id = await add_order(connection)
    await add_change(connection, order_id, " ".join(f"word{place:02}" for place in range(30)))
    async with sit() as seat:
        await seat.press("enter")
        await seat.sees("word00", "word29")
        for width in (80, 130, 80):
            await seat.pilot.resize_terminal(width, 24)
            await seat.until(partial(_fills, seat, width))


def _fills(seat: Seat, width: int) -> bool:
    """Whether the note stands below its beginning, over the width that is there: one half where there are two."""
    lines = [line for line in seat.text().split("\n") if "word" in line]
    column = 13 if width < 110 else lines[0].index("word")
    return {line.index("word") for line in lines} == {column} and max(map(len, lines)) > width - 10


async def test_at_80x24_the_refusal_is_read_before_anything_else(
    connection: asyncpg.Connection, intake: Intake, sit: Sit
) -> None:
    order_id = await add_order(connection)
    error = {"code": "card_declined", "decline_code": "insufficient_funds", "message": "Your card has no funds."}
    subject = {"id": "pi_1", "object": "payment_intent", "metadata": {"order_id": order_id}}
    await deliver(intake, event_body("payment_intent.payment_failed", subject | {"last_payment_error": error}))
    async with sit() as seat:
        await seat.until(lambda: bool(seat.numbers()))
        await seat.press("enter")
        await seat.screen_of(OrderScreen)
        await seat.sees("─Why─", "no funds (insufficient_funds).")
        lines = seat.text().splitlines()
        why = next(place for place, line in enumerate(lines) if line.startswith("─Why"))
        assert "The customer tried to pay once and was refused" in lines[why + 1]


def test_long_ids_in_sentences_are_shortened() -> None:
    session = "cs_test_a1UKVw17luvuDO8SHNxwhtAdehkndWrtOmxyUFNZGmjwxGx9skzuq1j1UB"
    text = f"The customer has not paid yet: session {session}, of pi_3flQVaObFm1vvOaI6S3NkoHd, is open."
    assert with_short_ids(text) == text.replace(session, "cs_test_a1UKVw17luvu…skzuq1j1UB")


async def test_escape_takes_away_what_failed_and_so_does_another_screen(
    connection: asyncpg.Connection, sit: Sit
) -> None:
    await add_order(connection)
    async with sit(size=(120, 40)) as seat:
        screen = await open_first(seat)
        screen.failed("Stripe refuses it")
        await seat.sees("Not done")
        await seat.press("H")
        await seat.screen_of(HealthScreen)
        assert "Not done" not in seat.text()
        await seat.press("escape")
        await seat.screen_of(OrderScreen)
        screen.failed("Stripe refuses it")
        await seat.sees("Not done")
        await seat.press("escape")
        await seat.screen_of(OrdersScreen)
        await seat.until(lambda: "Not done" not in seat.text())


async def test_a_screen_that_goes_is_not_drawn_again(connection: asyncpg.Connection, sit: Sit) -> None:
    await add_order(connection)
    async with sit() as seat:
        await open_first(seat)
        screen = await seat.screen_of(OrderScreen)
        screen.display = False  # as Textual does first when it removes a screen; then its widgets go, and sizes change
        await screen.query_one("#timeline").remove()
        screen.redraw()
