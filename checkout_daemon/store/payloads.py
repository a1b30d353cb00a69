"""The bodies of events, in weekly partitions that retention can drop whole."""

from __future__ import annotations

from datetime import datetime

import asyncpg

from checkout_daemon.store.queries import sql

WEEKS_AHEAD = 8


async def ensure_partitions(connection: asyncpg.Connection, now: datetime | None = None) -> None:
    """Make this week's and the next weeks' partitions where missing. Safe to run from several daemons at once.

    `now`: the database's, unless told otherwise.
    """
    await connection.execute(sql("ensure_payload_partitions"), now.date() if now else None, WEEKS_AHEAD)
