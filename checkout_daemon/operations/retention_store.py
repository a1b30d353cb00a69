"""Payloads that are older than their retention, in PostgreSQL."""

from __future__ import annotations

from datetime import datetime

import asyncpg

from checkout_daemon.database.queries import sql

_LOCK_KEY = 0x726574656E740000  # any constant; all daemons must agree on it


async def drop_payload_partition(connection: asyncpg.Connection, keep_from: datetime) -> str | None:
    """Drop one week of payloads. Return the partition's name, or None if there is none left to drop.

    Raises asyncpg.LockNotAvailableError rather than block deliveries.
    """
    if not await connection.fetchval(sql("try_retention_lock"), _LOCK_KEY):
        return None
    await connection.execute(sql("bound_retention_waits"))
    name: str | None = await connection.fetchval(sql("drop_payload_partition"), keep_from)
    return name


async def drop_stray_payloads(connection: asyncpg.Connection, keep_from: datetime) -> int:
    """Delete old payloads outside the weekly partitions. Return how many."""
    done: str = await connection.execute(sql("drop_stray_payloads"), keep_from)
    return int(done.split()[1])
