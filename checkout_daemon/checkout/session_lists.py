"""Lists Checkout Sessions for operators."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from checkout_daemon.database.queries import sql
from checkout_daemon.database.records import LONG_AGO, in_utc, record_of


@dataclass(frozen=True, slots=True)
class SessionLine:
    """A session with its order. `attempt` is 0 if we did not make it. Amount in minor units."""

    id: str
    order_id: str
    number: int
    attempt: int
    status: str
    payment_status: str
    amount_total: int
    currency: str
    created_at: datetime
    expires_at: datetime | None
    url: str | None


async def list_sessions(
    connection: asyncpg.Connection, statuses: tuple[str, ...], since: datetime | None, limit: int
) -> list[SessionLine]:
    """Return sessions, those of the newest orders first."""
    return _lines(await connection.fetch(sql("list_sessions"), list(statuses) or None, since or LONG_AGO, limit))


async def sessions_of_order(connection: asyncpg.Connection, order_id: str) -> list[SessionLine]:
    """Return the order's sessions, the last attempt first."""
    return _lines(await connection.fetch(sql("sessions_of_order"), order_id))


def _lines(rows: list[asyncpg.Record]) -> list[SessionLine]:
    return [in_utc(record_of(SessionLine, row)) for row in rows]
