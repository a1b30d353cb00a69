"""Lists Checkout Sessions for operators."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from checkout_daemon.database.queries import sql
from checkout_daemon.database.records import LONG_AGO, in_utc, record_of


@dataclass(frozen=True, slots=True)
class SessionLine:
    """A session with its order. `attempt` is 0 if we did not create it. Amount in minor units."""

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
    connection: asyncpg.Connection,
    *,
    order_id: str | None = None,
    statuses: tuple[str, ...] = (),
    since: datetime | None = None,
    limit: int | None = None,
) -> list[SessionLine]:
    """Return sessions, those of the newest orders first, and the last attempt of an order first."""
    rows = await connection.fetch(sql("list_sessions"), order_id, list(statuses) or None, since or LONG_AGO, limit)
    return [in_utc(record_of(SessionLine, row)) for row in rows]
