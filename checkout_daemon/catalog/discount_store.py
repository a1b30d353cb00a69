"""Read and write discounts, and count their redemptions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple

import asyncpg

from checkout_daemon.catalog.pricing import Discount
from checkout_daemon.database.queries import sql


async def list_discounts(connection: asyncpg.Connection) -> list[Discount]:
    """Return all discounts by code."""
    return [Discount(**dict(row)) for row in await connection.fetch(sql("list_discounts"))]


async def find_discount(connection: asyncpg.Connection, code: str) -> Discount | None:
    """Return a discount, or None."""
    row = await connection.fetchrow(sql("find_discount"), code)
    return None if row is None else Discount(**dict(row))


async def count_redemptions(connection: asyncpg.Connection, code: str) -> int:
    """Count the orders that hold a redemption: all but failed, expired and canceled ones."""
    count: int = await connection.fetchval(sql("count_redemptions"), code)
    return count


async def lock_discount(connection: asyncpg.Connection, code: str) -> tuple[Discount, int] | None:
    """Lock a discount until the transaction ends; return it with its number of redemptions, or None."""
    row = await connection.fetchrow(sql("lock_discount"), code)
    # Counted by a separate statement: one that waited for the lock counts what there was before it waited.
    return None if row is None else (Discount(**dict(row)), await count_redemptions(connection, code))


async def upsert_discounts(connection: asyncpg.Connection, discounts: Sequence[Discount]) -> None:
    """Insert one or more discounts, or replace those with the same code."""
    await connection.execute(sql("upsert_discounts"), *zip(*map(astuple, discounts), strict=True))
