"""The inbox of events, and a payload that folds and is searched."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from checkout_daemon.store.database import Database
from checkout_daemon.webhooks.intake import Intake
from tests.support.stripe_events import SECRET, deliver, event_body, insert_order, session_object
from tests.tui.conftest import Seat, Sit
from tui.screens.event import EventScreen
from tui.screens.events import EventsScreen
from tui.screens.order import OrderScreen


@pytest.fixture
async def intake(database_url: str) -> AsyncIterator[Intake]:
    database = Database(database_url)
    intake = Intake(database, lambda: (SECRET,))
    await intake.start()
    yield intake
    await intake.close()
    await database.close()


async def completed(intake: Intake, url: str, **fields: object) -> str:
    order_id = await insert_order(url)
    await deliver(intake, event_body("checkout.session.completed", session_object(order_id, "cs_1", "pi_1", **fields)))
    return order_id


async def open_events(seat: Seat) -> EventsScreen:
    await seat.press("e")
    return await seat.screen_of(EventsScreen)


async def test_events_come_in_by_themselves(database_url: str, intake: Intake, sit: Sit) -> None:
    async with sit() as seat:
        await open_events(seat)
        await seat.sees("No events yet")
        await completed(intake, database_url)
        await seat.sees("checkout.session.completed")
        await seat.until(lambda: len(seat.lines()) == 1)
        (line,) = seat.lines()
        assert line.split()[2:4] == ["applied", "1001"]
        await deliver(intake, event_body("customer.created", {"id": "cus_1", "object": "customer"}))
        await seat.until(lambda: len(seat.lines()) == 2)
        assert "ignored" in seat.lines()[0]
        await seat.press("down", "o")
        await seat.screen_of(OrderScreen)


async def test_u_shows_only_what_failed(connection: asyncpg.Connection, sit: Sit) -> None:
    await connection.execute(
        "INSERT INTO stripe_events (id, type, status, received_at, body_hash) VALUES"
        " ('evt_1', 'charge.failed', 'applied', now(), ''), ('evt_2', 'charge.succeeded', 'dead', now(), '')"
    )
    async with sit() as seat:
        await open_events(seat)
        await seat.until(lambda: len(seat.lines()) == 2)
        await seat.press("u")
        await seat.until(lambda: len(seat.lines()) == 1)
        await seat.sees("dead", "charge.succeeded", "events list --status failed --status dead")


async def test_a_payload_is_folded_searched_and_masked(database_url: str, intake: Intake, sit: Sit) -> None:
    details = {"email": "ada@example.com", "address": {"country": "AT"}}
    await completed(intake, database_url, customer_details=details)
    async with sit(size=(100, 45)) as seat:
        await open_events(seat)
        await seat.until(lambda: len(seat.lines()) == 1)
        await seat.press("enter")
        screen = await seat.screen_of(EventScreen)
        await seat.sees("id: cs_1", "▶ customer_details {2}")
        await seat.press("slash", *"country", "enter")
        await seat.sees("country: AT", "email: ada@example.com")
        await seat.until(lambda: str(getattr(screen.payload.cursor_node, "label", "")) == "country: AT")
        await seat.press("y")
        assert seat.app.clipboard == "AT"
        await seat.press("m", "z")
        await seat.sees("email: a•••@e•••")
        await seat.press("z")
        await seat.until(lambda: "id: cs_1" not in seat.text())


async def test_a_payload_that_retention_has_dropped_is_said(connection: asyncpg.Connection, sit: Sit) -> None:
    await connection.execute(
        "INSERT INTO stripe_events (id, type, status, received_at, body_hash)"
        " VALUES ('evt_1', 'charge.failed', 'applied', now(), '')"
    )
    async with sit() as seat:
        await open_events(seat)
        await seat.until(lambda: len(seat.lines()) == 1)
        await seat.press("enter")
        await seat.sees("no longer held")
