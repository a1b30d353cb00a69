"""What `checkout orders explain` reads in addition to `orders show`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from checkout_daemon.database.queries import sql


@dataclass(frozen=True, slots=True)
class HintLine:
    """A charge whose refunded amount differs from the sum of its refunds. Amounts in minor units."""

    charge_id: str
    amount_refunded: int
    amount_held: int


async def read_hints(connection: asyncpg.Connection, order_id: str) -> list[HintLine]:
    """Return the charges of an order whose refunded amount differs from the sum of their refunds."""
    return [HintLine(**dict(row)) for row in await connection.fetch(sql("read_hints"), order_id)]


async def read_late_effects(connection: asyncpg.Connection, order_id: str) -> list[str]:
    """Return the ids of refunds and sessions that appeared after their request was given up."""
    return [row["id"] for row in await connection.fetch(sql("read_late_effects"), order_id)]


async def unapplied_events_naming(connection: asyncpg.Connection, since: datetime, texts: Collection[str]) -> list[str]:
    """Return the newest failed and dead events whose payloads contain one of the texts, oldest first."""
    return [row["id"] for row in await connection.fetch(sql("unapplied_events_naming"), since, list(texts))]
