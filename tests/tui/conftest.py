"""The terminal UI without a terminal, on a database of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

import asyncpg
import pytest
from textual import events
from textual.pilot import Pilot
from textual.screen import Screen

from checkout_daemon.database.pool import Database
from checkout_daemon.ledger.intake import Intake
from checkout_daemon.runtime import open_runtime
from checkout_daemon.settings import load_settings
from tests.support.fixtures import KEY
from tests.support.stripe_events import SECRET
from tests.tui.command_lines import fault_of
from tui import typeahead
from tui.app import CONNECTIONS, Terminal
from tui.context import AppContext
from tui.screens.orders import OrdersScreen
from tui.user_config import UserConfig
from tui.widgets.command_line import CommandLine
from tui.widgets.table import LiveTable

SECONDS = 30.0
S = TypeVar("S", bound=Screen[Any])


_CHARACTERS = {
    "space": " ", "colon": ":", "at": "@", "full_stop": ".", "underscore": "_", "minus": "-", "number_sign": "#",
    "question_mark": "?",
}  # fmt: skip


@dataclass(slots=True)
class Seat:
    """A user in front of the terminal."""

    app: Terminal
    pilot: Pilot[Any]

    def screen(self, kind: type[S]) -> S:
        """Return the screen that is shown, which must be of that kind."""
        assert isinstance(self.app.screen, kind), self.app.screen
        return self.app.screen

    async def screen_of(self, kind: type[S]) -> S:
        """Return that kind of screen once it is shown."""
        await self.until(lambda: isinstance(self.app.screen, kind))
        screen = self.screen(kind)
        await self.pilot.pause()  # keys that came with the one that opened it may open the next
        return screen

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    def burst(self, *keys: str) -> None:
        """Press all keys at once, as over a slow line: none waits for the effect of the one before it."""
        for key in keys:
            self.app.post_message(events.Key(key, key if len(key) == 1 else _CHARACTERS.get(key)))

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until the condition holds."""
        deadline = monotonic() + SECONDS
        while not holds():
            assert monotonic() < deadline, self.text()
            await asyncio.sleep(0.01)
            await self.pilot.pause()

    async def sees(self, *texts: str) -> None:
        """Wait until all of these are on the screen."""
        await self.until(lambda: all(text in self.text() for text in texts))

    async def notices(self, text: str) -> None:
        """Wait until a notification has this, wherever its lines are broken."""
        await self.until(lambda: any(text in shown.message for shown in self.app._notifications))

    def text(self) -> str:
        """Return what is on the screen, line by line."""
        strips = self.app.screen._compositor.render_strips()
        return "\n".join(strip.text.rstrip() for strip in strips)

    def lines(self) -> list[str]:
        """Return the rows of the table that is shown, without its titles."""
        table = self.app.screen.query_one(LiveTable)
        shown = [table.render_line(y).text for y in range(1, table.scrollable_content_region.height)]
        return [line.rstrip() for line in shown if line.strip()]

    def numbers(self) -> list[int]:
        """Return the numbers of the visible orders, from the top."""
        words = (line[1:].split()[0] for line in self.lines())
        return [int(word) for word in words if word.isdigit()]


Sit = Callable[..., AbstractAsyncContextManager[Seat]]


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture
async def stocked(connection: asyncpg.Connection) -> None:
    """Two products on sale."""
    await connection.execute(
        "INSERT INTO products (sku, name, unit_amount, currency) VALUES"
        " ('NOTE', 'Notebook', 1200, 'eur'), ('PEN', 'Pen', 333, 'eur')"
    )


@pytest.fixture
async def intake(database_url: str) -> AsyncIterator[Intake]:
    database = Database(database_url)
    intake = Intake(database, lambda: (SECRET,))
    await intake.start()
    yield intake
    await intake.close()
    await database.close()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key waits as long as it takes: what is tested is the order of things, on however slow a machine."""
    monkeypatch.setattr(typeahead, "_LONGEST_SECONDS", SECONDS)
    monkeypatch.setattr(typeahead, "_LONGEST_READING_SECONDS", SECONDS)


@pytest.fixture
def commands_named(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Collect every command that a screen shows as equivalent; at the end, check that all of them exist."""
    named: list[str] = []
    show = CommandLine.show

    def note(line: CommandLine, command: str) -> None:
        named.append(command)
        show(line, command)

    monkeypatch.setattr(CommandLine, "show", note)
    yield named
    ours = {command.removeprefix("checkout ") for command in named if command.startswith("checkout ")}
    assert {command: fault for command in ours if (fault := fault_of(command))} == {}


@pytest.fixture
def sit(database_url: str, tmp_path: Path, commands_named: list[str]) -> Sit:
    """Sit down at a terminal: `async with sit() as seat`."""

    @asynccontextmanager
    async def sit(
        *,
        size: tuple[int, int] = (80, 24),
        read_only: bool = False,
        url: str = database_url,
        config: UserConfig | None = None,
        **settings: str,
    ) -> AsyncIterator[Seat]:
        environ = {"DATABASE_URL": url, "STRIPE_API_KEY": KEY, **settings}
        loaded = load_settings(environ, cwd=tmp_path)
        async with open_runtime(loaded, pool_size=CONNECTIONS) as opened:
            context = AppContext(opened, read_only=read_only, user_config=config or UserConfig())
            app = Terminal(context, url)
            async with app.run_test(size=size, notifications=True) as pilot:
                seat = Seat(app, pilot)
                screen = await seat.screen_of(OrdersScreen)
                await seat.until(lambda: screen.table.listing.counted and app.following)
                yield seat

    return sit
