"""The bodies of events, in weekly partitions that retention can drop whole."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import asyncpg

from checkout_daemon.store.queries import sql

WEEKS_AHEAD = 8
_PREFIX = "stripe_event_payloads_w"


async def ensure_partitions(connection: asyncpg.Connection, now: datetime | None = None) -> None:
    """Make this week's and the next weeks' partitions where missing. Safe to run from several daemons at once.

    A week that already has rows in the default partition stays there: nothing is lost, only retention is slower.
    """
    today = (now or datetime.now(UTC)).date()
    monday = today - timedelta(days=today.weekday())
    for week in range(WEEKS_AHEAD + 1):
        start = monday + timedelta(weeks=week)
        end = start + timedelta(weeks=1)
        statement = sql("create_payload_partition").format(
            name=f"{_PREFIX}{start:%Y%m%d}", start=start.isoformat(), end=end.isoformat()
        )
        try:
            await connection.execute(statement)
        except (asyncpg.CheckViolationError, asyncpg.DuplicateTableError, asyncpg.UniqueViolationError):
            continue
