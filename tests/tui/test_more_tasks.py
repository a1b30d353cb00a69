"""The further tasks of docs/TUI.md: with what needs a person, with several orders, and with the past."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import asyncpg
import pytest

from checkout_daemon.audit.operators import this_operator
from checkout_daemon.bank.reading import read_balance
from checkout_daemon.database.pool import Database
from checkout_daemon.ledger.facts import DisputeFact, DisputeStatus
from checkout_daemon.ledger.intake import Intake
from checkout_daemon.ledger.merge import Update, merge
from checkout_daemon.orders.order_pages import show_order
from checkout_daemon.runtime import Runtime
from tests.support.balance import advance
from tests.support.flaky_stripe import FlakyStripe
from tests.support.orders import add_charge, add_order
from tests.support.payments import paid
from tests.support.shopping import a_request, check_out, paid_order
from tests.support.stripe_events import deliver, event_body, session_object
from tests.tui.conftest import Seat, Sit
from tests.tui.tasks import Task, World, busy_shop, perform, rows
from tests.tui.test_tasks import TASKS as FIRST_TASKS
from tests.tui.test_tasks import TRIGGER
from tui.screens.event import EventScreen

DUE = timedelta(days=17, hours=1)


async def _disputed(world: World) -> None:
    order_id = await add_order(world.connection, amount_subtotal=5000, amount_total=5000)
    now = datetime.now(UTC)
    dispute = DisputeFact(
        "dp_1", False, "pi_1", DisputeStatus.NEEDS_RESPONSE, now + DUE, 5000, "eur", "fraudulent", now, "evt_d"
    )
    database = Database(world.url, max_size=1)
    await database.run(merge, [paid(order_id, "pi_1")])
    await database.run(merge, [Update("charge.dispute.created", "stripe", subject_id="pi_1", facts=[dispute])])
    await database.close()


async def _deadline_is_shown(world: World, seat: Seat) -> None:
    await seat.sees("respond by", "in 17 d", "reason fraudulent", "€50.00")


async def _is_taken_over(world: World, seat: Seat) -> None:
    owner = this_operator().user
    await seat.sees(f"Owner: {owner}")
    entry = await world.connection.fetchrow("SELECT kind, operator FROM operator_log")
    assert entry is not None
    assert tuple(entry) == ("order.assigned", owner)


async def _is_snoozed(world: World, seat: Seat) -> None:
    await seat.sees("1 snoozed")
    assert [row["kind"] for row in await world.connection.fetch("SELECT kind FROM operator_log")] == ["order.snoozed"]


async def _five_are_paid(world: World) -> None:
    for _ in range(6):
        await paid_order(world.runtime)


async def _five_are_refunded(world: World, seat: Seat) -> None:
    await seat.sees("refund   finished", "5 done, 0 failed")
    statuses = await world.connection.fetch("SELECT status FROM orders WHERE customer_name <> 'Load' ORDER BY number")
    assert [row["status"] for row in statuses] == ["completed"] + ["refunded"] * 5


async def _item_is_refunded(world: World, seat: Seat) -> None:
    await seat.sees("Order 1001   partially refunded")
    (refund,) = (await show_order(world.runtime.database, "1001")).refunds
    assert [(item.sku, item.quantity) for item in refund.items] == [("NOTE", 1)]


async def _is_corrected(world: World, seat: Seat) -> None:
    await seat.sees("order.corrected", "ada@example.com")
    assert (await show_order(world.runtime.database, "1001")).order.customer_email == "ada@example.com"
    rows = await world.connection.fetch("SELECT kind FROM outbox WHERE channel = 'mail'")
    assert "order.completed" in {row["kind"] for row in rows}


async def _paid_by_event(world: World) -> None:
    answer = await check_out(world.runtime)
    session = session_object(str(answer.order_id), answer.session_id, "pi_1", amount_total=3399)
    await deliver(world.intake, event_body("checkout.session.completed", session, event_id="evt_paid"))


async def _event_is_shown(world: World, seat: Seat) -> None:
    assert (await seat.screen_of(EventScreen)).event_id == "evt_paid"
    await seat.sees("checkout.session.completed", "cs_test_")


async def _order_is_as_it_was(world: World, seat: Seat) -> None:
    await seat.sees("As of ", ": pending")


async def _two_of_a_customer(world: World) -> None:
    for email in ("bo@example.com", "ada@example.com", "bo@example.com"):
        await add_order(world.connection, customer_email=email)


async def _the_other_is_shown(world: World, seat: Seat) -> None:
    await seat.sees("Order 1001   ")


async def _one_dead(world: World) -> None:
    await world.connection.execute(
        "INSERT INTO stripe_events (id, type, status, last_error, received_at, body_hash)"
        " VALUES ('evt_1', 'charge.refunded', 'dead', 'KeyError: amount', now() - interval '1 hour', '')"
    )


async def _is_dismissed(world: World, seat: Seat) -> None:
    await seat.sees("1 event dismissed.")
    assert await world.connection.fetchval("SELECT status FROM stripe_events WHERE id = 'evt_1'") == "dismissed"


async def _four_digits(world: World) -> None:
    for _ in range(2):
        await paid_order(world.runtime)
    await world.connection.execute(
        "UPDATE charges SET last4 = '1881' WHERE order_id = (SELECT id FROM orders WHERE number = 1002)"
    )


async def _payment_is_found(world: World, seat: Seat) -> None:
    await seat.sees("Order 1001   completed", "4242")


async def _declined(world: World) -> None:
    await paid_order(world.runtime)
    for days, code in ((0, "insufficient_funds"), (2, "lost_card")):
        order_id = await add_order(world.connection, ago=timedelta(days=days))
        await add_charge(world.connection, order_id, status="failed", decline_code=code)


async def _reasons_are_shown(world: World, seat: Seat) -> None:
    await seat.sees("decline", "insufficient_funds", "today, against")
    assert "lost_card" not in seat.text()


async def _two_weeks(world: World) -> None:
    monday = date.today() - timedelta(days=date.today().weekday())  # noqa: DTZ011
    await add_order(world.connection)
    for days, amount in ((7, 1500), (14, 1000)):
        day = datetime.combine(monday - timedelta(days=days), time(12), UTC)
        await world.connection.execute(
            "INSERT INTO balance_transactions (id, livemode, type, category, amount, fee, net, currency, created_at,"
            " available_on) VALUES ($1, false, 'charge', 'charge', $2, 0, $2, 'eur', $3, $3)",
            f"txn_{amount}",
            amount,
            day,
        )


async def _weeks_are_compared(world: World, seat: Seat) -> None:
    await seat.sees("net €15.00 (+50%)", "last week, against Mon")


async def _paid_out(world: World) -> None:
    await paid_order(world.runtime)
    await read_balance(world.runtime)
    assert world.stripe is not None
    await advance(world.stripe, "4d")
    await read_balance(world.runtime, at_once=True)


async def _order_of_payout_is_open(world: World, seat: Seat) -> None:
    await seat.sees("Order 1001   completed")


async def _two_need_attention(world: World) -> None:
    for _ in range(2):
        await add_order(world.connection, attention=["paid_twice"])
    await add_order(world.connection)


async def _are_handed_over(world: World, seat: Seat) -> None:
    await seat.sees("bo takes care of 2 orders")
    owners = await world.connection.fetch("SELECT owner FROM order_care")
    assert [row["owner"] for row in owners] == ["bo", "bo"]


TASKS = {
    "See which dispute must be answered first": Task(_disputed, _deadline_is_shown),
    "Take it over": Task(_disputed, _is_taken_over),
    "Put it off for two days": Task(_disputed, _is_snoozed),
    "Refund five orders": Task(_five_are_paid, _five_are_refunded),
    "Refund one piece of an item": Task(lambda world: paid_order(world.runtime), _item_is_refunded),
    "Correct a mistyped email, and mail again": Task(
        lambda world: paid_order(world.runtime, customer=replace(a_request().customer, email="ada@example.con")),
        _is_corrected,
    ),
    "Read the event that paid it": Task(_paid_by_event, _event_is_shown),
    "See the order as it was before that": Task(_paid_by_event, _order_is_as_it_was),
    "Open the customer's other order": Task(_two_of_a_customer, _the_other_is_shown),
    "Dismiss a dead event": Task(_one_dead, _is_dismissed),
    "Find a payment by the last four digits of its card": Task(_four_digits, _payment_is_found),
    "See today's declines by reason": Task(_declined, _reasons_are_shown),
    "Compare last week with the week before": Task(_two_weeks, _weeks_are_compared),
    "Open an order of the newest payout": Task(_paid_out, _order_of_payout_is_open),
    "Hand over the shift: all that needs attention": Task(_two_need_attention, _are_handed_over),
}


@pytest.mark.usefixtures("stocked", "patient")
@pytest.mark.parametrize("task", TASKS)
async def test_a_further_task_takes_the_keys_that_the_document_counts(
    database_url: str,
    runtime: Runtime,
    stripe: FlakyStripe,
    intake: Intake,
    connection: asyncpg.Connection,
    sit: Sit,
    task: str,
) -> None:
    world = World(database_url, runtime, connection, intake, stripe)
    await TASKS[task].prepare(world)
    async with busy_shop(connection, database_url), sit(size=(100, 40), STRIPE_API_BASE=stripe.base) as seat:
        await perform(seat, task, TASKS[task], world)


def test_every_task_of_the_document_is_pressed() -> None:
    assert set(rows()) == {*FIRST_TASKS, TRIGGER, *TASKS}
