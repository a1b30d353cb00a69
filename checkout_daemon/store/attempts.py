"""Session attempts in PostgreSQL: what was asked of Stripe, written before it was asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

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
    )


async def list_attempts(connection: asyncpg.Connection, order_id: str) -> list[AttemptLine]:
    """All of an order, the first one first."""
    return [AttemptLine(*row) for row in await connection.fetch(sql("list_attempts"), order_id)]


async def unsettled_sessions(connection: asyncpg.Connection, order_id: str) -> list[str]:
    """The ids of the order's sessions of which Stripe may know more than we."""
    return [row["id"] for row in await connection.fetch(sql("unsettled_sessions"), order_id)]


async def insert_attempt(connection: asyncpg.Connection, order_id: str, attempt: Attempt) -> None:
    await connection.execute(sql("insert_attempt"), order_id, attempt.number, attempt.parameters, attempt.started_at)


async def record_session(connection: asyncpg.Connection, order_id: str, number: int, session_id: str) -> None:
    await connection.execute(sql("record_session"), order_id, number, session_id)


async def record_rejection(connection: asyncpg.Connection, order_id: str, number: int, error: str) -> None:
    """The key of this attempt is burnt; the next try looks at Stripe first."""
    await connection.execute(sql("record_rejection"), order_id, number, error)
