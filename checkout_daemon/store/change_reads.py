"""The log of changes as it is followed: whole, once, and in the order in which each order went through them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from checkout_daemon.store.queries import sql


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
    """Which transactions are visible now, as PostgreSQL writes it (pg_snapshot)."""
    snapshot: str = await connection.fetchval(sql("read_snapshot"))
    return snapshot


async def read_changes_between(
    connection: asyncpg.Connection, before: str, now: str, *, after_seq: int, limit: int
) -> list[ChangeLine]:
    """What is visible in the snapshot `now` and was not in `before`, by sequence number."""
    rows = await connection.fetch(sql("read_changes_between"), before, now, after_seq, limit)
    return [_change(row) for row in rows]


async def read_changes_since(
    connection: asyncpg.Connection, since: datetime, now: str, *, after_seq: int, limit: int
) -> list[ChangeLine]:
    """What happened since a time and is visible in the snapshot `now`, by sequence number."""
    rows = await connection.fetch(sql("read_changes_since"), since, now, after_seq, limit)
    return [_change(row) for row in rows]


def _change(row: asyncpg.Record) -> ChangeLine:
    return ChangeLine(**dict(row) | {"order_id": str(row["order_id"])})
