"""Duplicates of events that this process has seen stored take one statement, and are confirmed only if still held."""

from __future__ import annotations

import json
from typing import Any

import asyncpg
import pytest

from checkout_daemon.database.pool import Database
from checkout_daemon.database.queries import sql
from checkout_daemon.errors import DatabaseUnavailable
from checkout_daemon.ledger.apply import Applied, ReceivedEvent
from checkout_daemon.ledger.intake import Intake
from checkout_daemon.ledger.recent_events import RecentEvents
from tests.support.stripe_events import SECRET, deliver, event_body, insert_order, session_object


def paid(order_id: str, event_id: str, number: int = 1) -> bytes:
    session = session_object(order_id, f"cs_{number}", f"pi_{number}")
    return event_body("checkout.session.completed", session, event_id=event_id)


async def test_a_duplicate_of_a_remembered_event_takes_one_statement(
    database: Database, intake: Intake, database_url: str
) -> None:
    body = paid(await insert_order(database_url), "evt_1")
    await deliver(intake, body)
    statements: list[str] = []

    def log(record: Any) -> None:
        if record.query != "DISCARD PLANS":  # of a connection whose plans are due
            statements.append(record.query)

    async with database.connection() as used:
        used.add_query_logger(log)
    await deliver(intake, body)
    assert statements == [sql("confirm_held")]


async def test_its_outcome_is_a_duplicate(database: Database, database_url: str) -> None:
    outcomes: list[list[str]] = []

    def observe(committed: list[tuple[ReceivedEvent, Applied]], seconds: float) -> None:
        outcomes.append([applied.status for _, applied in committed])

    intake = Intake(database, lambda: (SECRET,), observe=observe)
    await intake.start()
    body = paid(await insert_order(database_url), "evt_1")
    for _ in range(3):
        await deliver(intake, body)
    await intake.close()
    assert outcomes == [["applied"], ["duplicate"], ["duplicate"]]


async def test_an_event_that_the_database_has_lost_since_is_stored_again(
    intake: Intake, database_url: str, connection: asyncpg.Connection
) -> None:
    """A backup was restored, or another server took over without the last commits, while the daemon ran on."""
    first, second = [await insert_order(database_url) for _ in range(2)]
    bodies = [paid(first, "evt_1", 1), paid(second, "evt_2", 2)]
    for body in bodies:
        await deliver(intake, body)
    await connection.execute(
        "DELETE FROM stripe_events WHERE id = 'evt_2'; DELETE FROM stripe_event_payloads WHERE event_id = 'evt_2';"
        " DELETE FROM links WHERE source_id IN ('cs_2', 'pi_2'); DELETE FROM checkout_sessions WHERE id = 'cs_2';"
        " DELETE FROM payment_observations WHERE payment_id = 'pi_2'; DELETE FROM payments WHERE id = 'pi_2';"
        " UPDATE orders SET status = 'pending', paid_at = NULL"
    )
    for body in bodies:
        await deliver(intake, body)
    stored = await connection.fetch("SELECT id, status FROM stripe_events ORDER BY id")
    assert [tuple(row) for row in stored] == [("evt_1", "applied"), ("evt_2", "applied")]
    assert await connection.fetchval("SELECT status FROM orders WHERE id = $1", second) == "completed"


async def test_a_server_that_accepts_no_writes_confirms_no_duplicate(
    intake: Intake, database_url: str, connection: asyncpg.Connection
) -> None:
    body = paid(await insert_order(database_url), "evt_1")
    await deliver(intake, body)
    name = await connection.fetchval("SELECT current_database()")
    await connection.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    for _ in range(2):  # the first may still use a connection that was cut
        with pytest.raises(DatabaseUnavailable):
            await deliver(intake, body)


@pytest.mark.parametrize("remembered", [True, False])
async def test_another_content_under_a_known_id_is_reported(
    intake: Intake, connection: asyncpg.Connection, caplog: pytest.LogCaptureFixture, *, remembered: bool
) -> None:
    for name in ("cus_1", "cus_2"):
        await deliver(intake, event_body("customer.created", {"id": name}, event_id="evt_1"))
        if not remembered:
            intake._recent = RecentEvents()
    assert "event evt_1 was delivered again with another content" in caplog.text
    assert "cus_1" in await connection.fetchval("SELECT payload FROM stripe_event_payloads")


@pytest.mark.parametrize("remembered", [True, False])
async def test_the_same_content_written_otherwise_is_not_reported(
    intake: Intake, caplog: pytest.LogCaptureFixture, *, remembered: bool
) -> None:
    """Stripe's list of events is written with other blanks than a delivery, which counts those to come."""
    body = event_body("customer.created", {"id": "cus_1"}, event_id="evt_1")
    event = json.loads(body)
    for again in (
        body,
        json.dumps(event, indent=2).encode(),
        json.dumps(event | {"pending_webhooks": 7}).encode(),
        event_body("customer.created", {"id": "cus_1", "older": True}, event_id="evt_1").replace(b"2026-", b"2025-"),
    ):
        await deliver(intake, again)
        if not remembered:
            intake._recent = RecentEvents()
    assert "delivered again" not in caplog.text


def test_as_many_events_are_remembered_as_asked_for_and_at_most_twice_as_many() -> None:
    recent = RecentEvents(least=100)
    assert not recent.include(["evt_0"])
    for number in range(1000):
        recent.add([f"evt_{number}"])
        assert recent.include(f"evt_{place}" for place in range(max(0, number - 99), number + 1))
        assert not recent.include([f"evt_{number}", f"evt_{number + 1}"])
    assert sum(recent.include([f"evt_{number}"]) for number in range(1000)) <= 200
