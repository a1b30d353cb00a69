"""What is wrong is seen first, on every screen and at every width; what is well gives way."""

from __future__ import annotations

from datetime import UTC, datetime

import asyncpg
import pytest

from checkout_daemon.database.pool import Database
from checkout_daemon.ledger.intake import Intake
from checkout_daemon.orders.figures import read_figures
from checkout_daemon.stripe_sync.pulse import Pulse
from tests.support.orders import add_order
from tests.support.stripe_events import deliver, event_body, session_object
from tests.tui.conftest import Seat, Sit
from tui import app
from tui.screens.base import BaseScreen
from tui.screens.dead_letters import DeadLettersScreen
from tui.widgets.figures import FiguresBar
from tui.widgets.top_line import TopLine

STATUSES = ["completed", "pending", "processing", "failed", "disputed", "refunded", "expired", "canceled"]


@pytest.fixture
async def troubled(connection: asyncpg.Connection, intake: Intake) -> None:
    """Orders of every status today; one needs attention, and an event is dead."""
    now = datetime.now(UTC)
    for status in STATUSES:
        await add_order(connection, status=status, created_at=now)
    order_id = await add_order(connection, created_at=now, amount_subtotal=5000,
                               amount_total=5000)  # fmt: skip
    await deliver(intake, event_body("refund.updated", {"id": 7, "object": "refund"}))
    await deliver(intake, event_body("checkout.session.completed", session_object(order_id, "cs_1", "pi_1")))
    await connection.execute("UPDATE stripe_events SET status = 'dead' WHERE type = 'refund.updated'")
    await connection.execute("UPDATE orders SET attention = '{paid_twice}' WHERE id = $1", order_id)


@pytest.fixture
def felt(monkeypatch: pytest.MonkeyPatch) -> list[Pulse]:
    """The last of these is what the terminal reads as the pulse."""
    pulses = [Pulse()]

    async def read(_: asyncpg.Connection) -> Pulse:
        return pulses[-1]

    monkeypatch.setattr(app, "read_pulse", read)
    return pulses


async def read_trouble(seat: Seat, url: str) -> None:
    """Have the figures now; the screen reads them every ten seconds."""
    database = Database(url)
    figures = await read_figures(database, datetime.now(UTC), "UTC", livemode=seat.app.app_context.livemode)
    await database.close()
    seat.app.app_context.trouble = figures.trouble
    for screen in seat.app.screen_stack:
        for bar in screen.query(FiguresBar):
            bar.show(figures)


@pytest.mark.usefixtures("troubled")
@pytest.mark.parametrize("width", [80, 100, 110, 120, 140, 200])
async def test_trouble_is_on_every_screen_at_every_width(
    database_url: str, sit: Sit, felt: list[Pulse], width: int
) -> None:
    felt.append(Pulse(30.0, 0.0, 4))
    async with sit(size=(width, 24)) as seat:
        await seat.until(lambda: len(seat.numbers()) == 9)
        await read_trouble(seat, database_url)
        for keys in ("", "enter", "escape e", "d", "escape escape H", "escape T"):
            for key in keys.split():
                await seat.press(key)
            await seat.until(lambda: isinstance(seat.app.screen, BaseScreen) and bool(seat.app.screen.query(TopLine)))
            await seat.sees("! 1 attention", "! 1 dead", "▲ daemon silent 30s", "▲ 4 undelivered")


@pytest.mark.usefixtures("troubled")
async def test_statuses_give_way_to_trouble_one_by_one(database_url: str, sit: Sit) -> None:
    async with sit(size=(120, 24)) as seat:
        await seat.until(lambda: len(seat.numbers()) == 9)
        await read_trouble(seat, database_url)
        await seat.sees("! 1 attention")
        line = next(line for line in seat.text().splitlines() if "attention  " in line and "lag" in line)
        assert line.index("! 1 attention") < line.index("0 stuck") < line.index("! 1 dead") < line.index("lag")
        assert line.index("lag") < line.index("completed")
        assert "…" not in line


async def test_what_is_alive_beside_the_database(sit: Sit, felt: list[Pulse]) -> None:
    async with sit() as seat:
        await seat.sees("▲ no daemon")
        for pulse, sees in (
            (Pulse(1.0), "● following ● daemon ● Stripe"),
            (Pulse(1.0, 5.0), "● following ● daemon │ ▲ Stripe silent 5s"),
            (Pulse(12.0, 5.0), "● following │ ▲ daemon silent 12s"),
            (Pulse(1.0, 0.0, 2), "● daemon ● Stripe │ ▲ 2 undelivered"),
        ):
            felt.append(pulse)
            await seat.sees(sees)


@pytest.mark.usefixtures("troubled")
async def test_a_click_on_a_count_shows_what_it_counts(database_url: str, sit: Sit) -> None:
    async with sit(size=(120, 24)) as seat:
        await seat.until(lambda: len(seat.numbers()) == 9)
        await read_trouble(seat, database_url)
        await seat.sees("! 1 attention")
        bar = seat.app.screen.query_one(FiguresBar)
        line = seat.text().splitlines()[bar.region.y + 1]
        await seat.pilot.click(FiguresBar, offset=(line.index("1 attention"), 1))
        await seat.until(lambda: seat.numbers() == [1009])
        await seat.pilot.click(FiguresBar, offset=(line.index("1 dead"), 1))
        await seat.screen_of(DeadLettersScreen)
