"""What is kept for a time only, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from checkout_daemon.database.queries import sql
from checkout_daemon.errors import OrderNotFound


@dataclass(frozen=True, slots=True)
class Erasure:
    """What decides whether an order may be erased, and the email by which to find the customer's other orders."""

    number: int
    status: str
    customer_email: str
    created_at: datetime
    erased_at: datetime | None
    has_open_session: bool
    has_refund_under_way: bool
    has_unapplied_event: bool


async def forgettable_orders(connection: asyncpg.Connection, made_before: datetime, limit: int) -> list[str]:
    """Return orders that were never paid and cannot be paid any more, oldest first."""
    return [str(row["id"]) for row in await connection.fetch(sql("forgettable_orders"), made_before, limit)]


async def read_erasure(connection: asyncpg.Connection, order_id: str) -> Erasure:
    """Return what decides whether an order may be erased. Raises OrderNotFound."""
    row = await connection.fetchrow(sql("read_erasure"), order_id)
    if row is None:
        raise OrderNotFound(order_id)
    return Erasure(**dict(row))


async def orders_of_customer(connection: asyncpg.Connection, email: str) -> dict[str, int]:
    """Return the numbers of all orders of an email by their ids, oldest first."""
    return {str(row["id"]): row["number"] for row in await connection.fetch(sql("orders_of_customer"), email)}


async def erase_order(connection: asyncpg.Connection, order_id: str) -> None:
    """Delete everything about the customer except payloads and the audit log. The order's row must be locked."""
    await connection.execute(sql("erase_order"), order_id)


async def drop_payloads_of_order(connection: asyncpg.Connection, order_id: str) -> int:
    """Delete the payloads of an order's events. Return how many."""
    return len(await connection.fetch(sql("drop_payloads_of_order"), order_id))


async def unapplied_events_about(
    connection: asyncpg.Connection, since: datetime, until: datetime, texts: Collection[str]
) -> list[str]:
    """Return a few failed and dead events without an order whose payloads contain one of the texts."""
    rows = await connection.fetch(sql("unapplied_events_about"), since, until, list(texts))
    return [row["id"] for row in rows]


async def drop_unowned_payloads_about(
    connection: asyncpg.Connection, since: datetime, until: datetime, texts: Collection[str]
) -> int:
    """Delete payloads of ignored events without an order that contain one of the texts. Return how many."""
    return len(await connection.fetch(sql("drop_unowned_payloads_about"), since, until, list(texts)))


async def drop_payloads_after_erasure(connection: asyncpg.Connection, received_since: datetime) -> int:
    """Delete payloads that arrived after their order was erased. Return how many."""
    return len(await connection.fetch(sql("drop_payloads_after_erasure"), received_since))
