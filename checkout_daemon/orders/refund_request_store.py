"""Reads and writes refund requests, which are stored before Stripe is asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from checkout_daemon.database.queries import sql
from checkout_daemon.database.records import record_of


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """A refund request. `id` is the idempotency key, `parameters` is JSON and never changes. Amount in minor units."""

    id: str
    order_id: str
    payment_id: str
    amount: int
    currency: str
    parameters: str
    started_at: datetime
    attempts: int = 0
    age: timedelta = timedelta()  # by the database's clock
    next_attempt_at: datetime | None = None


async def unanswered_request(connection: asyncpg.Connection, order_id: str) -> RefundRequest | None:
    """Return the order's request that Stripe has not answered yet, or None. There is at most one."""
    return _request(await connection.fetchrow(sql("unanswered_refund_request"), order_id))


async def insert_request(connection: asyncpg.Connection, request: RefundRequest, resume_at: datetime) -> None:
    """Insert a request. The order's row must be locked. A job resumes it from `resume_at` on if it has no answer."""
    await connection.execute(
        sql("insert_refund_request"),
        request.id,
        request.order_id,
        request.payment_id,
        request.amount,
        request.currency,
        request.parameters,
        request.started_at,
        resume_at,
    )


async def answer_request(
    connection: asyncpg.Connection, request_id: str, *, refund_id: str | None = None, error: str | None = None
) -> bool:
    """Record Stripe's answer, a refund or a refusal. Return False if an answer was recorded before."""
    return await connection.fetchval(sql("answer_refund_request"), request_id, refund_id, error) is not None


async def claim_request(connection: asyncpg.Connection, pause: timedelta, *, livemode: bool) -> RefundRequest | None:
    """Claim a due request of this mode, or return None. The claim lasts for the pause, longer at each attempt."""
    return _request(await connection.fetchrow(sql("claim_refund_request"), pause, livemode))


def _request(row: asyncpg.Record | None) -> RefundRequest | None:
    return None if row is None else record_of(RefundRequest, row)
