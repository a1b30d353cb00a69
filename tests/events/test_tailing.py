"""Following events shows each of them once, whatever the clock of the daemon that received it."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from uuid import uuid4

import asyncpg

from checkout_daemon.events.event_lists import EventFilter
from checkout_daemon.events.tailing import follow_events
from checkout_daemon.model.events import EventLine
from tests.support.orders import add_order


async def receive(connection: asyncpg.Connection, event_id: str, seconds_slow: int) -> None:
    await connection.execute(
        "INSERT INTO stripe_events (id, type, status, reason, received_at, body_hash)"
        " VALUES ($1, 't', 'ignored', 'unhandled_type', now() - make_interval(secs => $2), '')",
        event_id,
        seconds_slow,
    )


def ids(events: list[EventLine]) -> list[str]:
    return [event.id for event in events]


async def test_events_of_a_daemon_whose_clock_is_slow_are_shown_once(
    database_url: str, connection: asyncpg.Connection
) -> None:
    ready = asyncio.Event()
    await receive(connection, "evt_before", 200)
    batches = follow_events(database_url, EventFilter(), on_ready=ready.set, poll_seconds=0.02)
    async with aclosing(batches), asyncio.timeout(60):
        first = asyncio.ensure_future(anext(batches))
        await ready.wait()
        await receive(connection, "evt_quick", 0)
        assert ids(await first) == ["evt_quick"]
        await receive(connection, "evt_slow", 240)
        assert ids(await anext(batches)) == ["evt_slow"]
        await receive(connection, "evt_slowest", 290)
        assert ids(await anext(batches)) == ["evt_slowest"]
        await receive(connection, "evt_last", 0)
        assert ids(await anext(batches)) == ["evt_last"]


async def test_an_event_of_an_order_is_followed_also_before_it_is_applied(
    database_url: str, connection: asyncpg.Connection
) -> None:
    ready = asyncio.Event()
    order_id = await add_order(connection)
    wanted = EventFilter(order_id=order_id, number=1001)
    batches = follow_events(database_url, wanted, on_ready=ready.set, poll_seconds=0.02)
    async with aclosing(batches), asyncio.timeout(60):
        first = asyncio.ensure_future(anext(batches))
        await ready.wait()
        await fail(connection, "evt_other", str(uuid4()))
        await fail(connection, "evt_1", order_id)
        assert [(event.id, event.status, event.number) for event in await first] == [("evt_1", "failed", 1001)]
        await connection.execute(
            "UPDATE stripe_events SET status = 'applied', order_id = $1, attempts = 2 WHERE id = 'evt_1'", order_id
        )
        assert [(event.id, event.status) for event in await anext(batches)] == [("evt_1", "applied")]


async def fail(connection: asyncpg.Connection, event_id: str, order_id: str) -> None:
    """Add an event that names an order and could not be applied."""
    async with connection.transaction():
        received_at = await connection.fetchval(
            "INSERT INTO stripe_events (id, type, status, received_at, body_hash)"
            " VALUES ($1, 't', 'failed', now(), '') RETURNING received_at",
            event_id,
        )
        payload = f'{{"client_reference_id": "{order_id}"}}'
        await connection.execute(
            "INSERT INTO stripe_event_payloads (event_id, received_at, payload) VALUES ($1, $2, $3)",
            event_id,
            received_at,
            payload,
        )
