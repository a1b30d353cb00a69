"""Columns of the order list are chosen and moved, remembered, and fit any width."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from checkout_daemon.model.charges import PaidWith
from checkout_daemon.model.order_rows import SORTS
from checkout_daemon.model.orders import OrderStatus
from checkout_daemon.present.columns import short_count, widths
from checkout_daemon.present.money import short_money
from checkout_daemon.present.order_columns import COLUMNS, FIELDS, card, field_column
from checkout_daemon.present.todo_columns import TODO
from checkout_daemon.runtime import open_runtime
from checkout_daemon.settings import load_settings
from tests.support.fixtures import KEY
from tests.support.orders import NOW, add_charge, add_order
from tests.tui.conftest import Seat, Sit
from tests.tui.test_sorting import title
from tests.tui.test_user_config import config
from tui.app import CONNECTIONS, Terminal
from tui.context import AppContext
from tui.screens.looks import columns_that_fit
from tui.screens.orders import OrdersScreen
from tui.screens.orders_columns import known_columns, shown_columns, usual_columns
from tui.widgets.columns import Column, placed


@pytest.fixture
async def shop(connection: asyncpg.Connection) -> None:
    order_id = await add_order(connection, status="disputed")
    await add_charge(connection, order_id, country="AT")
    await connection.execute(
        "INSERT INTO order_items (order_id, position, sku, name, unit_amount, quantity, amount, amount_discount)"
        " VALUES ($1, 1, 'TEE-RED', 'Tee', 625, 2, 1250, 0)",
        order_id,
    )
    await connection.execute("INSERT INTO payments (id, order_id) VALUES ('pi_0', $1)", order_id)
    await connection.execute(
        "INSERT INTO disputes (id, livemode, payment_id, status, due_by, observed_at, event_id)"
        " VALUES ('dp_1', false, 'pi_0', 'needs_response', $1, now(), 'evt_1')",
        NOW + timedelta(days=17, hours=1),
    )


@pytest.mark.usefixtures("shop")
async def test_a_wide_terminal_shows_card_country_items_and_deadline(sit: Sit) -> None:
    async with sit(size=(200, 60)) as seat:
        await seat.sees("Visa •••• 4242", " AT ", "2 × TEE-RED", "in 17d", "Ada Lovelace", "ada@example.com")


def test_a_card_that_does_not_fit_is_shortened_and_keeps_its_last_digits() -> None:
    whole = card(PaidWith(card_brand="amex", last4="0005"))
    for column in (COLUMNS["card"], TODO.columns["card"]):
        assert column.short is not None
        assert column.short(whole) == "Amex 0005"
        assert column.short("Mastercard •••• 4444") == "Mastercard 4444"
        assert column.least >= len("Mastercard 4444")


@pytest.mark.usefixtures("shop")
async def test_columns_are_chosen_moved_and_cleared(sit: Sit) -> None:
    async with sit(size=(120, 40)) as seat:
        await seat.press("vertical_line")
        await seat.sees("[x] Order", "[ ] Card")
        await seat.press("space", "greater_than_sign", *["down"] * 6, "space", "enter")
        await seat.until(lambda: "Card" in title(seat) and "Order" not in title(seat))
        assert title(seat).split()[0] == "Age▼"
        await seat.sees("Visa •••• 4242", "--columns age,status,total,customer,event,")
        await seat.press("vertical_line", "0")
        await seat.sees("[x] Order", "[ ] Card")
        await seat.press("escape")
        await seat.until(lambda: "Card" in title(seat))
        await seat.press("vertical_line", "0", "enter")
        await seat.until(lambda: title(seat).split()[0] == "Order")
        assert "Card" not in title(seat)


@pytest.mark.usefixtures("shop")
async def test_the_columns_are_remembered(database_url: str, tmp_path: Path) -> None:
    settings = load_settings({"DATABASE_URL": database_url, "STRIPE_API_KEY": KEY}, cwd=tmp_path)
    async with open_runtime(settings, pool_size=CONNECTIONS) as runtime:
        for keys in (["vertical_line", "space", "enter"], []):
            app = Terminal(AppContext(runtime, read_only=False), database_url, memory=tmp_path / "terminal.json")
            async with app.run_test(size=(80, 24), notifications=True) as pilot:
                seat = Seat(app, pilot)
                await seat.screen_of(OrdersScreen)
                await seat.press(*keys)
                await seat.screen_of(OrdersScreen)
                await seat.until(lambda seat=seat: title(seat).split()[0] == "Age▼")  # type: ignore[misc]
                app.remember()


OWN = """
[[columns]]
name = "mode"
field = "livemode"
title = "Live"
width = 6

[[columns]]
name = "sum"
field = "amount_subtotal"
"""


@pytest.mark.usefixtures("shop")
async def test_own_columns_follow_the_usual_ones_and_can_be_chosen(sit: Sit, tmp_path: Path) -> None:
    own = config(tmp_path, OWN)
    assert own.faults == ()
    async with sit(config=own, size=(130, 40)) as seat:
        await seat.until(lambda: title(seat).split()[-2:] == ["Live", "sum"])
        await seat.until(lambda: seat.lines()[0].split()[-2:] == ["no", "€12.50"])
        await seat.press("vertical_line")
        await seat.sees("[x] Live", "mode")
        await seat.press("space", "enter")
        await seat.sees("--columns age,status,total,customer,event,attention,livemode,amount_subtotal")
        await seat.press("vertical_line", "0", "enter", "question_mark")
        await seat.sees("Keys: Orders")
        await seat.press("end")
        await seat.sees("Own columns, as | chooses them: Live (livemode)", "(amount_subtotal).")
    async with sit(config=own) as seat:  # 80 columns have no room for them
        await seat.until(lambda: title(seat).split()[-2:] == ["Last", "event"])


async def test_an_order_of_the_other_mode_is_marked_in_the_list(connection: asyncpg.Connection, sit: Sit) -> None:
    await add_order(connection, customer_name="Bo", livemode=False)
    await add_order(connection, customer_name="Ada", livemode=True)
    async with sit(STRIPE_API_KEY="sk_live_51abcdefghijklmnop") as seat:
        await seat.until(lambda: seat.numbers() == [1002, 1001])
        assert " Ada" in seat.lines()[0]
        assert "TEST" not in seat.lines()[0]
        assert " TEST Bo" in seat.lines()[1]
    async with sit() as seat:
        await seat.until(lambda: seat.numbers() == [1002, 1001])
        assert " LIVE Ada" in seat.lines()[0]
        assert "LIVE" not in seat.lines()[1]


def test_an_order_has_its_usual_columns_at_every_width() -> None:
    for width in range(80, 241):
        shown = usual_columns(width)
        fitting = columns_that_fit(shown, width)
        assert len(fitting) == len(shown)
        assert sum(column.width + 2 for column in fitting) - 1 <= width
        widths_of = {column.name: place.width for column, place in zip(shown, fitting, strict=True)}
        assert widths_of["customer"] >= (16 if width < 110 else 12)
        assert widths_of.get("latest", 19) >= 19
        status = next(column for column in shown if column.name == "status")
        for code in OrderStatus:
            words = code.value.replace("_", " ")
            shown_words = words if status.short is None or len(words) <= widths_of["status"] else status.short(words)
            assert len(shown_words) <= widths_of["status"]


def test_what_does_not_fit_is_left_out_and_the_rest_fills_the_width() -> None:
    everything = list(COLUMNS.values())
    for room in range(10, 400, 13):
        found = widths(everything, room, 2)
        assert sum(found) + 2 * max(len(found) - 1, 0) <= room
        assert all(column.least <= width for column, width in zip(everything, found, strict=False))
    assert len(widths(everything, 400, 2)) == len(everything)


def test_every_column_is_sortable_and_any_field_can_be_one() -> None:
    assert {column.sort for column in COLUMNS.values()} <= {*SORTS}
    assert {field_column(field, field, field).key for field in FIELDS} == {*FIELDS}
    with pytest.raises(KeyError):
        field_column("x", "X", "request_hash")


def test_one_column_more_does_not_push_out_what_needs_attention() -> None:
    names = ("order", "age", "status", "total", "customer", "event", "attention")
    for chosen in ((*names, "card"), (*names[:4], "card", *names[4:])):
        found = columns_that_fit(shown_columns(80, chosen, known_columns(())), 80)
        assert {column.title for column in found} == {
            "Order", "Age", "Status", "Total", "Customer", "Last event", "Card"
        }  # fmt: skip


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_large_amounts_are_told_apart(connection: asyncpg.Connection, sit: Sit, size: tuple[int, int]) -> None:
    for amount in (129_900, 129_900_000):
        await add_order(connection, currency="huf", amount_subtotal=amount, amount_total=amount)
    async with sit(size=size) as seat:
        await seat.until(lambda: seat.numbers() == [1002, 1001])
        assert " HUF\N{NO-BREAK SPACE}1299000 " in seat.lines()[0]
        assert " HUF\N{NO-BREAK SPACE}1,299.00 " in seat.lines()[1]


def test_a_text_that_does_not_fit_is_cut_and_a_number_is_not() -> None:
    assert placed(Column("Customer", 10), "Konrad Zuse") == "Konrad Zu…"
    total = Column("Total", 10, right=True)
    assert [placed(total, text) for text in ("€12.50", "HUF 12990000")] == ["    €12.50", "##########"]
    assert [short_count(text) for text in ("✗ 1,234", "1,000,000")] == ["✗1234", "1000000"]
    assert [short_money(text) for text in ("€1,299.00", "€1,299.50", "¥1,299", "KWD 1,000.000", "–")] == [
        "€1299", "€1299.50", "¥1299", "KWD 1000", "–"
    ]  # fmt: skip
