"""What needs a person: by deadline, each item leads to its order, event or message, and to the act that fixes it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from checkout_daemon.audit.operators import this_operator
from checkout_daemon.database.pool import Database
from checkout_daemon.ledger.facts import DisputeFact, DisputeStatus, RefundFact, RefundStatus
from checkout_daemon.ledger.merge import Update, merge
from checkout_daemon.model.todo import Todo
from checkout_daemon.orders.todo import read_todo
from tests.support.orders import add_order
from tests.support.payments import paid
from tests.tui.conftest import Seat, Sit
from tui.screens.dialogs import Ask, ShowResult
from tui.screens.dispute import DisputeScreen
from tui.screens.event import EventScreen
from tui.screens.message import MessageScreen
from tui.screens.order import OrderScreen
from tui.screens.stock import StockScreen
from tui.screens.todo import TodoScreen

DUE = timedelta(days=17, hours=1)


@pytest.fixture
async def busy(database_url: str, connection: asyncpg.Connection) -> str:
    """An order with a dispute, one whose refund failed, a dead event and a dead message. Return the message's id."""
    orders = [await add_order(connection, amount_subtotal=5000, amount_total=5000) for _ in range(2)]
    now = datetime.now(UTC)
    asked = DisputeStatus.NEEDS_RESPONSE
    dispute = DisputeFact("dp_1", False, "pi_1", asked, now + DUE, 5000, "eur", "fraudulent", now, "evt_d")
    refund = RefundFact("re_1", False, "pi_2", RefundStatus.FAILED, 1300, "eur")
    database = Database(database_url, max_size=1)
    for update in (
        paid(orders[0], "pi_1"),
        paid(orders[1], "pi_2"),
        Update("charge.dispute.created", "stripe", subject_id="pi_1", facts=[dispute]),
        Update("refund.failed", "stripe", subject_id="pi_2", facts=[refund]),
    ):
        await database.run(merge, [update])
    await database.close()
    await connection.execute(
        "INSERT INTO stripe_events (id, type, status, last_error, received_at, body_hash)"
        " VALUES ('evt_1', 'charge.refunded', 'dead', 'KeyError: amount', now() - interval '1 hour', '')"
    )
    message_id: str = await connection.fetchval(
        "INSERT INTO outbox (order_id, kind, channel, status, last_error)"
        " VALUES ($1, 'payment.failed', 'webhook', 'dead', 'the receiver answered 500') RETURNING id::text",
        orders[1],
    )
    return message_id


async def open_todo(seat: Seat) -> TodoScreen:
    await seat.press("D")
    screen = await seat.screen_of(TodoScreen)
    await seat.until(lambda: screen.todo is not None)
    await seat.until(lambda: len(seat.lines()) == max(len(screen.items), 1))
    return screen


@pytest.mark.usefixtures("busy")
@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_the_nearest_deadline_is_first_and_what_fixes_it_is_shown(sit: Sit, size: tuple[int, int]) -> None:
    async with sit(size=size) as seat:
        screen = await open_todo(seat)
        await seat.sees("4 to do", "respond by", "in 17 d", "reason fraudulent", "→ checkout disputes evidence dp_1")
        kinds = [item.kind for item in screen.items]
        assert kinds == ["dispute_needs_response", "refund_failed", "event_dead", "message_dead"]
        assert seat.lines()[0][1:].split()[:4] == ["in", "17d", "1001", "€50.00"]
        assert "orders ack" not in seat.text()
        await seat.press("down")
        await seat.sees("$ checkout orders refund 1002 --amount 1300", "The bank returned the refund re_1")


async def test_an_empty_list_says_so(sit: Sit) -> None:
    async with sit() as seat:
        await open_todo(seat)
        await seat.sees("Nothing needs a person.", "0 to do")
        await seat.press("Z")
        await seat.sees("Nothing is snoozed")


async def test_enter_leads_to_the_dispute_the_order_the_event_and_the_message(sit: Sit, busy: str) -> None:
    async with sit(size=(100, 30)) as seat:
        await open_todo(seat)
        await seat.press("enter")
        assert (await seat.screen_of(DisputeScreen)).dispute_id == "dp_1"
        await seat.press("escape", "down", "enter")
        screen = await seat.screen_of(OrderScreen)
        await seat.until(lambda: screen.details is not None)
        assert screen.details is not None
        assert screen.details.view.order.number == 1002
        await seat.press("escape", "down", "enter")
        assert (await seat.screen_of(EventScreen)).event_id == "evt_1"
        await seat.press("escape", "down", "enter")
        assert (await seat.screen_of(MessageScreen)).message_id == busy
        await seat.sees("the receiver answered 500", "1002")
        await seat.press("o")
        await seat.screen_of(OrderScreen)


async def test_enter_on_short_stock_leads_to_the_stock_and_c_finds_no_number(
    connection: asyncpg.Connection, sit: Sit
) -> None:
    order_id = await add_order(connection)
    await connection.execute(
        "INSERT INTO products (sku, name, unit_amount, currency, stock) VALUES ('PEN', 'Pen', 333, 'eur', 1)"
    )
    await connection.execute(
        "INSERT INTO stock_reservations (order_id, sku, quantity, state, attempt, held_until, late)"
        " VALUES ($1, 'PEN', 3, 'reserved', 1, now() + interval '1 day', 'ask')",
        order_id,
    )
    async with sit(size=(100, 30)) as seat:
        await open_todo(seat)
        await seat.sees("2 pieces of PEN are missing")
        await seat.press("c")
        await seat.notices("It has no order number to copy.")
        await seat.press("enter")
        await seat.screen_of(StockScreen)


async def test_a_dead_message_is_dismissed_or_sent_again(connection: asyncpg.Connection, sit: Sit, busy: str) -> None:
    async with sit(size=(100, 30)) as seat:
        await open_todo(seat)
        await seat.press("end", "enter")
        await seat.screen_of(MessageScreen)
        await seat.press("X")
        await seat.screen_of(Ask)
        await seat.press(*"phoned", "enter")
        await seat.sees("dismissed", f"$ checkout outbox dismiss {busy} --note phoned")
        await seat.press("y")
        await seat.sees("queued")
        await seat.press("escape")
        await seat.until(lambda: len(seat.lines()) == 3)
    assert await connection.fetchval("SELECT status FROM outbox WHERE id = $1::text::uuid", busy) == "queued"
    batch = await connection.fetchrow("SELECT act, operator, done FROM batches")
    assert batch is not None
    assert tuple(batch) == ("replay_messages", this_operator().user, 1)


@pytest.mark.usefixtures("busy")
async def test_an_order_is_assigned_noted_snoozed_and_brought_back(connection: asyncpg.Connection, sit: Sit) -> None:
    async with sit(size=(120, 40)) as seat:
        screen = await open_todo(seat)
        await seat.press("down", "A")
        await seat.screen_of(Ask)
        await seat.press(*"anna", "enter")
        await seat.sees("Owner: anna", "$ checkout orders assign 1002 anna")
        await seat.press("n")
        await seat.screen_of(Ask)
        await seat.press(*"called", "enter")
        await seat.sees("called")
        await seat.press("z")
        await seat.screen_of(Ask)
        await seat.press(*"2d", "enter")
        await seat.screen_of(Ask)
        await seat.press(*"waiting", "enter")
        await seat.until(lambda: len(screen.items) == 3)
        await seat.sees("1 snoozed", "$ checkout orders snooze 1002 2d --note waiting")
        await seat.press("Z")
        await seat.until(lambda: len(seat.lines()) == 1)
        await seat.sees("Snoozed until")
        await seat.press("z")
        await seat.screen_of(Ask)
        await seat.press("-", "enter")
        await seat.sees("Nothing is snoozed")
    kinds = [row["kind"] for row in await connection.fetch("SELECT kind FROM operator_log ORDER BY number")]
    assert kinds == ["order.assigned", "order.noted", "order.snoozed", "order.unsnoozed"]


@pytest.mark.usefixtures("busy")
async def test_a_snooze_beyond_the_deadline_is_refused_and_an_event_has_no_note(sit: Sit) -> None:
    async with sit(size=(120, 40)) as seat:
        await open_todo(seat)
        await seat.press("z")
        await seat.screen_of(Ask)
        await seat.press(*"20d", "enter")
        await seat.screen_of(Ask)
        await seat.press(*"later", "enter")
        await seat.sees("must be answered by")
        await seat.press("z")
        await seat.screen_of(Ask)
        await seat.press(*"soon", "enter")
        await seat.sees("is not a span")
        await seat.press("down", "down", "n")
        await seat.sees("This is about no order")
        seat.screen(TodoScreen)


@pytest.mark.usefixtures("busy")
async def test_a_dead_event_is_assigned_snoozed_and_brought_back(connection: asyncpg.Connection, sit: Sit) -> None:
    async with sit(size=(120, 40)) as seat:
        screen = await open_todo(seat)
        await seat.press("down", "down", "A")
        await seat.screen_of(Ask)
        await seat.press(*"anna", "enter")
        await seat.sees("Owner: anna", "$ checkout orders assign event_dead:evt_1 anna")
        await seat.press("z")
        await seat.screen_of(Ask)
        await seat.press(*"tomorrow", "enter")
        await seat.screen_of(Ask)
        await seat.press(*"fixed then", "enter")
        await seat.until(lambda: len(screen.items) == 3)
        await seat.press("Z")
        await seat.sees("fixed then", "Snoozed until")
        await seat.press("z")
        await seat.screen_of(Ask)
        await seat.press("-", "enter")
        await seat.sees("Nothing is snoozed")
    kinds = [row["kind"] for row in await connection.fetch("SELECT kind FROM operator_log ORDER BY number")]
    assert kinds == ["item.assigned", "item.snoozed", "item.unsnoozed"]


@pytest.mark.usefixtures("busy")
async def test_the_page_and_the_fix_are_shown_to_be_copied(sit: Sit) -> None:
    async with sit(size=(120, 40)) as seat:
        await open_todo(seat)
        await seat.press("o")
        await seat.screen_of(ShowResult)
        await seat.sees("dp_1")
        await seat.press("c", "escape")
        assert seat.app.clipboard.endswith(("dp_1", "pi_1"))
        await seat.press("down", "w")
        assert seat.app.clipboard == "checkout orders refund 1002 --amount 1300 --payment pi_2"
        await seat.press("c")
        assert seat.app.clipboard == "1002"


@pytest.mark.usefixtures("busy")
async def test_names_are_masked_and_a_reader_changes_nothing(sit: Sit) -> None:
    async with sit(size=(120, 40), read_only=True) as seat:
        screen = await open_todo(seat)
        await seat.press("m")
        await seat.sees("A••• L•••")
        assert "Lovelace" not in seat.text()
        await seat.press("A", "z", "n")
        assert seat.app.screen is screen


async def test_what_is_done_leaves_the_list_and_the_cursor_stays_on_its_item(
    connection: asyncpg.Connection, sit: Sit, busy: str
) -> None:
    async with sit(size=(120, 40)) as seat:
        screen = await open_todo(seat)
        await seat.press("end")
        await connection.execute("UPDATE stripe_events SET status = 'dismissed'")
        await seat.until(lambda: len(screen.items) == 3)
        await seat.until(lambda: screen.item is not None and screen.item.subject == busy)


@pytest.mark.usefixtures("busy")
async def test_a_refund_is_not_offered_for_a_disputed_payment_but_its_page_is(sit: Sit) -> None:
    async with sit(size=(140, 40)) as seat:
        await seat.press(*"D", "enter")
        dispute = await seat.screen_of(DisputeScreen)
        await seat.until(lambda: dispute.dispute is not None)
        await seat.press("o")
        screen = await seat.screen_of(OrderScreen)
        await seat.sees("Order 1001   disputed", "Submit evidence", "respond by")
        assert screen.details is not None
        keys = seat.text().splitlines()[-1]
        assert "Refund" not in keys
        assert "Events" in keys
        await seat.press("f")
        await seat.sees("Its payment is disputed, so Stripe refuses a refund.")
        await seat.press("o")
        await seat.screen_of(ShowResult)
        await seat.sees("In Stripe's dashboard", "dp_1")
        await seat.press("escape", "w")
        await seat.until(lambda: "pi_1" in seat.app.clipboard or "dp_1" in seat.app.clipboard)


async def test_changes_that_come_faster_than_they_are_read_end_no_read(
    sit: Sit, monkeypatch: pytest.MonkeyPatch
) -> None:
    lets_go = asyncio.Event()
    begun: list[object] = []
    ended: list[object] = []

    async def slow(*arguments: Any) -> Todo:
        begun.append(arguments)
        await lets_go.wait()
        found = await read_todo(*arguments)
        ended.append(arguments)
        return found

    async with sit() as seat:
        screen = await open_todo(seat)
        monkeypatch.setattr("tui.screens.todo.read_todo", slow)
        for _ in range(5):
            await screen.changed([])
            await seat.pilot.pause()
        await seat.until(lambda: len(begun) > 0)
        assert len(begun) == 1
        lets_go.set()
        await seat.until(lambda: len(ended) > 1)
        assert len(begun) - len(ended) < 2
