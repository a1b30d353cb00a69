"""What `checkout doctor` counts."""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg

from checkout_daemon.store.queries import sql


@dataclass(frozen=True, slots=True)
class Letters:
    """What could not be handled: events that are tried again, events and messages given up."""

    events_failed: int
    events_dead: int
    messages_dead: int


async def count_letters(connection: asyncpg.Connection) -> Letters:
    (row,) = await connection.fetch(sql("count_letters"))
    return Letters(**dict(row))


async def newest_order(connection: asyncpg.Connection) -> tuple[int, bool] | None:
    """Its number and whether it is a live one."""
    row = await connection.fetchrow(sql("newest_livemode"))
    return None if row is None else (row["number"], row["livemode"])


async def count_late_effects(connection: asyncpg.Connection) -> int:
    """Count the orders with something that appeared at Stripe after its request was given up."""
    count: int = await connection.fetchval(sql("count_late_effects"))
    return count
