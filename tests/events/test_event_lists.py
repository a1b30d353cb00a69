"""The events of an order are also those that were not applied: their payload names it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest

from checkout_daemon.database.pool import Database
from checkout_daemon.database.queries import sql
from checkout_daemon.events import event_lists
from checkout_daemon.events.event_lists import EventFilter, list_events, page_of_events, read_unapplied
from checkout_daemon.model.events import EventLine
from tests.support.orders import NOW, add_order

HOUR = timedelta(hours=1)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, max_size=1)
    yield database
    await database.close()


@pytest.fixture
async def orders(connection: asyncpg.Connection) -> list[str]:
    """Add six events that were not applied, evt_0 the newest. Return the two orders that they name in turn."""
    orders = [await add_order(connection, ago=10 * HOUR) for _ in range(2)]
    for place, status in enumerate(("dead", "failed", "dismissed", "dead", "failed", "dead")):
        received_at = NOW - place * HOUR
        await connection.execute(
            "INSERT INTO stripe_events (id, type, status, received_at, body_hash)"
            " VALUES ($1, 'charge.refunded', $2, $3, '')",
            f"evt_{place}",
            status,
            received_at,
        )
        await connection.execute(
            "INSERT INTO stripe_event_payloads (event_id, received_at, payload) VALUES ($1, $2, $3)",
            f"evt_{place}",
            received_at,
            f'{{"metadata": {{"order_id": "{orders[place % 2]}"}}}}',
        )
    return orders


async def test_pages_of_an_order_have_all_events_that_name_it(
    database: Database, orders: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_lists, "PAGE", 2)  # events that name other orders fill several pages
    wanted = EventFilter(order_id=orders[0])
    async with database.connection() as connection:
        first = await list_events(connection, wanted, limit=2)
        rest = await list_events(connection, wanted, limit=2, cursor=first[-1])
    assert [event.id for event in (*first, *rest)] == ["evt_0", "evt_2", "evt_4"]
    assert {event.number for event in (*first, *rest)} == {1001}


async def test_they_are_narrowed_by_status_and_time_as_the_others(database: Database, orders: list[str]) -> None:
    dead = EventFilter(statuses=("dead",), order_id=orders[1])
    recent = EventFilter(order_id=orders[1], since=NOW - 3 * HOUR, until=NOW - HOUR)
    assert [event.id for event in await page_of_events(database, dead, limit=50)] == ["evt_3", "evt_5"]
    assert [event.id for event in await page_of_events(database, recent, limit=50)] == ["evt_3"]


async def test_a_screen_looks_through_the_newest_page_only(
    database: Database, orders: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = EventFilter(order_id=orders[0])
    assert [event.id for event in await page_of_events(database, wanted, limit=50)] == ["evt_0", "evt_2", "evt_4"]
    assert [event.id for event in await read_unapplied(database, orders[0])] == ["evt_0", "evt_4"]
    monkeypatch.setattr(event_lists, "PAGE", 2)
    assert [event.id for event in await page_of_events(database, wanted, limit=50)] == ["evt_0"]
    assert [event.id for event in await read_unapplied(database, orders[0])] == ["evt_0"]


async def test_dismissed_events_displace_no_dead_one_on_a_screen(
    database: Database, orders: list[str], connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    await connection.execute("UPDATE stripe_events SET status = 'dismissed' WHERE id IN ('evt_0', 'evt_1')")
    monkeypatch.setattr(event_lists, "PAGE", 2)
    assert [event.id for event in await read_unapplied(database, orders[1])] == ["evt_3"]


async def test_pages_of_an_order_have_each_event_once_in_the_sequence_of_the_database(
    database: Database, orders: list[str], connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    await connection.execute("UPDATE stripe_events SET received_at = $1", NOW)
    await connection.execute("UPDATE stripe_event_payloads SET received_at = $1", NOW)
    await connection.execute(
        "INSERT INTO stripe_events (id, type, status, order_id, received_at, body_hash) VALUES"
        " ('evt_13', 'charge.refunded', 'applied', $1::text::uuid, $2, ''),"
        " ('evt_31', 'charge.refunded', 'applied', $1::text::uuid, $2, '')",
        orders[0],
        NOW,
    )

    def backwards(name: str) -> str:
        """Return a statement as for a database that compares ids from their ends: another sequence than Python's."""
        statement = sql(name).replace("received_at DESC, id DESC", "received_at DESC, reverse(id) DESC")
        return statement.replace("(received_at, id) < ($2, $3)", "(received_at, reverse(id)) < ($2, reverse($3))")

    monkeypatch.setattr(event_lists, "sql", backwards)
    found: list[EventLine] = []
    async with database.connection() as reading:
        wanted = EventFilter(order_id=orders[0])
        while page := await list_events(reading, wanted, limit=1, cursor=found[-1] if found else None):
            found += page
    assert [event.id for event in found] == ["evt_4", "evt_13", "evt_2", "evt_31", "evt_0"]
