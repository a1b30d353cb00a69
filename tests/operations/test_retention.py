"""Old payloads are dropped in whole weeks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import asyncpg
import pytest

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


async def test_charges_of_no_order_are_dropped_with_their_payloads(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    await connection.executemany(
        "INSERT INTO charges (payment_id, id, livemode, created_at, status, order_id)"
        " VALUES ($1, $1, false, $2, 'failed', $3)",
        [
            ("ch_old", datetime.now(UTC) - timedelta(days=120), None),
            ("ch_new", datetime.now(UTC) - timedelta(days=1), None),
            ("ch_owned", datetime.now(UTC) - timedelta(days=120), "00000000-0000-4000-8000-000000000001"),
        ],
    )
    await drop_old_payloads(runtime)
    left = await connection.fetch("SELECT id FROM charges ORDER BY id")
    assert [row["id"] for row in left] == ["ch_new", "ch_owned"]


@pytest.mark.parametrize(
    "begin",
    [
        datetime(2026, 11, 23, 23, 59, tzinfo=UTC),  # nine weeks and more with week 53 and a year's end
        datetime(2028, 2, 27, 12, tzinfo=UTC),  # a leap day, and clocks that are set forward
        datetime(2029, 10, 21, 12, tzinfo=UTC),  # clocks that are set back, and a year that ends on a Monday
    ],
    ids=["week 53", "leap day", "back"],
)
@pytest.mark.parametrize("zone", ["UTC", "Europe/Vienna", "America/Havana", "Pacific/Kiritimati"])
async def test_a_daemon_that_runs_for_months_has_a_partition_for_every_hour(
    connection: asyncpg.Connection, begin: datetime, zone: str
) -> None:
    """The job runs every six hours; a backup may hold it up for weeks, because it makes eight weeks ahead."""
    await connection.execute(f"SET TIME ZONE '{zone}'")
    for day in (0, 20, 70):
        await ensure_partitions(connection, begin + timedelta(days=day))
    for hour in range(0, 24 * 126, 11):
        await put_payload(connection, f"evt_{hour}", begin + timedelta(hours=hour))
    assert await connection.fetchval("SELECT count(*) FROM stripe_event_payloads_default") == 0
    names = [row[0] for row in await connection.fetch(
        "SELECT relname FROM pg_class WHERE relname ~ 'payloads_w[0-9]{8}$' AND relname >= $1 ORDER BY 1",
        f"stripe_event_payloads_w{begin - timedelta(days=6):%Y%m%d}",
    )]  # fmt: skip
    mondays = [datetime.strptime(name[-8:], "%Y%m%d").replace(tzinfo=UTC) for name in names]
    assert {later - earlier for earlier, later in pairwise(mondays)} == {timedelta(days=7)}


async def test_weeks_whose_payloads_came_before_their_partition_block_nothing(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    now = datetime.now(UTC)
    late = now + timedelta(weeks=30)  # no daemon made its partition in time
    await put_payload(connection, "evt_late", late)
    await ensure_partitions(connection, late)
    await put_payload(connection, "evt_later", late + timedelta(weeks=1))
    assert await connection.fetchval("SELECT count(*) FROM stripe_event_payloads") == 2
    default = await connection.fetch("SELECT event_id FROM stripe_event_payloads_default")
    assert [row["event_id"] for row in default] == ["evt_late"]


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
