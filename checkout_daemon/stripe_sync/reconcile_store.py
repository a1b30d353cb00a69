"""Finds orders that may differ from Stripe."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from checkout_daemon.database.queries import sql


@dataclass(frozen=True, slots=True)
class Candidate:
    """An order to compare with Stripe."""

    number: int
    order_id: str


@dataclass(frozen=True, slots=True)
class HintToFollow:
    """A charge whose refunded amount differs from the sum of its refunds."""

    charge_id: str
    livemode: bool
    observed_at: datetime
    order_id: str


async def orders_to_compare(
    connection: asyncpg.Connection, since: datetime, *, after: int, livemode: bool
) -> list[Candidate]:
    """Return open orders, those with attention, and those made or changed since a time, by number after `after`."""
    rows = await connection.fetch(sql("orders_to_compare"), after, livemode, since)
    return [Candidate(row["number"], str(row["id"])) for row in rows]


async def overdue_orders(connection: asyncpg.Connection, before: datetime, limit: int, *, livemode: bool) -> list[str]:
    """Return orders with an open session that should have ended before a time, except processing orders."""
    rows = await connection.fetch(sql("overdue_orders"), before, livemode, limit)
    return [str(row["order_id"]) for row in rows]


async def hints_to_follow(connection: asyncpg.Connection, limit: int, *, livemode: bool) -> list[HintToFollow]:
    """Mark hints that match their refunds as checked, and return the others."""
    await connection.execute(sql("settle_hints"))
    rows = await connection.fetch(sql("hints_to_follow"), livemode, limit)
    return [HintToFollow(r["charge_id"], r["livemode"], r["observed_at"], str(r["order_id"])) for r in rows]


async def follow_hint(connection: asyncpg.Connection, hint: HintToFollow) -> None:
    """Mark a hint as checked, unless a newer one replaced it."""
    await connection.execute(sql("follow_hint"), hint.charge_id, hint.livemode, hint.observed_at)
