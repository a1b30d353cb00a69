"""The tasks of docs/TUI.md: what each one needs, its keys, and how they are pressed.

`CHECKOUT_TIME_TASKS=1 pytest tests/tui/test_tasks.py tests/tui/test_more_tasks.py` writes the seconds into the tables.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from time import monotonic

import asyncpg
from textual import events

from checkout_daemon.ledger.intake import Intake
from checkout_daemon.runtime import Runtime
from tests.support.flaky_stripe import FlakyStripe
from tests.support.orders import add_change, add_order
from tests.tui.conftest import Seat
from tui.screens.order import OrderScreen

DOC = Path(__file__).parents[2] / "docs/TUI.md"
MOST_KEYS = 12
_ROW = re.compile(
    r"^\| (?P<task>[^|]+?) \| (?P<screen>Orders|Order|Events) \| (?P<keys>[^|]*?) \| (?P<count>\d+) \| [\d.]+ \|$",
    re.M,
)
_NAMED = {"Enter": "enter", "Down": "down", "Up": "up", "Space": "space", "Tab": "tab", "End": "end", "/": "slash"}
_NAMED |= {"Backspace": "backspace", ":": "colon", "*": "asterisk", "+": "plus", "←": "left"}
_CHANGES_A_SECOND = 50


@dataclass(slots=True)
class World:
    url: str
    runtime: Runtime
    connection: asyncpg.Connection
    intake: Intake
    stripe: FlakyStripe | None = None
    pasted: str = ""


@dataclass(frozen=True, slots=True)
class Task:
    prepare: Callable[[World], Awaitable[object]]
    check: Callable[[World, Seat], Awaitable[None]]


def rows() -> dict[str, tuple[str, list[str], int]]:
    """Return for each task of the tables: its first screen, its keys one by one, and their number."""
    return {
        row["task"]: (row["screen"], _keys(row["keys"]), int(row["count"])) for row in _ROW.finditer(DOC.read_text())
    }


def _keys(cell: str) -> list[str]:
    """A name or a sign is one key, `paste` too; any other text is typed."""
    keys: list[str] = []
    for text in re.findall(r"`([^`]+)`", cell):
        keys += [_NAMED.get(text, text)] if text in _NAMED or text == "paste" else list(text)
    return keys


def press(seat: Seat, keys: list[str], pasted: str = "") -> None:
    """Press all keys at once: nobody waits for what they show."""
    for key in keys:
        if key == "paste":
            seat.app.post_message(events.Paste(pasted))
        else:
            seat.burst(key)


@asynccontextmanager
async def busy_shop(connection: asyncpg.Connection, url: str) -> AsyncIterator[None]:
    """An old order changes many times a second, as if the daemon had much to do."""
    order_id = await add_order(
        connection, ago=timedelta(days=3000), customer_name="Load", customer_email="load@example.com"
    )

    async def change() -> None:
        writer = await asyncpg.connect(url)
        try:
            while True:
                await add_change(writer, order_id, "load")
                await asyncio.sleep(1 / _CHANGES_A_SECOND)
        finally:
            await writer.close()

    changing = asyncio.create_task(change())
    try:
        yield
    finally:
        changing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await changing


async def perform(seat: Seat, name: str, task: Task, world: World) -> None:
    """Press the keys of a task and check what comes of them."""
    screen, keys, count = rows()[name]
    assert len(keys) == count <= MOST_KEYS
    if screen == "Order":
        await open_first(seat)
    started = monotonic()
    press(seat, keys, world.pasted)
    await task.check(world, seat)
    note_seconds(name, monotonic() - started)


def note_seconds(name: str, seconds: float) -> None:
    """Write the seconds into the table if an environment variable asks for it."""
    if os.environ.get("CHECKOUT_TIME_TASKS"):
        row = re.compile(rf"^(\| {re.escape(name)} \|.*\| )[\d.]+ \|$", re.M)
        DOC.write_text(row.sub(lambda found: f"{found[1]}{seconds:.1f} |", DOC.read_text()))


async def open_first(seat: Seat) -> None:
    """Open the order under the cursor."""
    await seat.until(lambda: bool(seat.numbers()))
    await seat.press("enter")
    screen = await seat.screen_of(OrderScreen)
    await seat.until(lambda: screen.details is not None)
