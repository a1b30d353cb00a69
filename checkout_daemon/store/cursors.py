"""How far long work has come, in PostgreSQL, with a lease: each piece is done by one at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from checkout_daemon.store.queries import sql


@dataclass(frozen=True, slots=True)
class Claimed:
    """`value` is where the last one stopped, as JSON; None where nobody did."""

    value: str | None


async def claim_cursor(connection: asyncpg.Connection, name: str, holder: str, lease: timedelta) -> Claimed | None:
    """None where somebody else is at it."""
    row = await connection.fetchrow(sql("claim_cursor"), name, holder, lease)
    return None if row is None else Claimed(row["value"])


async def save_cursor(
    connection: asyncpg.Connection, name: str, holder: str, value: str | None, lease: timedelta
) -> bool:
    """Keep where it stands, and the lease for longer; False where somebody else has taken it."""
    return await connection.fetchval(sql("save_cursor"), name, holder, value, lease) is not None


async def release_cursor(connection: asyncpg.Connection, name: str, holder: str) -> None:
    await connection.execute(sql("release_cursor"), name, holder)


async def read_cursor(connection: asyncpg.Connection, name: str) -> tuple[str, datetime] | None:
    """What was saved, and when."""
    row = await connection.fetchrow(sql("read_cursor"), name)
    return None if row is None else (row["value"], row["updated_at"])
