"""The terminal writes only what has changed, and while nothing changes it draws nothing but its clock."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.color import ColorSystem
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.geometry import Region
from textual.screen import Screen
from textual.strip import Strip

from bench.support.paper import Paper
from checkout_daemon.ledger.intake import Intake
from tests.support.orders import add_order
from tests.support.stripe_events import deliver, event_body, session_object
from tests.tui.conftest import Sit
from tests.tui.test_pictures import found
from tui.app import Terminal
from tui.screens.base import BaseScreen
from tui.wire import Wire

WIDTH, HEIGHT = 12, 3
CONSOLE = Console(force_terminal=True, color_system="truecolor", width=WIDTH)
STYLES = [None, Style(color="red"), Style(bold=True), Style(bgcolor="blue", meta={"offset": (1, 2)})]
PIECES = st.lists(st.tuples(st.text("ab…漢 ", min_size=1, max_size=5), st.sampled_from(STYLES)), max_size=6)


def line(pieces: list[tuple[str, Style | None]]) -> Strip:
    return Strip([Segment(text, style) for text, style in pieces]).adjust_cell_length(WIDTH)


@given(
    st.lists(
        st.one_of(
            st.lists(PIECES, min_size=HEIGHT, max_size=HEIGHT),
            st.tuples(st.integers(0, HEIGHT - 1), PIECES),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_what_is_left_of_an_update_shows_the_same(frames: list[Any]) -> None:
    whole, reduced, wire = Paper(), Paper(), Wire()
    for frame in frames:
        update: CompositorUpdate
        if isinstance(frame, list):
            update = LayoutUpdate([[line(pieces)] for pieces in frame], Region(0, 0, WIDTH, HEIGHT))
        else:
            at, pieces = frame
            chops: list[dict[int, Strip | None]] = [{0: line(pieces) if y == at else None} for y in range(HEIGHT)]
            update = ChopsUpdate(chops, [(at, 0, WIDTH)], [[WIDTH]] * HEIGHT)
        whole.write(update.render_segments(CONSOLE))
        reduced.write(wire.reduce(update, CONSOLE, (WIDTH, HEIGHT)))
        assert (reduced.characters, reduced.looks) == (whole.characters, whole.looks)
        assert wire.reduce(update, CONSOLE, (WIDTH, HEIGHT)) == ""


def test_one_changed_letter_is_one_letter_on_the_wire_and_a_forgotten_screen_is_sent_whole() -> None:
    wire = Wire()

    def update(text: str) -> LayoutUpdate:
        return LayoutUpdate([[line([(text, None)])]], Region(0, 0, WIDTH, 1))

    assert CONSOLE._color_system is ColorSystem.TRUECOLOR
    wire.reduce(update("order 1001"), CONSOLE, (WIDTH, 1))
    assert wire.reduce(update("order 1002"), CONSOLE, (WIDTH, 1)) == "\x1b[1;10H2"
    wire.forget()
    assert "order 1002" in wire.reduce(update("order 1002"), CONSOLE, (WIDTH, 1))


@pytest.mark.parametrize("keys", ["", "enter", "e", "e enter", "e d", "H", "T"])
async def test_a_screen_on_which_nothing_happens_draws_its_clock_only(
    keys: str, connection: asyncpg.Connection, intake: Intake, sit: Sit, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id = await add_order(connection, amount_subtotal=5000, amount_total=5000)
    await deliver(intake, event_body("checkout.session.completed", session_object(order_id, "cs_1", "pi_1")))
    await deliver(intake, event_body("refund.updated", {"id": 7, "object": "refund"}))
    for column, table in (("created_at", "orders"), ("received_at", "stripe_events")):
        await connection.execute(f"UPDATE {table} SET {column} = {column} - interval '3 days 12 hours'")  # ages in days
    drawn: list[set[int] | None] = []  # the lines of each update; None: the whole screen
    display = Terminal._display

    def note(app: Terminal, screen: Screen[object], renderable: Any) -> None:
        if isinstance(renderable, ChopsUpdate):
            drawn.append({y for y, _, _ in renderable.spans})
        elif renderable is not None:
            drawn.append(None)
        display(app, screen, renderable)

    monkeypatch.setattr(Terminal, "_display", note)
    async with sit(size=(200, 60)) as seat:
        seat.app.app_context.checkup = found()
        await seat.until(lambda: seat.numbers() == [1001])
        for key in keys.split():
            await seat.press(key)
            await seat.until(lambda: isinstance(seat.app.screen, BaseScreen))
        await seat.until(lambda: len(drawn) > 3 and drawn[-3:] == [{0}, {0}, {0}])
