"""What `checkout doctor` reads."""

from __future__ import annotations

import asyncpg

from checkout_daemon.database.queries import sql


async def newest_order(connection: asyncpg.Connection) -> tuple[int, bool] | None:
    """Return the newest order's number and livemode, or None if there are no orders."""
    row = await connection.fetchrow(sql("newest_livemode"))
    return None if row is None else (row["number"], row["livemode"])


async def count_late_effects(connection: asyncpg.Connection) -> int:
    """Count the orders with an object that appeared at Stripe after its request was given up."""
    count: int = await connection.fetchval(sql("count_late_effects"))
    return count
