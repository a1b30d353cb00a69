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


async def count_redemptions(connection: asyncpg.Connection, code: str, *, livemode: bool) -> int:
    """Count the orders of a mode that hold a redemption: those that are paid, being paid, or can be paid now."""
    others, _ = await redemptions_of_others(connection, code, None, livemode=livemode)
    return others


async def redemptions_of_others(
    connection: asyncpg.Connection, code: str, order_id: str | None, *, livemode: bool
) -> tuple[int, bool]:
    """Return how many other orders hold a redemption, and whether this one does."""
    (row,) = await connection.fetch(sql("count_redemptions"), code, livemode, order_id)
    return row["others"], row["held"]


async def lock_discount(connection: asyncpg.Connection, code: str, *, livemode: bool) -> tuple[Discount, int] | None:
    """Lock a discount until the transaction ends; return it with its number of redemptions, or None."""
    row = await connection.fetchrow(sql("lock_discount"), code)
    if row is None:
        return None
    # Counted by a separate statement: one that waited for the lock counts what there was before it waited.
    return Discount(**dict(row)), await count_redemptions(connection, code, livemode=livemode)


async def lock_discount_of_order(connection: asyncpg.Connection, order_id: str) -> Discount | None:
    """Lock the discount of an order's code until the transaction ends, and return it; None unless it has a limit.

    Call it before the order is locked: a checkout locks a discount before products, and a merge may lock those.
    """
    row = await connection.fetchrow(sql("lock_discount_of_order"), order_id)
    return None if row is None else Discount(**dict(row))


async def upsert_discounts(connection: asyncpg.Connection, discounts: Sequence[Discount]) -> None:
    """Insert one or more discounts, or replace those with the same code."""
    await connection.execute(sql("upsert_discounts"), *zip(*map(astuple, discounts), strict=True))
