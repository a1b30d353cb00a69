"""Old payloads are dropped in whole weeks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import asyncpg

from checkout_daemon.database.partitions import ensure_partitions
from checkout_daemon.operations.retention import drop_old_payloads
from checkout_daemon.runtime import Runtime


async def put_payload(connection: asyncpg.Connection, event_id: str, received_at: datetime) -> None:
    await connection.execute(
        "INSERT INTO stripe_events (id, type, status, received_at, body_hash) VALUES ($1, 't', 'applied', $2, '')",
        event_id,
        received_at,
    )
    await connection.execute("INSERT INTO stripe_event_payloads VALUES ($1, $2, '{}')", event_id, received_at)


async def test_old_weeks_are_dropped_and_events_stay(runtime: Runtime, connection: asyncpg.Connection) -> None:
    now = datetime.now(UTC)
    await ensure_partitions(connection, now - timedelta(days=150))  # and eight weeks from there
    await put_payload(connection, "evt_stray", now - timedelta(days=400))  # there is no partition for its week
    await put_payload(connection, "evt_old", now - timedelta(days=120))
    await put_payload(connection, "evt_young", now - timedelta(days=89))
    await put_payload(connection, "evt_new", now)
    assert await drop_old_payloads(runtime) >= 4
    left = await connection.fetch("SELECT event_id FROM stripe_event_payloads ORDER BY event_id")
    assert [row["event_id"] for row in left] == ["evt_new", "evt_young"]
    assert await connection.fetchval("SELECT count(*) FROM stripe_events") == 4
    assert await drop_old_payloads(runtime) == 0


async def test_a_reader_of_old_payloads_delays_their_deletion_and_blocks_nobody(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    now = datetime.now(UTC)
    await ensure_partitions(connection, now - timedelta(days=150))
    await put_payload(connection, "evt_old", now - timedelta(days=120))
    async with connection.transaction():
        await connection.fetch("SELECT * FROM stripe_event_payloads")
        assert await drop_old_payloads(runtime) == 0
    assert await drop_old_payloads(runtime) >= 1
