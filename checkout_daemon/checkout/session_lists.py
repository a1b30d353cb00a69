"""Lists Checkout Sessions for operators."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from checkout_daemon.database.queries import sql
from checkout_daemon.database.reading import Readable
from checkout_daemon.database.records import FAR_FUTURE, LONG_AGO, in_utc, record_of
from checkout_daemon.errors import NotFound

_UNPAID = frozenset({"open", "expired"})


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
    livemode: bool


@dataclass(frozen=True, slots=True)
class SessionCursor:
    """The session after which a page begins: its order's time and number, its attempt and time."""

    ordered_at: datetime
    number: int
    attempt: int
    created_at: datetime


async def list_sessions(
    connection: asyncpg.Connection,
    *,
    statuses: tuple[str, ...] = (),
    since: datetime | None = None,
    until: datetime | None = None,
    after: SessionCursor | None = None,
    limit: int,
) -> list[SessionLine]:
    """Return sessions, those of the newest orders first, and the last attempt of an order first.

    `since` and `until` (exclusive) bound when their orders were created.
    """
    arguments = [list(statuses) or None, since or LONG_AGO, limit]
    if statuses and _UNPAID.issuperset(statuses) and until is None and after is None:
        rows = await connection.fetch(sql("list_unpaid_sessions"), *arguments)
    else:
        before = SessionCursor(until or FAR_FUTURE, 0, 0, LONG_AGO)
        if after is not None and after.ordered_at < before.ordered_at:
            before = after
        bounds = (before.ordered_at, before.number, before.attempt, before.created_at)
        rows = await connection.fetch(sql("list_sessions"), *arguments, *bounds)
    return [in_utc(record_of(SessionLine, row)) for row in rows]


@dataclass(frozen=True, slots=True)
class SessionFilter:
    """Which sessions a list contains. `since` and `until` (exclusive) bound when their orders were created."""

    statuses: tuple[str, ...] = ()
    order_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


async def find_sessions(
    database: Readable, wanted: SessionFilter, *, limit: int, after: str | None = None
) -> list[SessionLine]:
    """Return a page of sessions as list_sessions does, those after the session with this id. Raise NotFound for it."""
    async with database.connection() as connection:
        row = None if after is None else await connection.fetchrow(sql("session_cursor"), after)
        if row is None and after is not None:
            raise NotFound(f"session {after!r} does not exist: `checkout sessions list` shows the sessions")
        cursor = None if row is None else SessionCursor(**row)
        if wanted.order_id is None:
            return await list_sessions(
                connection,
                statuses=wanted.statuses,
                since=wanted.since,
                until=wanted.until,
                after=cursor,
                limit=limit,
            )
        found = await list_sessions_of_order(connection, wanted.order_id)
    place = (cursor.attempt, cursor.created_at) if cursor is not None else None
    fitting = [
        session
        for session in found
        if (not wanted.statuses or session.status in wanted.statuses)
        and (place is None or (session.attempt, session.created_at) < place)
    ]
    return fitting[:limit]


async def read_sessions_of_order(database: Readable, order_id: str) -> list[SessionLine]:
    """Return the sessions of an order, the last attempt first."""
    async with database.connection() as connection:
        return await list_sessions_of_order(connection, order_id)


async def list_sessions_of_order(connection: asyncpg.Connection, order_id: str) -> list[SessionLine]:
    """Return the sessions of an order, the last attempt first."""
    rows = await connection.fetch(sql("list_sessions_of_order"), order_id)
    return [in_utc(record_of(SessionLine, row)) for row in rows]
