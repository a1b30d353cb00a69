"""Reads and writes session attempts, which are stored before Stripe is asked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import asyncpg
import msgspec

from checkout_daemon.database.queries import sql
from checkout_daemon.database.records import record_of


@dataclass(frozen=True, slots=True)
class Attempt:
    """A session attempt. `parameters` is JSON and never changes. `rejected`: Stripe stored a refusal under its key.

    `misaddressed`: its session has an email that the order no longer has.
    """

    number: int
    parameters: str
    started_at: datetime
    session_id: str | None = None
    rejected: bool = False
    error: str | None = None
    age: timedelta = timedelta()  # by the database's clock
    misaddressed: bool = False

    @property
    def ends_at(self) -> datetime | None:
        """When its session ends, or None: a day after Stripe creates it. By Stripe's clock."""
        ends = msgspec.json.decode(self.parameters).get("session", {}).get("expires_at")
        return None if ends is None else datetime.fromtimestamp(ends, UTC)


@dataclass(frozen=True, slots=True)
class DoubtfulAttempt:
    """An attempt for which Stripe may or may not have created a session. `age` is by the database's clock."""

    order_id: str
    order_number: int
    number: int
    age: timedelta


@dataclass(frozen=True, slots=True)
class AttemptLine:
    """A session attempt as it is shown, without its parameters."""

    number: int
    started_at: datetime
    session_id: str | None
    rejected_at: datetime | None
    error: str | None


async def last_attempt(connection: asyncpg.Connection, order_id: str) -> Attempt | None:
    """Return the order's last attempt, or None."""
    row = await connection.fetchrow(sql("last_attempt"), order_id)
    return None if row is None else record_of(Attempt, row)


async def list_attempts(connection: asyncpg.Connection, order_id: str) -> list[AttemptLine]:
    """Return the attempts of an order, oldest first."""
    return [record_of(AttemptLine, row) for row in await connection.fetch(sql("list_attempts"), order_id)]


async def unsettled_sessions(connection: asyncpg.Connection, order_id: str) -> list[str]:
    """Return the ids of the order's sessions that may have changed at Stripe."""
    return [row["id"] for row in await connection.fetch(sql("unsettled_sessions"), order_id)]


async def insert_attempt(connection: asyncpg.Connection, order_id: str, attempt: Attempt) -> Attempt:
    """Insert an attempt and return it with its stored parameters, which contain the order's number and the shop.

    It starts at the database's time. Earlier attempts without an answer become doubtful.
    """
    stored = await connection.fetchval(sql("insert_attempt"), order_id, attempt.number, attempt.parameters)
    return replace(attempt, parameters=stored)


async def record_session(connection: asyncpg.Connection, order_id: str, number: int, session_id: str) -> None:
    """Record the session that Stripe made for an attempt."""
    await connection.execute(sql("record_session"), order_id, number, session_id)


async def record_rejection(
    connection: asyncpg.Connection, order_id: str, number: int, error: str, *, doubtful: bool
) -> None:
    """Record that Stripe rejected an attempt; its key is used up. `doubtful`: a session may still appear at Stripe."""
    await connection.execute(sql("record_rejection"), order_id, number, error, doubtful)


async def doubtful_attempts(connection: asyncpg.Connection, limit: int, *, livemode: bool) -> list[DoubtfulAttempt]:
    """Return the attempts of a mode that are due for a search at Stripe. Older ones are searched for less often."""
    rows = await connection.fetch(sql("doubtful_attempts"), limit, livemode)
    return [record_of(DoubtfulAttempt, row) for row in rows]


async def is_doubtful(connection: asyncpg.Connection, order_id: str, number: int) -> bool:
    """Return whether a session may still appear for the attempt."""
    return bool(await connection.fetchval(sql("is_doubtful"), order_id, number))


async def settle_doubt(connection: asyncpg.Connection, order_id: str, number: int) -> None:
    """Record that the attempt's session was found."""
    await connection.execute(sql("settle_doubt"), order_id, number)


async def record_look(connection: asyncpg.Connection, order_id: str, number: int, give_up_after: timedelta) -> bool:
    """Record that its session was not found at Stripe. Return whether the attempt is given up now."""
    return bool(await connection.fetchval(sql("record_look"), order_id, number, give_up_after))
