"""Coupons at Stripe that are to be deleted, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from checkout_daemon.database.queries import sql


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
