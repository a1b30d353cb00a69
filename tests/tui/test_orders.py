"""The list of orders: what it shows, and that it changes in place under a cursor that stays on its order."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg

from checkout_daemon.ledger.change_log import ChangeLine
from checkout_daemon.ledger.intake import Intake
from tests.support.orders import add_change, add_order
from tests.support.stripe_events import deliver, insert_order, refused_payment
from tests.tui.conftest import Sit
from tui.screens.orders import OrdersScreen
from tui.widgets.table import LiveTable
from tui.widgets.top_line import TopLine

MINUTE = timedelta(minutes=1)
_THREE_THOUSAND = """
INSERT INTO orders (id, currency, amount_subtotal, amount_discount, amount_total, customer_name, customer_email,
                    customer_phone, livemode, created_at)
SELECT gen_random_uuid(), 'eur', n, 0, n, 'N', 'n@example.com', '+1', false, now() - n * interval '1 minute'
FROM generate_series(3000, 1, -1) AS n
"""


async def test_a_row_shows_number_age_status_total_customer_and_attention(
    connection: asyncpg.Connection, sit: Sit
) -> None:
    made = datetime.now(UTC) - 3.5 * MINUTE
    await add_order(connection, created_at=made, status="partially_refunded", attention=["paid_twice"])
    async with sit() as seat:
        (line,) = seat.lines()
    for text in ("1001", "3m", "part refund ", "€12.50", "Ada Lovelace", "! paid twice"):
        assert text in line


async def test_a_new_order_comes_on_top_and_the_cursor_stays_on_its_order(
    connection: asyncpg.Connection, sit: Sit
) -> None:
    for minutes in (3, 2, 1):
        await add_order(connection, ago=minutes * MINUTE)
    async with sit() as seat:
        await seat.press("down")
        order_id = await add_order(connection)
        await connection.execute(
            "INSERT INTO order_changes (order_id, to_status, cause, actor) VALUES ($1, 'pending', 'made', 's')",
            order_id,
        )
        await connection.execute("NOTIFY checkout_changes")
        await seat.until(lambda: seat.numbers() == [1004, 1003, 1002, 1001])
        marked = [line for line in seat.lines() if line.startswith("▌")]
        assert len(marked) == 1
        assert "1002" in marked[0]
        assert "$ checkout orders show 1002" in seat.text()


async def test_a_changed_row_is_lit_once_and_in_place(connection: asyncpg.Connection, sit: Sit) -> None:
    order_id = await add_order(connection, ago=MINUTE)
    await add_order(connection)
    async with sit() as seat:
        table = seat.screen(OrdersScreen).table
        await connection.execute("UPDATE orders SET status = 'completed' WHERE id = $1", order_id)
        await add_change(connection, order_id, "paid")
        await seat.until(lambda: "completed" in seat.lines()[1])
        assert table.flashing == {order_id}
        await seat.until(lambda: not table.flashing)
        assert seat.numbers() == [1002, 1001]


async def test_an_event_that_changes_nothing_is_the_last_all_the_same(
    database_url: str, intake: Intake, sit: Sit
) -> None:
    order_id = await insert_order(database_url)
    async with sit() as seat:
        await seat.until(lambda: seat.numbers() == [1001])
        assert "intent.payment_f" not in seat.text()
        await deliver(intake, refused_payment(order_id))
        await seat.sees("intent.payment_f")
        assert "pending" in seat.lines()[0]


async def test_paused_it_holds_still_and_then_shows_what_waited(connection: asyncpg.Connection, sit: Sit) -> None:
    order_id = await add_order(connection)
    async with sit() as seat:
        await seat.press("p")
        await connection.execute("UPDATE orders SET status = 'failed' WHERE id = $1", order_id)
        await add_change(connection, order_id, "declined")
        await seat.sees("paused, 1 waiting")
        assert "pending" in seat.lines()[0]
        await seat.press("p")
        await seat.until(lambda: "failed" in seat.lines()[0])
        assert "paused" not in seat.text()


async def test_a_long_list_is_walked_and_jumped_through(connection: asyncpg.Connection, sit: Sit) -> None:
    await connection.execute(_THREE_THOUSAND)
    async with sit() as seat:
        await seat.until(lambda: seat.numbers()[0] == 4000)
        await seat.press("end")
        await seat.until(lambda: seat.numbers()[-1:] == [1001])
        await seat.press("up", "pageup")
        await seat.until(lambda: "▌" in seat.text())
        await seat.press("home")
        await seat.until(lambda: seat.numbers()[:3] == [4000, 3999, 3998])
        for _ in range(30):
            await seat.press("pagedown")
        table = seat.screen(OrdersScreen).table
        await seat.until(lambda: table.cursor_row is not None)
        shown = seat.numbers()
        assert shown == list(range(shown[0], shown[0] - len(shown), -1))
        row = table.cursor_row
        assert row is not None
        assert row.row.order.number == 4000 - table.cursor_rank


async def test_an_empty_list_is_explained(sit: Sit) -> None:
    async with sit() as seat:
        await seat.sees("No orders yet")


async def test_help_names_every_key_by_its_command(sit: Sit) -> None:
    async with sit(size=(100, 45)) as seat:
        await seat.press("question_mark")
        await seat.sees("Keys: Orders", "checkout orders show ORDER", "Pause or follow changes")
        await seat.press("escape")
        seat.screen(OrdersScreen)


async def test_live_mode_is_shown_in_words_and_colour(sit: Sit) -> None:
    async with sit(STRIPE_API_KEY="sk_live_0123456789") as seat:
        await seat.sees("LIVE MODE: real money")
        assert seat.app.screen.query_one(TopLine).has_class("-live")


async def test_the_palette_does_what_keys_do(connection: asyncpg.Connection, sit: Sit) -> None:
    await add_order(connection, status="failed")
    await add_order(connection, attention=["paid_twice"])
    async with sit() as seat:
        await seat.press("ctrl+p")
        await seat.sees("Search for commands")
        await seat.press(*"only what needs att")
        await seat.sees("checkout orders list --attention")
        await seat.press("enter")
        await seat.until(lambda: "attention" in seat.text() and isinstance(seat.app.screen, OrdersScreen))
        await seat.until(lambda: seat.numbers() == [1002])


async def test_an_answer_that_arrives_while_the_screen_closes_is_dropped(
    connection: asyncpg.Connection, sit: Sit
) -> None:
    order_id = await add_order(connection)
    change = ChangeLine(1, order_id, 1001, datetime.now(UTC), None, "pending", "made", "s", "")
    async with sit() as seat:
        screen = seat.screen(OrdersScreen)
        async with connection.transaction():
            await connection.execute("LOCK TABLE orders")
            reading = asyncio.create_task(screen.changed([change]))
            while not await connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            closing = screen.remove()
            assert screen.gone
            await closing
        await reading
        assert not screen.query(LiveTable)
