"""Events, batches, dead letters and what is to do are sorted by any column, and show the columns that were chosen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import asyncpg
import pytest

from checkout_daemon.present.batch_columns import BATCHES
from checkout_daemon.present.columns import ListLook
from checkout_daemon.present.dead_letter_columns import DEAD_LETTERS
from checkout_daemon.present.event_columns import EVENTS
from checkout_daemon.present.todo_columns import TODO
from checkout_daemon.runtime import open_runtime
from checkout_daemon.settings import load_settings
from tests.support.fixtures import KEY
from tests.support.orders import add_order
from tests.tui.conftest import Seat, Sit
from tests.tui.test_sorting import click, title
from tui.app import CONNECTIONS, Terminal
from tui.context import AppContext
from tui.screens.batches import BatchesScreen
from tui.screens.dead_letters import DeadLettersScreen
from tui.screens.events import EventsScreen
from tui.screens.looks import Looks, columns_that_fit
from tui.screens.orders import OrdersScreen
from tui.screens.todo import TodoScreen

PLACES: list[tuple[tuple[str, ...], type[Looks]]] = [
    (("e",), EventsScreen),
    (("B",), BatchesScreen),
    (("e", "d"), DeadLettersScreen),
    (("D",), TodoScreen),
]
LOOKS: list[ListLook[Any]] = [EVENTS, BATCHES, DEAD_LETTERS, TODO]


@pytest.fixture
async def stocked(connection: asyncpg.Connection) -> None:
    """Four events of 1001 to 1004, the first one newest; two errors; three batches; two orders that need attention."""
    for place in range(4):
        order_id = await add_order(connection, attention=["amount_mismatch"] if place < 2 else [])
        await connection.execute(
            "INSERT INTO stripe_events (id, type, status, order_id, received_at, created_at, body_hash, attempts,"
            " last_error) VALUES ($1, $2, $3, $4, now() - $5 * interval '1 minute', now(), '', $6, $7)",
            f"evt_{place}",
            ("charge.failed", "charge.refunded", "charge.expired", "charge.captured")[place],
            "dead" if place < 2 else "applied",
            order_id,
            place,
            (2, 4, 1, 3)[place],
            f"KeyError: {place}" if place < 2 else None,
        )
    await connection.execute(
        "INSERT INTO batches (act, options, note, operator, host, total, done, failed, status)"
        " SELECT 'note', '{}', 'because ' || n, 'ada', 'desk', 9, n, 3 - n, 'finished' FROM generate_series(1, 3) AS n"
    )


def rows(seat: Seat, place: int) -> list[str]:
    """Return a word of every row."""
    return [words[place] for line in seat.lines() if len(words := line[1:].split()) > place]


async def shows(seat: Seat, place: int, *words: str) -> None:
    await seat.until(lambda: rows(seat, place) == [*words])


async def begins_with(seat: Seat, name: str) -> None:
    await seat.until(lambda: title(seat).split()[0].rstrip("▼▲") == name)


@pytest.mark.usefixtures("stocked")
async def test_events_are_sorted_by_a_column_while_they_change(connection: asyncpg.Connection, sit: Sit) -> None:
    async with sit() as seat:
        await seat.press("e")
        await seat.screen_of(EventsScreen)
        await shows(seat, 3, "2", "4", "1", "3")
        assert "Age▼" in title(seat)
        await click(seat, "Tries")
        await shows(seat, 3, "4", "3", "2", "1")
        await seat.sees("Tries▼", "~ tries▼", "$ checkout events list --sort -tries")
        await seat.press("tilde")
        await shows(seat, 3, "1", "2", "3", "4")
        await connection.execute("UPDATE stripe_events SET attempts = 5 WHERE id = 'evt_2'")
        await shows(seat, 3, "2", "3", "4", "5")
        await connection.execute(
            "INSERT INTO stripe_events (id, type, status, received_at, body_hash, attempts)"
            " VALUES ('evt_9', 'charge.failed', 'applied', now(), '', 1)"
        )
        await shows(seat, 3, "1", "2", "3", "4", "5")
        await seat.press("u")
        await shows(seat, 3, "2", "4")
        await seat.sees("--status failed --status dead --sort tries")
        await connection.execute("UPDATE stripe_events SET status = 'applied' WHERE id = 'evt_0'")
        await shows(seat, 3, "4")
        await seat.press("0")
        await shows(seat, 3, "1", "2", "4", "5", "3")
        assert "Age▼" in title(seat)


async def test_a_long_sorted_list_shows_every_row_once(
    connection: asyncpg.Connection, sit: Sit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.listing.WINDOW", 60)
    monkeypatch.setattr("tui.listing._LEAD", 20)
    monkeypatch.setattr("tui.lists._AT_ONCE", 7)
    await connection.execute(
        "INSERT INTO stripe_events (id, type, status, received_at, body_hash, attempts)"
        " SELECT 'evt_' || n, 'charge.failed', 'applied', now() - n * interval '1 second', '', n % 9 + 1"
        " FROM generate_series(1, 90) AS n"
    )
    async with sit() as seat:
        await seat.press("e")
        screen = await seat.screen_of(EventsScreen)
        await seat.until(lambda: len(seat.lines()) > 10)
        await click(seat, "Tries")
        await seat.until(lambda: rows(seat, 3)[:3] == ["9", "9", "9"])
        seen = [screen.table.cursor_key]
        for _ in range(89):
            await seat.press("down")
            await seat.until(lambda: screen.table.cursor_key not in (None, seen[-1]))
            seen.append(screen.table.cursor_key)
        found = await connection.fetch("SELECT id FROM stripe_events ORDER BY attempts DESC, received_at DESC")
        assert seen == [row["id"] for row in found]


async def test_errors_are_sorted_by_how_often_they_occurred(connection: asyncpg.Connection, sit: Sit) -> None:
    await connection.execute(
        "INSERT INTO stripe_events (id, type, status, received_at, body_hash, last_error)"
        " SELECT 'evt_' || n, 'charge.failed', 'dead', now() - n * interval '1 minute', '', 'KeyError: ' || least(n, 2)"
        " FROM generate_series(1, 3) AS n"
    )
    async with sit() as seat:
        await seat.press("e", "d")
        await seat.screen_of(DeadLettersScreen)
        await shows(seat, 1, "1", "2")
        await click(seat, "Count")
        await shows(seat, 1, "2", "1")


@pytest.mark.usefixtures("stocked")
async def test_where_only_the_newest_are_sorted_it_is_written(sit: Sit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.lists.MOST_SORTED", 3)
    monkeypatch.setattr("tui.screens.events._NEWEST", 2)
    async with sit(size=(120, 24)) as seat:
        await seat.press("e")
        await seat.screen_of(EventsScreen)
        await seat.until(lambda: len(seat.lines()) == 4)
        await click(seat, "Tries")
        await shows(seat, 3, "4", "2", "1")
        await seat.sees("newest only")


async def test_a_list_that_is_scrolled_far_down_stays_where_it_is(
    connection: asyncpg.Connection, sit: Sit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.listing.WINDOW", 40)
    monkeypatch.setattr("tui.listing._LEAD", 10)
    await connection.execute(
        "INSERT INTO stripe_events (id, type, status, received_at, body_hash)"
        " SELECT 'evt_' || n, 'charge.failed', 'applied', now() - n * interval '1 second', ''"
        " FROM generate_series(1, 300) AS n"
    )
    async with sit() as seat:
        await seat.press("e")
        screen = await seat.screen_of(EventsScreen)
        await seat.until(lambda: len(seat.lines()) > 10)
        while screen.table.listing.first == 0 or screen.table.cursor_rank < 90:
            await seat.press("pagedown")
        await seat.until(lambda: screen.table.cursor_row is not None)
        rank = screen.table.cursor_rank
        for _ in range(3):
            await screen.read_newest(200)
        assert screen.table.cursor_rank == rank


@pytest.mark.usefixtures("stocked")
@pytest.mark.parametrize(("keys", "kind"), PLACES)
async def test_every_list_is_sorted_by_all_its_columns_and_has_those_that_are_chosen(
    sit: Sit, keys: tuple[str, ...], kind: type[Looks]
) -> None:
    look = kind.LOOK
    async with sit(size=(120, 30)) as seat:
        await seat.press(*keys)
        screen = await seat.screen_of(kind)
        await seat.until(lambda: screen.table.listing.counted and len(seat.lines()) > 1)
        listed = sorted(seat.lines())
        first = title(seat)
        for _ in screen.table.sorts:
            await seat.press("greater_than_sign")
            await seat.until(lambda: len(seat.lines()) == len(listed))
            assert ("▼" in title(seat)) or ("▲" in title(seat))
        await seat.press("vertical_line")
        await seat.sees("[x] ")
        await seat.press("space", "enter")
        await seat.until(lambda: title(seat).split()[0] != first.split()[0])
        assert screen.chosen_columns == look.usual(120)[1:]
        await seat.press("vertical_line", "0", "enter")
        await begins_with(seat, first.split()[0].rstrip("▼▲"))


@pytest.mark.usefixtures("stocked")
async def test_sort_and_columns_of_every_list_are_remembered(database_url: str, tmp_path: Path) -> None:
    settings = load_settings({"DATABASE_URL": database_url, "STRIPE_API_KEY": KEY}, cwd=tmp_path)
    async with open_runtime(settings, pool_size=CONNECTIONS) as runtime:
        for act in (True, False):
            app = Terminal(AppContext(runtime, read_only=False), database_url, memory=tmp_path / "terminal.json")
            async with app.run_test(size=(80, 24), notifications=True) as pilot:
                seat = Seat(app, pilot)
                await seat.screen_of(OrdersScreen)
                for keys, kind in PLACES:
                    await seat.press(*keys)
                    await seat.screen_of(kind)
                    if act:
                        await seat.press("vertical_line", "space", "enter")
                        await seat.screen_of(kind)
                        await seat.press("tilde")
                    usual = kind.LOOK.columns[kind.LOOK.usual(80)[1]].title
                    await begins_with(seat, usual)
                    assert seat.screen(kind).sort == kind.LOOK.first.turned()
                    await seat.press(*["escape"] * len(keys))
                    await seat.screen_of(OrdersScreen)
                app.remember()


@pytest.mark.parametrize("look", LOOKS)
def test_the_usual_columns_fit_at_every_width(look: ListLook[Any]) -> None:
    for width in range(80, 241):
        shown = look.shown(width, ())
        fitting = columns_that_fit(shown, width)
        assert sum(column.width + 2 for column in fitting) - 1 <= width
        assert [column.title for column in fitting] == [column.title for column in shown[: len(fitting)]]
        assert len(fitting) >= len(look.narrow)
    assert {*look.narrow, *look.wide} <= {*look.columns}
    assert look.first.name in look.sorts
    assert look.ascending <= {*look.sorts}
