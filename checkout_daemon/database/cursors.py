"""Reads and writes the progress of long tasks, each held by one process under a lease."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from checkout_daemon.database.queries import sql


@dataclass(frozen=True, slots=True)
class Claimed:
    """A task that was claimed. `value` is its progress as JSON, or None if it was not started."""

    value: str | None


async def claim_cursor(connection: asyncpg.Connection, name: str, holder: str, lease: timedelta) -> Claimed | None:
    """Claim a task for the length of the lease, or return None if another process holds it."""
    row = await connection.fetchrow(sql("claim_cursor"), name, holder, lease)
    return None if row is None else Claimed(row["value"])


async def save_cursor(
    connection: asyncpg.Connection, name: str, holder: str, value: str | None, lease: timedelta
) -> bool:
    """Save the progress and renew the lease. Return False if another process has taken it."""
    return await connection.fetchval(sql("save_cursor"), name, holder, value, lease) is not None


async def release_cursor(connection: asyncpg.Connection, name: str, holder: str) -> None:
    """End the lease."""
    await connection.execute(sql("release_cursor"), name, holder)


async def read_cursor(connection: asyncpg.Connection, name: str) -> tuple[str, datetime] | None:
    """Return the saved progress and when it was saved, or None."""
    row = await connection.fetchrow(sql("read_cursor"), name)
    return None if row is None else (row["value"], row["updated_at"])
