"""The bodies of events, in weekly partitions that retention can drop whole."""

from __future__ import annotations

import logging
from datetime import datetime

import asyncpg

from checkout_daemon.store.queries import sql

log = logging.getLogger(__name__)

WEEKS_AHEAD = 8
_LOCK_MILLISECONDS = "50"


async def ensure_partitions(connection: asyncpg.Connection, now: datetime | None = None) -> None:
    """Make this week's and the next weeks' partitions where missing. Safe to run from several daemons at once.

    `now`: the database's, unless told otherwise. Where the table is in use all the time (a backup), what is missing is
    left for the next turn: events would wait behind the lock, and there are weeks left.
    """
    try:
        async with connection.transaction():
            await connection.execute(sql("limit_lock_waits"), _LOCK_MILLISECONDS)
            await connection.execute(sql("ensure_payload_partitions"), now.date() if now else None, WEEKS_AHEAD)
    except asyncpg.LockNotAvailableError:
        log.info("payloads: the table is in use, its new weeks are made at the next turn")
