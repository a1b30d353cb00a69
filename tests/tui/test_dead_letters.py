"""What could not be applied: by its cause, one replayed first, the rest after it, until one fails again."""

from __future__ import annotations

import asyncpg
import pytest

from checkout_daemon.ledger.intake import Intake
from tests.support.stripe_events import deliver, event_body, insert_order, refund_object, session_object
from tests.tui.conftest import Seat, Sit
from tui.screens.dead_letters import DeadLettersScreen
from tui.screens.dialogs import Choose
from tui.screens.event import EventScreen
from tui.screens.events import EventsScreen
from tui.screens.replay_run import ReplayRun

BROKEN = "ALTER TABLE refunds ADD CONSTRAINT planted CHECK (amount <> 1300)"
BROKEN_AGAIN = f"{BROKEN} NOT VALID"
FIXED = "ALTER TABLE refunds DROP CONSTRAINT planted"


@pytest.fixture
async def failed(database_url: str, connection: asyncpg.Connection, intake: Intake) -> None:
    """Three refunds that the database refused, one of them tried no more; and an event that nobody can read."""
    await connection.execute(BROKEN)
    await fail_refunds(database_url, connection, intake)
    await deliver(intake, event_body("refund.updated", {"id": 7}, event_id="evt_odd"))


async def fail_refunds(database_url: str, connection: asyncpg.Connection, intake: Intake) -> None:
    """Three paid orders, and a refund of each that a broken database refuses."""
    for place in range(3):
        order_id = await insert_order(database_url)
        await deliver(
            intake, event_body("checkout.session.completed", session_object(order_id, f"cs_{place}", f"pi_{place}"))
        )
        refund = refund_object(f"re_{place}", f"pi_{place}", 1300)
        await deliver(intake, event_body("refund.created", refund, event_id=f"evt_{place}"))
    await connection.execute("UPDATE stripe_events SET status = 'dead', next_attempt_at = NULL WHERE id = 'evt_0'")


async def open_causes(seat: Seat) -> DeadLettersScreen:
    await seat.press("e", "d")
    screen = await seat.screen_of(DeadLettersScreen)
    await seat.until(lambda: len(seat.lines()) == 2)
    return screen


async def statuses(connection: asyncpg.Connection) -> list[str]:
    rows = await connection.fetch("SELECT status FROM stripe_events WHERE type = 'refund.created' ORDER BY id")
    return [row["status"] for row in rows]


@pytest.mark.usefixtures("failed")
async def test_failures_are_grouped_by_cause_and_lead_to_their_events(sit: Sit) -> None:
    async with sit(size=(140, 24)) as seat:
        await open_causes(seat)
        (line,) = (line for line in seat.lines() if "CheckViolationError (planted)" in line)
        assert line[1:].split()[1:4] == ["3", "✗", "1"]
        assert "refund.created" in line
        await seat.press("end", "enter")
        screen = await seat.screen_of(EventsScreen)
        await seat.until(lambda: len(seat.lines()) == 3)
        assert screen.choice.fingerprint in line
        await seat.sees(f"$ checkout events list --fingerprint {screen.choice.fingerprint}")
        await seat.press("escape")
        await seat.press("x")
        await seat.screen_of(EventScreen)


@pytest.mark.usefixtures("failed")
async def test_one_is_replayed_then_the_rest_and_what_fails_again_ends_it(
    connection: asyncpg.Connection, sit: Sit
) -> None:
    async with sit() as seat:
        await open_causes(seat)
        await seat.press("end", "y")
        await seat.screen_of(Choose)
        await seat.sees("Replay one, then the other 2")
        await seat.press("down", "enter")
        await seat.screen_of(ReplayRun)
        await seat.sees("1 of 3", "failed again: the other 2 were not tried")
        rows = await connection.fetch("SELECT attempts FROM stripe_events WHERE type = 'refund.created' ORDER BY id")
        assert [row["attempts"] for row in rows] == [2, 1, 1]
        await seat.press("escape")
        await connection.execute(FIXED)
        await seat.press("y")
        await seat.screen_of(Choose)
        await seat.press("down", "enter")
        await seat.sees("3 of 3", "3 applied again")
        assert await statuses(connection) == ["applied"] * 3
        await seat.press("escape")
        await seat.until(lambda: len(seat.lines()) == 1)
        await seat.sees("$ checkout events replay --fingerprint")


@pytest.mark.usefixtures("failed")
async def test_one_alone_can_be_replayed(connection: asyncpg.Connection, sit: Sit) -> None:
    await connection.execute(FIXED)
    async with sit() as seat:
        await open_causes(seat)
        await seat.press("end", "y")
        await seat.screen_of(Choose)
        await seat.press("end", "enter")
        await seat.sees("1 of 1", "1 applied again")
        await seat.press("escape")
        await connection.execute(BROKEN_AGAIN)
        await seat.until(lambda: any(line[1:].split()[1:2] == ["2"] for line in seat.lines()))
        await seat.press("end", "y")
        await seat.screen_of(Choose)
        assert "Replay one, then the other " + " " * 10 in seat.text()
        await seat.press("down", "enter")
        await seat.sees("1 of 2", "failed again: the other one was not", "tried.")
        await seat.press("escape", "end", "y")
        await seat.screen_of(Choose)
        await seat.press("end", "enter")
        await seat.sees("1 of 1", "failed again.")
    assert sorted(await statuses(connection)) == ["applied", "failed", "failed"]


@pytest.mark.usefixtures("failed")
async def test_a_reader_replays_nothing(sit: Sit) -> None:
    async with sit(read_only=True) as seat:
        screen = await open_causes(seat)
        await seat.press("y")
        assert seat.app.screen is screen
        await seat.press("escape", "y", "r")
        seat.screen(EventsScreen)


@pytest.mark.usefixtures("failed")
async def test_escape_lets_the_replay_under_way_end_and_begins_no_more(
    database_url: str, connection: asyncpg.Connection, sit: Sit
) -> None:
    await connection.execute(FIXED)
    holder = await asyncpg.connect(database_url)
    holding = holder.transaction()
    await holding.start()
    await holder.execute("SELECT 1 FROM stripe_events WHERE id = 'evt_1' FOR UPDATE")
    try:
        async with sit() as seat:
            await open_causes(seat)
            await seat.press("end", "y")
            await seat.screen_of(Choose)
            await seat.press("down", "enter")
            await seat.sees("1 of 3")
            await seat.press("escape")
            await holding.rollback()
            await seat.sees("2 of 3", "2 applied again. Stopped: the other one was not tried.")
    finally:
        await holder.close()
    assert await statuses(connection) == ["applied", "applied", "failed"]


@pytest.mark.usefixtures("failed")
async def test_a_failed_event_is_replayed_from_its_payload(connection: asyncpg.Connection, sit: Sit) -> None:
    await connection.execute(FIXED)
    async with sit(size=(100, 30)) as seat:
        await seat.press("e")
        await seat.screen_of(EventsScreen)
        await seat.until(lambda: len(seat.lines()) == 7)
        await seat.press("home", "down", "enter")
        screen = await seat.screen_of(EventScreen)
        assert screen.event_id == "evt_2"
        await seat.sees("id: re_2")
        await seat.press("y")
        await seat.sees("$ checkout events replay evt_2", "refund.created applied")
    assert await statuses(connection) == ["dead", "failed", "applied"]
