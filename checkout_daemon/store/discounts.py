"""Discounts in PostgreSQL, and how often each is in use."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from checkout_daemon.domain.pricing import Discount
from checkout_daemon.store.queries import sql


async def list_discounts(connection: asyncpg.Connection) -> list[Discount]:
    return [_discount(row) for row in await connection.fetch(sql("list_discounts"))]


async def find_discount(connection: asyncpg.Connection, code: str) -> Discount | None:
    row = await connection.fetchrow(sql("find_discount"), code)
    return None if row is None else _discount(row)


async def count_redemptions(connection: asyncpg.Connection, code: str) -> int:
    """How many orders hold a redemption: those not failed, expired or canceled."""
    count: int = await connection.fetchval(sql("count_redemptions"), code)
    return count


async def lock_discount(connection: asyncpg.Connection, code: str) -> tuple[Discount, int] | None:
    """Lock its row until the transaction ends; the discount, and how many orders hold a redemption of it."""
    row = await connection.fetchrow(sql("lock_discount"), code)
    # Counted by a statement of its own: one that waited for the lock would count what it saw before it waited.
    return None if row is None else (_discount(row), await count_redemptions(connection, code))


async def upsert_discounts(connection: asyncpg.Connection, discounts: Sequence[Discount]) -> None:
    """Add or replace them by code."""
    await connection.execute(
        sql("upsert_discounts"),
        [each.code for each in discounts],
        [each.percent_off for each in discounts],
        [each.amount_off for each in discounts],
        [each.currency for each in discounts],
        [each.minimum_subtotal for each in discounts],
        [each.starts_at for each in discounts],
        [each.ends_at for each in discounts],
        [each.redemption_limit for each in discounts],
    )


def _discount(row: asyncpg.Record) -> Discount:
    return Discount(
        code=row["code"],
        percent_off=row["percent_off"],
        amount_off=row["amount_off"],
        currency=row["currency"],
        minimum_subtotal=row["minimum_subtotal"],
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        redemption_limit=row["redemption_limit"],
    )
