"""Counts declined payments."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from checkout_daemon.database.queries import sql


async def count_declines(
    connection: asyncpg.Connection, *, email: str, order_id: str | None, order_ids: Sequence[str], since: datetime
) -> tuple[int, int]:
    """Return how many payments were declined: of the email, or of an order's email; and of the orders."""
    (row,) = await connection.fetch(sql("count_declines"), email, order_id, list(order_ids), since)
    return row["of_email"], row["of_orders"]
