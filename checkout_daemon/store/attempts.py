"""Session attempts in PostgreSQL: what was asked of Stripe, written before it was asked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import asyncpg

from checkout_daemon.store.queries import sql


@dataclass(frozen=True, slots=True)
class Attempt:
    """`parameters` is JSON and never changes. `rejected`: Stripe has stored a refusal under this attempt's key."""

    number: int
    parameters: str
    started_at: datetime
    session_id: str | None = None
    rejected: bool = False
    error: str | None = None
    age: timedelta = timedelta()  # by the database's clock


@dataclass(frozen=True, slots=True)
class DoubtfulAttempt:
    """An attempt of which it is open whether Stripe made a session. Ages by the database's clock."""

    order_id: str
    number: int
    age: timedelta


@dataclass(frozen=True, slots=True)
class AttemptLine:
    """The same without its parameters, for those who look."""

    number: int
    started_at: datetime
    session_id: str | None
    rejected_at: datetime | None
    error: str | None


async def last_attempt(connection: asyncpg.Connection, order_id: str) -> Attempt | None:
    row = await connection.fetchrow(sql("last_attempt"), order_id)
    if row is None:
        return None
    return Attempt(
        row["attempt"],
        row["parameters"],
        row["started_at"],
        row["session_id"],
        row["rejected_at"] is not None,
        row["error"],
        row["age"],
    )


async def list_attempts(connection: asyncpg.Connection, order_id: str) -> list[AttemptLine]:
    """All of an order, the first one first."""
    return [AttemptLine(*row) for row in await connection.fetch(sql("list_attempts"), order_id)]


async def unsettled_sessions(connection: asyncpg.Connection, order_id: str) -> list[str]:
    """The ids of the order's sessions of which Stripe may know more than we."""
    return [row["id"] for row in await connection.fetch(sql("unsettled_sessions"), order_id)]


async def insert_attempt(connection: asyncpg.Connection, order_id: str, attempt: Attempt) -> Attempt:
    """Insert an attempt; return it with its parameters as they are kept, which name the order's number and the shop.

    Its start is the database's time. An attempt before it that has no certain answer becomes doubtful.
    """
    kept = await connection.fetchval(sql("insert_attempt"), order_id, attempt.number, attempt.parameters)
    return replace(attempt, parameters=kept)


async def record_session(connection: asyncpg.Connection, order_id: str, number: int, session_id: str) -> None:
    await connection.execute(sql("record_session"), order_id, number, session_id)


async def record_rejection(
    connection: asyncpg.Connection, order_id: str, number: int, error: str, *, doubtful: bool
) -> None:
    """Record that the attempt's key is burnt. `doubtful`: a session may appear at Stripe all the same."""
    await connection.execute(sql("record_rejection"), order_id, number, error, doubtful)


async def doubtful_attempts(connection: asyncpg.Connection, limit: int, *, livemode: bool) -> list[DoubtfulAttempt]:
    """Return those whose time to be looked for has come, of orders of one mode; rarer the older they are."""
    return [
        DoubtfulAttempt(str(row["order_id"]), row["attempt"], row["age"])
        for row in await connection.fetch(sql("doubtful_attempts"), limit, livemode)
    ]


async def is_doubtful(connection: asyncpg.Connection, order_id: str, number: int) -> bool:
    """Return whether a session of the attempt may still appear."""
    return bool(await connection.fetchval(sql("is_doubtful"), order_id, number))


async def settle_doubt(connection: asyncpg.Connection, order_id: str, number: int) -> None:
    """Record that its session was found."""
    await connection.execute(sql("settle_doubt"), order_id, number)


async def record_look(connection: asyncpg.Connection, order_id: str, number: int, give_up_after: timedelta) -> bool:
    """Record that all sessions of its time were seen and none was its; whether it is given up now."""
    return bool(await connection.fetchval(sql("record_look"), order_id, number, give_up_after))
