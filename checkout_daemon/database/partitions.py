"""Creates the weekly partitions of payloads, which retention drops as a whole."""

from __future__ import annotations

import logging
from datetime import datetime

import asyncpg

from checkout_daemon.database.queries import sql

log = logging.getLogger(__name__)

WEEKS_AHEAD = 8
_LOCK_MILLISECONDS = "50"


async def ensure_partitions(connection: asyncpg.Connection, now: datetime | None = None) -> None:
    """Create the missing partitions of this week and the next weeks. Several daemons may do this at once.

    `now` defaults to the database's time. If the table is in use (by a backup), this is left for the next turn, because
    events would wait behind the lock and there are weeks left.
    """
    try:
        async with connection.transaction():
            await connection.execute(sql("limit_lock_waits"), _LOCK_MILLISECONDS)
            await connection.execute(sql("ensure_payload_partitions"), now.date() if now else None, WEEKS_AHEAD)
    except asyncpg.LockNotAvailableError:
        log.info("payloads: the table is in use, its new weeks are made at the next turn")
