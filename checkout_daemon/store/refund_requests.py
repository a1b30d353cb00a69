"""Refund requests in PostgreSQL: what an operator asks of Stripe, written before it is asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from checkout_daemon.store.queries import sql


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """`id` is Stripe's idempotency key; `parameters` is JSON and never changes. Amount in minor units."""

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
    """The order's request that Stripe has not answered yet; there is one at most."""
    return _request(await connection.fetchrow(sql("unanswered_refund_request"), order_id))


async def insert_request(connection: asyncpg.Connection, request: RefundRequest, resume_at: datetime) -> None:
    """The order's row must be locked. From `resume_at` on a job goes on with it, if there is no answer by then."""
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
    """Keep Stripe's answer, a refund or a refusal; False where one was kept before."""
    return await connection.fetchval(sql("answer_refund_request"), request_id, refund_id, error) is not None


async def claim_request(connection: asyncpg.Connection, pause: timedelta, *, livemode: bool) -> RefundRequest | None:
    """One that is due, of an order of this mode. Whoever claims it has the pause, longer each time, to go on."""
    return _request(await connection.fetchrow(sql("claim_refund_request"), pause, livemode))


def _request(row: asyncpg.Record | None) -> RefundRequest | None:
    if row is None:
        return None
    return RefundRequest(**dict(row) | {"id": str(row["id"]), "order_id": str(row["order_id"])})
