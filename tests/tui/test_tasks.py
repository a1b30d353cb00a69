"""The first ten tasks of docs/TUI.md: exactly the keys of its table are pressed, and what comes of them is checked."""

from __future__ import annotations

from datetime import UTC, datetime
from time import monotonic
from typing import Any

import asyncpg
import pytest

from checkout_daemon.audit.operators import Operator
from checkout_daemon.ledger.intake import Intake
from checkout_daemon.orders import notes
from checkout_daemon.orders.order_pages import show_order
from checkout_daemon.runtime import Runtime
from tests.support.flaky_stripe import FlakyStripe
from tests.support.orders import add_change, add_order, number_of
from tests.support.shop import Shop
from tests.support.shopping import check_out, paid_order, pay
from tests.tui.conftest import Seat, Sit
from tests.tui.tasks import Task, World, busy_shop, note_seconds, open_first, perform, press, rows
from tests.tui.test_dead_letters import BROKEN, FIXED, fail_refunds
from tests.tui.test_trigger import at, shop
from tui.screens.order import OrderScreen

__all__ = ["shop"]


async def _stuck(world: World) -> None:
    await check_out(world.runtime)
    await world.connection.execute("UPDATE checkout_sessions SET expires_at = now() - interval '1 hour'")
    await add_order(world.connection)


async def _is_explained(world: World, seat: Seat) -> None:
    await seat.sees("must have ended", "event reported it", "→ checkout sessions sync 1001")
    assert (await show_order(world.runtime.database, "1001")).sessions[0].status == "open"


async def _is_resent(world: World, seat: Seat) -> None:
    await seat.sees("The link is valid until", "The mail waits in the outbox")
    kinds = await world.connection.fetch("SELECT kind FROM outbox WHERE channel = 'mail'")
    assert [row["kind"] for row in kinds] == ["session.link"]


async def _is_refunded(world: World, seat: Seat) -> None:
    await seat.sees("Order 1001   partially refunded")
    assert [refund.amount for refund in (await show_order(world.runtime.database, "1001")).refunds] == [500]


async def _missed(world: World) -> None:
    answer = await check_out(world.runtime)
    await pay(world.runtime, answer.session_id, answer.amount_total)


async def _is_healed(world: World, seat: Seat) -> None:
    await seat.sees("Order 1001   completed")
    assert (await show_order(world.runtime.database, "1001")).order.status == "completed"


async def _dead(world: World) -> None:
    await world.connection.execute(BROKEN)
    await fail_refunds(world.url, world.connection, world.intake)
    await world.connection.execute(FIXED)


async def _are_replayed(world: World, seat: Seat) -> None:
    await seat.sees("3 of 3", "3 applied again")
    rows = await world.connection.fetch("SELECT DISTINCT status FROM stripe_events")
    assert [row["status"] for row in rows] == ["applied"]


async def _two_customers(world: World) -> None:
    await add_order(world.connection, customer_email="bo@example.com")
    await add_order(world.connection)


async def _is_watched(world: World, seat: Seat) -> None:
    await seat.until(lambda: seat.numbers() == [1001])
    order_id = await add_order(world.connection, customer_email="bo@example.com")
    other = await add_order(world.connection)
    for changed in (other, order_id):
        await world.connection.execute(
            "INSERT INTO order_changes (order_id, to_status, cause, actor) VALUES ($1, 'pending', 'made', 's')", changed
        )
    await add_change(world.connection, order_id, "seen")
    number = await number_of(world.connection, order_id)
    await seat.until(lambda: seat.numbers() == [number, 1001])


async def _sold_today(world: World) -> None:
    now = datetime.now(UTC)
    await add_order(world.connection, created_at=now, paid_at=now, status="completed")


async def _revenue_is_shown(world: World, seat: Seat) -> None:
    assert await world.connection.fetchval("SELECT sum(amount_total) FROM orders WHERE paid_at IS NOT NULL") == 1250
    await seat.sees("Today €12.50")


async def _paid_among_others(world: World) -> None:
    await paid_order(world.runtime)
    world.pasted = (await show_order(world.runtime.database, "1001")).payments[0].id
    await add_order(world.connection)


async def _is_found(world: World, seat: Seat) -> None:
    screen = await seat.screen_of(OrderScreen)
    assert screen.order_id == (await show_order(world.runtime.database, world.pasted)).order.id
    await seat.sees("Order 1001   completed")


async def _noted(world: World) -> None:
    order_id = await add_order(world.connection)
    await add_order(world.connection)
    operator = Operator("ada", "till-1")
    await notes.note_order(world.runtime.database, order_id, "Called the bank.", operator=operator)


async def _is_proved(world: World, seat: Seat) -> None:
    await seat.sees("ada@till-1: order.noted", "Called the bank.", "audit entry 1")
    entry = await world.connection.fetchrow("SELECT operator, host, kind, number FROM operator_log")
    assert entry is not None
    assert tuple(entry) == ("ada", "till-1", "order.noted", 1)


TASKS = {
    "Find why an order is stuck": Task(_stuck, _is_explained),
    "Resend its link by mail": Task(lambda world: check_out(world.runtime), _is_resent),
    "Refund part of it: 5 of its currency": Task(lambda world: paid_order(world.runtime), _is_refunded),
    "Heal a missed webhook": Task(_missed, _is_healed),
    "Replay all dead letters of one cause": Task(_dead, _are_replayed),
    "Watch one customer": Task(_two_customers, _is_watched),
    "See today's revenue": Task(_sold_today, _revenue_is_shown),
    "Find an order by payment intent": Task(_paid_among_others, _is_found),
    "Prove what an operator did": Task(_noted, _is_proved),
}
TRIGGER = "Trigger a failed payment for an order"


@pytest.mark.usefixtures("stocked", "patient")
@pytest.mark.parametrize("task", TASKS)
async def test_a_task_takes_the_keys_that_the_document_counts(
    database_url: str,
    runtime: Runtime,
    stripe: FlakyStripe,
    intake: Intake,
    connection: asyncpg.Connection,
    sit: Sit,
    task: str,
) -> None:
    world = World(database_url, runtime, connection, intake)
    await TASKS[task].prepare(world)
    async with busy_shop(connection, database_url), sit(size=(100, 40), STRIPE_API_BASE=stripe.base) as seat:
        await perform(seat, task, TASKS[task], world)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.usefixtures("patient")
async def test_a_failed_payment_takes_the_keys_that_the_document_counts(sit: Sit, shop: Shop) -> None:
    screen, keys, count = rows()[TRIGGER]
    assert (screen, len(keys)) == ("Order", count)
    order: dict[str, Any] = await shop.check_out()
    async with at(sit, shop, size=(100, 40)) as seat:
        await open_first(seat)
        started = monotonic()
        press(seat, keys)
        await seat.sees("Done in")
        note_seconds(TRIGGER, monotonic() - started)
    connection = await asyncpg.connect(shop.dev.env["DATABASE_URL"])
    types = await connection.fetch("SELECT type FROM stripe_events WHERE order_id = $1", order["order_id"])
    await connection.close()
    assert "payment_intent.payment_failed" in {row["type"] for row in types}


def test_the_document_has_ten_tasks_and_each_is_pressed() -> None:
    assert set(rows()) >= {*TASKS, TRIGGER}
