"""Checkout Sessions in PostgreSQL, to be shown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from checkout_daemon.store.queries import sql
from checkout_daemon.store.reading import LONG_AGO, in_utc


@dataclass(frozen=True, slots=True)
class SessionLine:
    """A session with its order; `attempt` 0 if it was not made by us. Amount in minor units."""

    id: str
    order_id: str
    number: int
    attempt: int
    status: str
    outcome: str
    amount_total: int
    currency: str
    created_at: datetime
    expires_at: datetime | None
    url: str | None


async def list_sessions(
    connection: asyncpg.Connection, statuses: tuple[str, ...], since: datetime | None, limit: int
) -> list[SessionLine]:
    """Those of the newest orders first."""
    return _lines(await connection.fetch(sql("list_sessions"), list(statuses) or None, since or LONG_AGO, limit))


async def sessions_of_order(connection: asyncpg.Connection, order_id: str) -> list[SessionLine]:
    """The last attempt's first."""
    return _lines(await connection.fetch(sql("sessions_of_order"), order_id))


def _lines(rows: list[asyncpg.Record]) -> list[SessionLine]:
    return [in_utc(SessionLine(**dict(row) | {"order_id": str(row["order_id"])})) for row in rows]
