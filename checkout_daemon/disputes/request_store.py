"""Reads and writes what operators ask of Stripe about disputes, which is stored before Stripe is asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import asyncpg

from checkout_daemon.database.queries import sql
from checkout_daemon.database.records import record_of

# Longer than all attempts of its calls together: while the command still waits, no job need ask as well.
RESUME_AFTER = timedelta(seconds=90)


class DisputeAct(StrEnum):
    """What an operator asks of Stripe: store evidence, submit it, or accept the dispute."""

    STAGE = "stage"
    SUBMIT = "submit"
    ACCEPT = "accept"


@dataclass(frozen=True, slots=True)
class DisputeRequest:
    """A request about a dispute. Its `id` is the idempotency key; `texts` (JSON) and `receipt` (PDF) never change.

    `receipt_file` is Stripe's id of the receipt once it is uploaded. `tries` counts Stripe's 5xx answers: each makes a
    key useless, so it is part of the next one. `shown_status` is the dispute's when the operator confirmed it.
    """

    id: str
    dispute_id: str
    livemode: bool
    order_id: str
    act: str
    operator: str
    started_at: datetime
    texts: str | None = None
    receipt: bytes | None = None
    receipt_file: str | None = None
    attempts: int = 0
    tries: int = 0
    shown_status: str | None = None
    age: timedelta = timedelta()  # by the database's clock

    @property
    def key(self) -> str:
        """Return the idempotency key of the next call."""
        return f"{self.id}-{self.tries}" if self.tries else self.id


async def unanswered_request(
    connection: asyncpg.Connection, dispute_id: str, *, livemode: bool
) -> DisputeRequest | None:
    """Return the dispute's request that Stripe has not answered yet, or None. There is at most one."""
    return _request(await connection.fetchrow(sql("unanswered_dispute_request"), dispute_id, livemode))


async def insert_request(connection: asyncpg.Connection, request: DisputeRequest, resume_at: datetime) -> None:
    """Insert a request. The order's row must be locked. A job resumes it from `resume_at` on if it has no answer."""
    await connection.execute(
        sql("insert_dispute_request"),
        request.id,
        request.dispute_id,
        request.livemode,
        request.order_id,
        request.act,
        request.texts,
        request.receipt,
        request.started_at,
        resume_at,
        request.operator,
        request.shown_status,
    )


async def claim_request(connection: asyncpg.Connection, pause: timedelta, *, livemode: bool) -> DisputeRequest | None:
    """Claim a due request of this mode, or return None. The claim lasts for the pause, longer at each attempt."""
    return _request(await connection.fetchrow(sql("claim_dispute_request"), pause, livemode))


async def claim_named_request(
    connection: asyncpg.Connection, request_id: str, pause: timedelta
) -> DisputeRequest | None:
    """Claim a request for the pause, or return None if it was answered."""
    return _request(await connection.fetchrow(sql("claim_named_dispute_request"), request_id, pause))


async def record_receipt_file(connection: asyncpg.Connection, request_id: str, file_id: str) -> str:
    """Record under which id Stripe has the receipt, and return the id that counts: the first one."""
    found: str = await connection.fetchval(sql("record_receipt_file"), request_id, file_id)
    return found


async def count_failed_try(connection: asyncpg.Connection, request: DisputeRequest) -> None:
    """Record that Stripe answered 5xx under the request's present key, which it repeats from now on."""
    await connection.execute(sql("count_failed_try"), request.id, request.tries)


async def answer_request(
    connection: asyncpg.Connection, request_id: str, *, status: str | None = None, error: str | None = None
) -> bool:
    """Record Stripe's answer: the dispute's status, or a refusal. Return False if an answer was recorded before."""
    return await connection.fetchval(sql("answer_dispute_request"), request_id, status, error) is not None


def _request(row: asyncpg.Record | None) -> DisputeRequest | None:
    return None if row is None else record_of(DisputeRequest, row)
