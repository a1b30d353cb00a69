"""A lost database is reported, the rows stay, and nothing that happened meanwhile is missed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partialmethod
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from checkout_daemon.ledger.change_log import ChangeLine
from checkout_daemon.settings import load_settings
from tests.support.orders import add_change, add_order
from tests.tui.conftest import Sit
from tui.app import Terminal, run
from tui.screens.base import BaseScreen
from tui.screens.events import EventsScreen
from tui.screens.order import OrderScreen
from tui.screens.orders import OrdersScreen


class Line:
    """A connection to the database that can be cut."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._far = (parts.hostname, parts.port)
        self._url = url
        self._cut = False
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> str:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        return self._url.replace(f":{self._far[1]}/", f":{port}/")

    def cut(self) -> None:
        self._cut = True
        for writer in self._writers:
            writer.transport.abort()

    def restore(self) -> None:
        self._cut = False

    async def stop(self) -> None:
        self.cut()
        self._server.close()
        await self._server.wait_closed()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._cut:
            writer.transport.abort()
            return
        far_reader, far_writer = await asyncio.open_connection(*self._far)
        self._writers |= {writer, far_writer}

        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            try:
                while data := await source.read(65_536):
                    sink.write(data)
                    await sink.drain()
            except ConnectionError:
                pass
            finally:
                sink.close()

        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))
        self._writers -= {writer, far_writer}


@pytest.fixture
async def line(database_url: str) -> AsyncIterator[Line]:
    line = Line(database_url)
    yield line
    await line.stop()


async def test_what_is_shown_stays_and_what_was_missed_comes(
    line: Line, connection: asyncpg.Connection, sit: Sit
) -> None:
    order_id = await add_order(connection)
    async with sit(url=await line.start()) as seat:
        screen = seat.screen(OrdersScreen)
        line.cut()
        await seat.sees("The database has not answered", "you see the state of", "○ no database")
        assert screen.has_class("-stale")
        assert seat.numbers() == [1001]
        await connection.execute("UPDATE orders SET status = 'completed' WHERE id = $1", order_id)
        await add_change(connection, order_id, "meanwhile")
        await seat.press("down", "enter")  # nothing that is pressed meanwhile ends it
        await seat.press("escape")
        line.restore()
        await seat.until(lambda: "has not answered" not in seat.text())
        await seat.screen_of(OrdersScreen)  # Escape waits until the order's screen has its data
        await seat.until(lambda: "completed" in seat.lines()[0])
        await seat.sees("● following")


async def test_a_user_who_may_not_write_gets_a_terminal_that_does_not(
    database_url: str, connection: asyncpg.Connection
) -> None:
    from checkout_daemon.database.pool import Database
    from checkout_daemon.orders.terminal_windows import may_write

    await connection.execute(
        "CREATE ROLE looker LOGIN PASSWORD 'looks'; GRANT USAGE ON SCHEMA public TO looker;"
        " GRANT SELECT ON ALL TABLES IN SCHEMA public TO looker"
    )
    try:
        parts = urlsplit(database_url)
        url = f"postgresql://looker:looks@{parts.hostname}:{parts.port}{parts.path}"
        answers = []
        for database_url_of_role in (database_url, url):
            database = Database(database_url_of_role)
            answers.append(await may_write(database))
            await database.close()
        assert answers == [True, False]
    finally:
        await connection.execute("DROP OWNED BY looker; DROP ROLE looker")


async def test_every_screen_hears_of_a_change_once_and_of_none_after_it_was_left(
    connection: asyncpg.Connection, sit: Sit, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id = await add_order(connection)
    heard: list[str] = []
    for kind in (OrdersScreen, OrderScreen, EventsScreen):

        async def changed(self: BaseScreen, changes: list[ChangeLine]) -> None:
            heard.extend(f"{type(self).__name__} {change.note}" for change in changes)

        monkeypatch.setattr(kind, "changed", changed)
    async with sit() as seat:
        await seat.press("enter")
        await seat.screen_of(OrderScreen)
        await add_change(connection, order_id, "first")
        await seat.until(lambda: len(heard) >= 2)
        await seat.press("escape", "e")
        await seat.screen_of(EventsScreen)
        await add_change(connection, order_id, "second")
        await seat.until(lambda: len(heard) >= 4)
    assert sorted(heard) == ["EventsScreen second", "OrderScreen first", "OrdersScreen first", "OrdersScreen second"]


async def test_a_fault_of_ours_is_no_success(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken(_: OrdersScreen) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(OrdersScreen, "on_mount", broken)
    monkeypatch.setattr(Terminal, "run_async", partialmethod(Terminal.run_async, headless=True))
    settings = load_settings({"DATABASE_URL": database_url}, cwd=tmp_path)
    code = await asyncio.to_thread(run, settings, database_url, read_only=False)
    assert code == 1
    assert "ZeroDivisionError" in capfd.readouterr().err
