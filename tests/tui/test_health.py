"""Health: the results of the doctor, live, with the command that fixes each fault."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg

from checkout_daemon.operations.doctor import Check
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_cli.daemons import announced
from checkout_daemon.stripe_sync.catching_up import catch_up
from tests.support.flaky_stripe import FlakyStripe, Request
from tests.tui.conftest import Seat, Sit
from tests.tui.test_connection import Line, line
from tui.checkup import ORDER
from tui.screens.events import EventsScreen
from tui.screens.health import HealthScreen

__all__ = ["line"]

ENDPOINTS = "/v1/webhook_endpoints"


AT_WORK = "INSERT INTO cursors (name, value, updated_at) VALUES ('pulse', '{}', now() + interval '1 hour')"


TALL = (80, 34)  # every check has its line


async def open_health(seat: Seat) -> HealthScreen:
    await seat.press("H")
    screen = await seat.screen_of(HealthScreen)
    await seat.until(lambda: all(check is not None for _, check in screen.checkup.checks()))
    await seat.sees("Stripe asked")
    return screen


def row(seat: Seat, name: str) -> str:
    """Return the line of a check."""
    (found,) = [line for line in seat.text().splitlines() if line[10:24].strip() == name]
    return found


async def test_every_check_shows_its_result_and_its_fix_can_be_copied(
    runtime: Runtime, stripe: FlakyStripe, connection: asyncpg.Connection, tmp_path: Path, sit: Sit
) -> None:
    await catch_up(runtime)
    await connection.execute(AT_WORK)
    await connection.execute(
        "INSERT INTO stripe_events (id, type, status, received_at, created_at, body_hash) VALUES"
        " ('evt_1', 'charge.failed', 'dead', now(), now(), '')"
    )
    (tmp_path / "state").mkdir()
    with announced(tmp_path / "state"):
        async with sit(size=TALL, STRIPE_API_BASE=stripe.base, CHECKOUT_STATE_DIR=str(tmp_path / "state")) as seat:
            screen = await open_health(seat)
            assert "✓ ok     daemons       one runs on this machine: process" in row(seat, "daemons")
            assert "✓ ok     comparison    Stripe made 0, we hold 0, to 2" in row(seat, "comparison")
            assert "✗ FAULT  dead letters  1 event dead" in row(seat, "dead letters")
            assert "- skip   smtp          no mail is sent" in row(seat, "smtp")
            await seat.sees("events/min", " now, 1 in an hour")  # the minute may have turned since
            assert screen.name_chosen == screen.checkup.faults[0]  # the cursor is on the first fault
            while screen.name_chosen != "dead_letters":
                await seat.press("n")
            await seat.press("c")
            assert seat.app.clipboard == "checkout events replay --status dead"
            await seat.sees("$ checkout events replay --status dead")
            await seat.press("enter")
            await seat.sees("To fix it:")
            await seat.press("escape", "home", "c")
            await seat.sees("This check passed", "$ checkout doctor")
            await connection.execute("DELETE FROM stripe_events")
            await seat.press("e")
            await seat.screen_of(EventsScreen)


async def test_all_is_well_only_if_nothing_was_skipped(sit: Sit, stripe: FlakyStripe) -> None:
    async with sit(size=TALL, STRIPE_API_BASE=stripe.base) as seat:
        screen = await open_health(seat)
        checkup = screen.checkup
        checkup._due = checkup._signs_due = float("inf")  # nothing is read any more
        checkup.found = {name: Check.passed(name, "fine") for name in ORDER}
        screen.redraw()
        await seat.sees("✓ All is well")
        checkup.found["smtp"] = Check.skipped("smtp", "no mail is sent")
        screen.redraw()
        await seat.sees("✓ No faults; skipped: smtp", "- skip   smtp")
        await seat.press("end", "up", "n")
        await seat.sees("No check found a fault.")


async def test_without_any_daemon_the_command_that_starts_one_is_named(sit: Sit, stripe: FlakyStripe) -> None:
    async with sit(size=(160, 45), STRIPE_API_BASE=stripe.base) as seat:
        screen = await open_health(seat)
        assert screen.name_chosen == "daemons"
        await seat.sees("✗ FAULT  daemons", "none was ever at work", "To fix it", "60 minutes ago")
        assert seat.text().count("checkout dev") >= 1
        assert {name for name, _ in screen.checkup.checks()} == set(ORDER)


async def test_stripe_is_asked_once_however_often_one_looks(stripe: FlakyStripe, sit: Sit) -> None:
    async with sit(STRIPE_API_BASE=stripe.base) as seat:
        await open_health(seat)
        await seat.press("escape")
        screen = await open_health(seat)
        signs = screen.checkup.signs
        await seat.press("r")
        await seat.sees("Stripe can be asked again in")
        await seat.until(lambda: screen.checkup.signs is not signs)
        assert len(stripe.asked(ENDPOINTS, "GET")) == 1


async def test_keys_work_while_stripe_takes_its_time(stripe: FlakyStripe, sit: Sit) -> None:
    answer = asyncio.Event()

    async def wait(request: Request) -> None:
        if request.path == ENDPOINTS:
            await answer.wait()

    stripe.before_answer = wait
    async with sit(STRIPE_API_BASE=stripe.base) as seat:
        await seat.press("H")
        screen = await seat.screen_of(HealthScreen)
        await seat.until(lambda: screen.checkup.signs is not None)
        await seat.sees("asking Stripe …", "…        endpoint")
        await seat.press("down", "down", "j")
        assert screen.name_chosen == ORDER[3]
        while screen.chosen is not None:
            await seat.press("down")
        await seat.press("c")
        await seat.notices("This check has not run yet.")
        answer.set()
        await seat.sees("FAULT  endpoint")


async def test_a_database_that_is_lost_is_a_fault_until_it_answers_again(
    line: Line, stripe: FlakyStripe, connection: asyncpg.Connection, state_dir: Path, sit: Sit
) -> None:
    await connection.execute(AT_WORK)
    async with sit(
        size=TALL, url=await line.start(), STRIPE_API_BASE=stripe.base, CHECKOUT_STATE_DIR=str(state_dir)
    ) as seat:
        with announced(state_dir):
            screen = await open_health(seat)
            assert "✓ ok     database" in row(seat, "database")
            assert "✓ ok     daemons" in row(seat, "daemons")
            line.cut()
        await seat.sees("The database has not answered", "○ no database", "✗ FAULT  database", "✗ FAULT  daemons")
        assert screen.checkup.signs is not None  # what was known stays
        line.restore()
        await seat.until(lambda: "has not answered" not in seat.text() and "FAULT  database" not in seat.text())


async def test_read_only_looks_all_the_same(sit: Sit, stripe: FlakyStripe) -> None:
    async with sit(read_only=True, STRIPE_API_BASE=stripe.base) as seat:
        await open_health(seat)
        await seat.press("f2", "question_mark")
        await seat.sees("Keys: Health", "checkout doctor", "Go to the next fault")
