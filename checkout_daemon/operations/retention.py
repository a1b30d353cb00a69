"""Delete the payloads of events that are older than their retention."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

import asyncpg

from checkout_daemon.database.partitions import ensure_partitions
from checkout_daemon.database.pool import Database
from checkout_daemon.database.queries import sql
from checkout_daemon.database.server import read_now
from checkout_daemon.operations.foreign_payloads import drop_foreign_payloads
from checkout_daemon.orders.erasing import drop_payloads_after_erasure
from checkout_daemon.runtime import Runtime

log = logging.getLogger(__name__)

_LOCK_KEY = 0x726574656E740000  # any constant that all daemons agree on
_LATE_PAYLOADS = timedelta(days=8)


async def drop_old_payloads(runtime: Runtime) -> int:
    """Drop whole weeks of payloads past CHECKOUT_PAYLOAD_DAYS, by the database's clock, and return how many weeks.

    Payloads of events that are not applied stay: an event cannot be applied without its payload. Charges of no known
    order go with their payloads.
    """
    database = runtime.database
    async with database.connection() as connection:
        now = await read_now(connection)
    keep_from = now - timedelta(days=runtime.settings.payload_days)
    dropped = 0
    while (name := await database.run_unconfirmed(_drop_partition, keep_from)) is not None:
        log.info("payloads: dropped %s", name)
        dropped += 1
    async with database.connection() as connection:
        await connection.execute(sql("drop_stray_payloads"), keep_from)
        await connection.execute(sql("drop_unowned_charges"), keep_from)
        await drop_payloads_after_erasure(connection, now - _LATE_PAYLOADS)
    if not runtime.settings.keep_foreign:
        await drop_foreign_payloads(runtime, now)
    return dropped


async def make_payload_partitions(database: Database) -> None:
    """Create the payload partitions of the coming weeks."""
    async with database.connection() as connection:
        await ensure_partitions(connection)


async def _drop_partition(connection: asyncpg.Connection, keep_from: datetime) -> str | None:
    """Drop one week of payloads and return its partition's name, or None if no week is left or it cannot be now."""
    if not await connection.fetchval(sql("try_retention_lock"), _LOCK_KEY):
        return None
    try:
        async with connection.transaction():  # a savepoint, because a refused lock is no failure here
            await connection.execute(sql("bound_retention_waits"))
            name: str | None = await connection.fetchval(sql("drop_payload_partition"), keep_from)
            return name
    except asyncpg.LockNotAvailableError:  # rather than block deliveries
        log.info("payloads: the table is in use; its old weeks are dropped later")
        return None
