"""Reads and writes refund requests, which are stored before Stripe is asked."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import asyncpg
import msgspec

from checkout_daemon.database.queries import sql
from checkout_daemon.database.records import record_of
from checkout_daemon.ledger.facts import RefundFact
from checkout_daemon.orders.refund_items import RefundedItem

_ITEMS = msgspec.json.Decoder(tuple[RefundedItem, ...])


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """A refund request. `id` is the idempotency key, `parameters` is JSON and never changes. Amount in minor units.

    `asked` is set if it came over the API: a hash of what was asked for. `operator` is who asked, and `proposal` the
    number of the approved proposal that it carries out.
    """

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
    refund_id: str | None = None  # Stripe's answer,
    error: str | None = None  # or its refusal
    items: tuple[RefundedItem, ...] = ()
    asked: bytes | None = None
    restock: bool = False
    operator: str | None = None
    proposal: int | None = None


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
        msgspec.json.encode(request.items).decode() if request.items else None,
        request.asked,
        request.restock,
        request.operator,
        request.proposal,
    )


async def refunds_of_items(
    connection: asyncpg.Connection, order_id: str, payment_id: str, refunds: Collection[RefundFact]
) -> list[RefundedItem]:
    """Return the items that some of these refunds gave back of a payment."""
    made, requests = {refund.id for refund in refunds}, {refund.request for refund in refunds}
    rows = await connection.fetch(sql("refunded_items"), order_id, payment_id)
    counted = [row["items"] for row in rows if row["refund_id"] in made or row["id"] in requests]
    return [item for items in counted for item in _ITEMS.decode(items)]


async def answer_request(
    connection: asyncpg.Connection, request_id: str, *, refund_id: str | None = None, error: str | None = None
) -> bool:
    """Record Stripe's answer, a refund or a refusal. Return False if an answer was recorded before."""
    return await connection.fetchval(sql("answer_refund_request"), request_id, refund_id, error) is not None


async def claim_request(connection: asyncpg.Connection, pause: timedelta, *, livemode: bool) -> RefundRequest | None:
    """Claim a due request of this mode, or return None. The claim lasts for the pause, longer at each attempt."""
    return _request(await connection.fetchrow(sql("claim_refund_request"), pause, livemode))


async def claim_named_request(
    connection: asyncpg.Connection, request_id: str, pause: timedelta
) -> RefundRequest | None:
    """Claim a request for the pause unless it was answered. Return it as it is then, or None if it does not exist."""
    return _request(await connection.fetchrow(sql("claim_named_refund_request"), request_id, pause))


def _request(row: asyncpg.Record | None) -> RefundRequest | None:
    if row is None:
        return None
    return replace(record_of(RefundRequest, row), items=_ITEMS.decode(row["items"] or "[]"))
