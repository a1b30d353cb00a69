"""The terminal remembers its theme and its last screen; the palette finds everything from everywhere."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import asyncpg
import pytest

from checkout_daemon.runtime import open_runtime
from checkout_daemon.settings import load_settings
from tests.support.fixtures import KEY
from tests.support.orders import add_order
from tests.tui.conftest import Seat, Sit
from tui.app import CONNECTIONS, Terminal
from tui.context import AppContext
from tui.remembered import Remembered, memory_path, recall, remember
from tui.screens.base import BaseScreen
from tui.screens.batches import BatchesScreen
from tui.screens.dead_letters import DeadLettersScreen
from tui.screens.disputes import DisputesScreen
from tui.screens.events import EventsScreen
from tui.screens.health import HealthScreen
from tui.screens.order import OrderScreen
from tui.screens.orders import OrdersScreen
from tui.screens.proposals import ProposalsScreen
from tui.screens.stock import StockScreen
from tui.theme import DARK, LIGHT


def test_it_lies_where_programs_keep_their_state() -> None:
    assert memory_path({"HOME": "/home/ada"}) == Path("/home/ada/.local/state/checkout-daemon/terminal.json")
    assert memory_path({"XDG_STATE_HOME": "/state"}) == Path("/state/checkout-daemon/terminal.json")
    assert memory_path({"XDG_STATE_HOME": "here", "HOME": "/home/ada"}).is_relative_to("/home/ada")


def test_what_is_remembered_is_read_again_and_is_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "state" / "checkout-daemon" / "terminal.json"
    assert recall(path) == (Remembered(), "")
    remember(path, Remembered("checkout-light", "Health"))
    assert recall(path) == (Remembered("checkout-light", "Health"), "")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [found.name for found in path.parent.iterdir()] == ["terminal.json"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"theme": 7}', "[" * 5000, '{"theme": "' + "x" * 20_000 + '"}'])
def test_a_broken_file_is_ignored_with_a_word(tmp_path: Path, text: str) -> None:
    path = tmp_path / "terminal.json"
    path.write_text(text)
    memory, fault = recall(path)
    assert memory == Remembered()
    assert str(path) in fault
    assert "ignored" in fault


def test_a_home_that_cannot_be_written_to_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    remember(tmp_path / "file" / "terminal.json", Remembered("checkout-light"))


async def test_a_start_continues_where_the_last_one_ended(database_url: str, tmp_path: Path) -> None:
    path = tmp_path / "terminal.json"
    settings = load_settings({"DATABASE_URL": database_url, "STRIPE_API_KEY": KEY}, cwd=tmp_path)
    async with open_runtime(settings, pool_size=CONNECTIONS) as runtime:
        for expected, keys in (("", ["f2", "e"]), ("Events", ["escape"]), ("", [])):
            app = Terminal(AppContext(runtime, read_only=False), database_url, memory=path)
            async with app.run_test(size=(80, 24), notifications=True) as pilot:
                seat = Seat(app, pilot)
                await seat.screen_of(EventsScreen if expected else OrdersScreen)
                assert app.theme == (LIGHT if path.exists() else DARK).name
                for key in keys:
                    await seat.press(key)
                if keys:
                    await seat.screen_of(OrdersScreen if expected else EventsScreen)
                app.remember()
        assert json.loads(path.read_text())["theme"] == LIGHT.name
        path.write_text("{")
        app = Terminal(AppContext(runtime, read_only=False), database_url, memory=path)
        async with app.run_test(size=(80, 24), notifications=True) as pilot:
            await Seat(app, pilot).until(lambda: any("ignored" in found.message for found in app._notifications))
            assert app.theme == DARK.name


@pytest.mark.parametrize(
    ("place", "screen"),
    [
        ("Batches", BatchesScreen),
        ("Proposals", ProposalsScreen),
        ("Disputes", DisputesScreen),
        ("Stock", StockScreen),
    ],
)
async def test_a_start_opens_the_list_that_was_open_last(
    database_url: str, tmp_path: Path, place: str, screen: type[BaseScreen]
) -> None:
    path = tmp_path / "terminal.json"
    remember(path, Remembered(screen=place))
    settings = load_settings({"DATABASE_URL": database_url, "STRIPE_API_KEY": KEY}, cwd=tmp_path)
    async with open_runtime(settings, pool_size=CONNECTIONS) as runtime:
        app = Terminal(AppContext(runtime, read_only=False), database_url, memory=path)
        async with app.run_test(size=(80, 24), notifications=True) as pilot:
            await Seat(app, pilot).screen_of(screen)
            app.remember()
    assert recall(path)[0].screen == place


@pytest.mark.parametrize(
    ("typed", "screen"),
    [("1001", OrderScreen), ("dead letters", DeadLettersScreen), ("health", HealthScreen), ("refund", OrderScreen)],
)
async def test_the_palette_finds_it_from_the_first_screen(
    connection: asyncpg.Connection, sit: Sit, typed: str, screen: type[OrderScreen]
) -> None:
    await add_order(connection)
    await add_order(connection)
    async with sit() as seat:
        await seat.until(lambda: seat.numbers() == [1002, 1001])
        await seat.press("ctrl+p")
        await seat.sees("Search for commands")
        seat.burst(*[{" ": "space"}.get(letter, letter) for letter in typed], "enter")
        await seat.until(lambda: any(isinstance(found, screen) for found in seat.app.screen_stack))
