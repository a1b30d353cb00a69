"""What could not be applied: by its cause, one replayed first, the rest after it, until one fails again."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import asyncpg
import pytest

from checkout_daemon.audit.operators import this_operator
from checkout_daemon.batches import running
from checkout_daemon.batches.records import Batch, BatchItem
from checkout_daemon.batches.running import EndedItem
from checkout_daemon.errors import DatabaseUnavailable
from checkout_daemon.ledger.intake import Intake
from checkout_daemon.runtime import Runtime
from tests.support.orders import add_order
from tests.support.stripe_events import deliver, event_body, insert_order, refund_object, session_object
from tests.tui.conftest import Seat, Sit
from tui.screens.batch import BatchScreen
from tui.screens.dead_letters import DeadLettersScreen
from tui.screens.dialogs import Ask, Choose
from tui.screens.event import EventScreen
from tui.screens.events import EventsScreen
from tui.screens.message import MessageScreen
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


async def open_cause(seat: Seat, error: str) -> DeadLettersScreen:
    """Open the list with the cursor on the cause that contains this text."""
    screen = await open_causes(seat)
    while error not in seat.lines()[screen.table.cursor_rank]:
        await seat.press("down")
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


@pytest.fixture
async def unsent(connection: asyncpg.Connection) -> list[str]:
    """Two dead webhooks with the same error, one mail that is tried again. Return the webhooks' ids."""
    order_id = await add_order(connection)
    rows = await connection.fetch(
        "INSERT INTO outbox (order_id, kind, channel, status, last_error) VALUES"
        " ($1, 'order.completed', 'webhook', 'dead', 'the receiver answered 500'),"
        " ($1, 'payment.failed', 'webhook', 'dead', 'the receiver answered 500'),"
        " ($1, 'order.completed', 'mail', 'failed', 'the mail server was not reached') RETURNING id::text, channel",
        order_id,
    )
    return [row["id"] for row in rows if row["channel"] == "webhook"]


async def test_messages_are_grouped_beside_events_and_each_opens(sit: Sit, unsent: list[str]) -> None:
    async with sit(size=(140, 30)) as seat:
        await open_causes(seat)
        (line,) = (line for line in seat.lines() if "the receiver answered 500" in line)
        assert line[1:].split()[1:4] == ["2", "✗", "2"]
        assert "1001" in line
        while "500" not in seat.lines()[seat.screen(DeadLettersScreen).table.cursor_rank]:
            await seat.press("down")
        await seat.press("enter")
        await seat.screen_of(Choose)
        await seat.press("enter")
        screen = await seat.screen_of(MessageScreen)
        assert screen.message_id in unsent
        await seat.sees("the receiver answered 500", "X Dismiss")


async def test_what_has_no_room_in_the_list_is_shown_whole_below_it(
    connection: asyncpg.Connection, sit: Sit, unsent: list[str]
) -> None:
    error = "535 5.7.8 the credentials are invalid for shop@example.com at mail.example.com: log in again, please"
    await connection.execute("UPDATE outbox SET last_error = $2 WHERE id = $1::text::uuid", unsent[0], error)
    await connection.execute("DELETE FROM outbox WHERE id <> $1::text::uuid", unsent[0])
    async with sit() as seat:
        await seat.press("e", "d")
        await seat.sees("1 webhook message, 1 dead: 535 5.7.8", "in again, please")
        await seat.press("enter")
        await seat.screen_of(MessageScreen)
        (line,) = [line for line in seat.text().splitlines() if "in again, please" in line]
        assert line.startswith(" " * 9)


async def test_dead_messages_are_sent_again_or_dismissed_together(
    connection: asyncpg.Connection, sit: Sit, unsent: list[str]
) -> None:
    async with sit(size=(140, 30)) as seat:
        screen = await open_cause(seat, "500")
        await seat.press("X")
        await seat.screen_of(Ask)
        await seat.press(*"old", "enter")
        await seat.until(lambda: len(seat.lines()) == 1)
        await seat.sees("2 messages dismissed.")
        assert await statuses_of(connection, unsent) == {"dismissed"}
        await seat.press("X")
        await seat.sees("None of these is dead")
        await connection.execute("UPDATE outbox SET status = 'dead' WHERE channel = 'webhook'")
        await seat.until(lambda: len(seat.lines()) == 2)
        while "500" not in seat.lines()[screen.table.cursor_rank]:
            await seat.press("down" if screen.table.cursor_rank == 0 else "up")
        await seat.press("y")
        await seat.screen_of(Choose)
        await seat.sees("Send 2 messages again?")
        await seat.press("end", "enter")
        await seat.sees("2 messages will be sent again.")
    assert await statuses_of(connection, unsent) == {"queued"}
    batch = await connection.fetchrow("SELECT act, operator, status, done FROM batches")
    assert batch is not None
    assert tuple(batch) == ("replay_messages", this_operator().user, "finished", 2)
    items = await connection.fetch("SELECT subject FROM batch_items")
    assert {item["subject"] for item in items} == set(unsent)


def lose_answers(monkeypatch: pytest.MonkeyPatch, *, pauses: tuple[float, ...], after: bool) -> None:
    """Lose the connection whenever messages are queued: after it was committed, or before it."""
    replay = running._replay_messages

    async def lost(
        runtime: Runtime, batch: Batch, holder: str, items: list[BatchItem]
    ) -> AsyncGenerator[list[EndedItem], None]:
        if after:
            async for _ in replay(runtime, batch, holder, items):
                pass
        if items:
            raise DatabaseUnavailable("the connection was lost")
        yield []

    monkeypatch.setattr(running, "_replay_messages", lost)
    monkeypatch.setattr(f"{running.__name__}.BUSY_STRIPE_SECONDS", pauses)


@pytest.mark.parametrize("pauses", [(0.0,), ()], ids=["the database comes back", "it stays away for the batch"])
async def test_messages_that_were_queued_although_the_answer_was_lost_are_reported_so(
    connection: asyncpg.Connection,
    sit: Sit,
    unsent: list[str],
    monkeypatch: pytest.MonkeyPatch,
    pauses: tuple[float, ...],
) -> None:
    lose_answers(monkeypatch, pauses=pauses, after=True)
    async with sit(size=(140, 30)) as seat:
        await open_cause(seat, "500")
        await seat.press("y")
        await seat.screen_of(Choose)
        await seat.press("end", "enter")
        await seat.sees("2 messages will be sent again.")
        assert await statuses_of(connection, unsent) == {"queued"}
        await connection.execute("UPDATE outbox SET status = 'dead' WHERE channel = 'webhook'")
        seat.app.app_context.navigation.message(unsent[0])
        screen = await seat.screen_of(MessageScreen)
        await seat.until(lambda: screen.message is not None)
        await seat.press("y")
        await seat.notices("It will be sent again.")


async def test_messages_that_the_database_did_not_queue_are_left_to_a_daemon(
    connection: asyncpg.Connection, sit: Sit, unsent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lose_answers(monkeypatch, pauses=(), after=False)
    async with sit(size=(140, 30)) as seat:
        await open_cause(seat, "500")
        await seat.press("y")
        await seat.screen_of(Choose)
        await seat.press("end", "enter")
        await seat.notices("0 messages will be sent again; 2 are left in batch 1, which a daemon continues.")
        seat.app.app_context.navigation.message(unsent[0])
        screen = await seat.screen_of(MessageScreen)
        await seat.until(lambda: screen.message is not None)
        await seat.press("y")
        await seat.notices("It is left in batch 2, which a daemon continues.")
        assert "Not done" not in {shown.title for shown in seat.app._notifications}
    assert await statuses_of(connection, unsent) == {"dead"}


async def statuses_of(connection: asyncpg.Connection, ids: list[str]) -> set[str]:
    rows = await connection.fetch("SELECT status FROM outbox WHERE id::text = ANY($1)", ids)
    return {row["status"] for row in rows}


@pytest.mark.usefixtures("failed")
async def test_dead_events_of_an_error_are_dismissed_with_a_reason(connection: asyncpg.Connection, sit: Sit) -> None:
    async with sit(size=(140, 30)) as seat:
        await open_causes(seat)
        await seat.press("end", "X")
        await seat.screen_of(Ask)
        await seat.sees("Why is 1 dead event dismissed?")
        await seat.press(*"odd", "enter")
        await seat.sees("1 event dismissed.", "--note odd")
        await seat.press("home", "X")
        await seat.sees("None of these is dead")
    assert await statuses(connection) == ["dismissed", "failed", "failed"]


async def test_marked_errors_are_replayed_or_dismissed_together_after_one_box(
    connection: asyncpg.Connection, sit: Sit, unsent: list[str]
) -> None:
    async with sit(size=(140, 30)) as seat:
        screen = await open_causes(seat)
        await connection.execute(
            "INSERT INTO stripe_events (id, type, status, last_error, received_at, body_hash)"
            " VALUES ('evt_dead', 'charge.refunded', 'dead', 'KeyError: amount', now(), '')"
        )
        await connection.execute("UPDATE outbox SET next_attempt_at = now() + interval '1 hour' WHERE channel = 'mail'")
        await seat.until(lambda: len(seat.lines()) == 3)
        await seat.press("*")
        await seat.sees("3 marked")
        await seat.press("y")
        await seat.screen_of(Choose)
        await seat.sees("Replay 1 event and 3 messages?")
        await seat.press("escape", "X")
        await seat.screen_of(Ask)
        await seat.sees("Why are 1 event and 2 messages dismissed?")
        await seat.press(*"old", "enter")
        await seat.sees("1 event and 2 messages dismissed.")
        await seat.until(lambda: len(seat.lines()) == 1 and not screen.marked and screen.group is not None)
        await seat.press("space")
        await seat.sees("1 marked")
        await seat.press("y")
        await seat.screen_of(Choose)
        await seat.press("end", "enter")
        await seat.screen_of(BatchScreen)
        await seat.sees("Batch 1   replay messages   finished", "1 of 1")
    assert await statuses_of(connection, unsent) == {"dismissed"}
    assert await connection.fetchval("SELECT status FROM stripe_events WHERE id = 'evt_dead'") == "dismissed"
    assert await connection.fetchval("SELECT status FROM outbox WHERE channel = 'mail'") == "queued"


async def test_what_was_sent_while_the_box_was_open_is_not_sent_again(
    connection: asyncpg.Connection, sit: Sit, unsent: list[str]
) -> None:
    async with sit(size=(140, 30)) as seat:
        await open_cause(seat, "500")
        await seat.press("y")
        await seat.screen_of(Choose)
        await seat.sees("Send 2 messages again?")
        await deliver_one(connection, unsent[0])
        await seat.press("end", "enter")
        await seat.sees("1 message will be sent again; 1 is sent by now.")
        await seat.until(lambda: len(seat.lines()) == 1)
        assert await statuses_of(connection, unsent[:1]) == {"sent"}
        await connection.execute("UPDATE outbox SET status = 'dead' WHERE channel = 'webhook'")
        await seat.until(lambda: len(seat.lines()) == 2)
        await seat.press("*", "y")
        await seat.screen_of(Choose)
        await seat.sees("messages?")
        await deliver_one(connection, unsent[1])
        await seat.press("end", "enter")
        await seat.screen_of(BatchScreen)
        await seat.sees("is sent by now")
    assert await statuses_of(connection, unsent[1:]) == {"sent"}


async def deliver_one(connection: asyncpg.Connection, message: str) -> None:
    await connection.execute("UPDATE outbox SET status = 'sent', sent_at = now() WHERE id::text = $1", message)


async def test_a_message_that_was_sent_is_sent_again_only_after_a_question(
    connection: asyncpg.Connection, sit: Sit, unsent: list[str]
) -> None:
    async with sit(size=(100, 30)) as seat:
        seat.app.app_context.navigation.message(unsent[0])
        screen = await seat.screen_of(MessageScreen)
        await seat.until(lambda: screen.message is not None)
        await deliver_one(connection, unsent[0])
        await screen.read()
        await seat.press("y")
        await seat.screen_of(Choose)
        await seat.sees("Send it again?")
        await seat.press("enter")
        await seat.screen_of(MessageScreen)
        assert await statuses_of(connection, unsent[:1]) == {"sent"}
        await seat.press("y")
        await seat.screen_of(Choose)
        await seat.press("end", "enter")
        await seat.sees("It will be sent again.")
    assert await statuses_of(connection, unsent[:1]) == {"queued"}
