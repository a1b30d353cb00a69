"""Reads the change log so that each change is seen once, and those of one order in sequence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from checkout_daemon.database.queries import sql
from checkout_daemon.database.records import record_of


@dataclass(frozen=True, slots=True)
class ChangeLine:
    """One change of an order, with the order's number; `from_status` is None for a new order."""

    seq: int
    order_id: str
    number: int
    at: datetime
    from_status: str | None
    to_status: str
    cause: str
    actor: str
    note: str


async def read_snapshot(connection: asyncpg.Connection) -> str:
    """Return which transactions are visible now, as a pg_snapshot in text form."""
    snapshot: str = await connection.fetchval(sql("read_snapshot"))
    return snapshot


async def read_changes_between(
    connection: asyncpg.Connection, before: str, now: str, *, after_seq: int, limit: int
) -> list[ChangeLine]:
    """Return changes visible in the snapshot `now` but not in `before`, by sequence number."""
    rows = await connection.fetch(sql("read_changes_between"), before, now, after_seq, limit)
    return [record_of(ChangeLine, row) for row in rows]


async def read_changes_since(
    connection: asyncpg.Connection, since: datetime, now: str, *, after_seq: int, limit: int
) -> list[ChangeLine]:
    """Return changes since a time that are visible in the snapshot `now`, by sequence number."""
    rows = await connection.fetch(sql("read_changes_since"), since, now, after_seq, limit)
    return [record_of(ChangeLine, row) for row in rows]
