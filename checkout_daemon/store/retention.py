"""What is kept for a time only, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from checkout_daemon.errors import OrderNotFound
from checkout_daemon.store.queries import sql

_LOCK_KEY = 0x726574656E740000  # any constant; all daemons must agree on it


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


async def drop_payload_partition(connection: asyncpg.Connection, keep_from: datetime) -> str | None:
    """Drop one week of payloads. Return the partition's name, or None if there is none left to drop.

    Raises asyncpg.LockNotAvailableError rather than block deliveries.
    """
    if not await connection.fetchval(sql("try_retention_lock"), _LOCK_KEY):
        return None
    await connection.execute(sql("bound_retention_waits"))
    name: str | None = await connection.fetchval(sql("drop_payload_partition"), keep_from)
    return name


async def drop_stray_payloads(connection: asyncpg.Connection, keep_from: datetime) -> int:
    """Delete old payloads outside the weekly partitions. Return how many."""
    done: str = await connection.execute(sql("drop_stray_payloads"), keep_from)
    return int(done.split()[1])


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


async def spent_coupons(
    connection: asyncpg.Connection, *, livemode: bool, settled_before: datetime, given_up_before: datetime, limit: int
) -> list[str]:
    """Return orders that no longer need their coupon at Stripe."""
    rows = await connection.fetch(sql("spent_coupons"), livemode, settled_before, given_up_before, limit)
    return [str(row["id"]) for row in rows]


async def without_coupon(connection: asyncpg.Connection, order_ids: Sequence[str], *, livemode: bool) -> list[str]:
    """Return the orders whose coupon at Stripe was deleted and not made again."""
    return [str(row["id"]) for row in await connection.fetch(sql("without_coupon"), order_ids, livemode)]


async def record_deleted_coupon(
    connection: asyncpg.Connection, order_id: str, unless_attempted_since: datetime
) -> None:
    """Record that an order's coupon was deleted, unless a newer attempt has made it again."""
    await connection.execute(sql("record_deleted_coupon"), order_id, unless_attempted_since)
