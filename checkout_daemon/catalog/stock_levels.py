"""How many pieces of counted products there are, how many are reserved, and what shoppers see of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

import asyncpg

from checkout_daemon.database.queries import sql
from checkout_daemon.database.records import record_of
from checkout_daemon.errors import FieldError

MOST_PIECES = 10**9
"""The largest stock that a person may state. The column has room for as many again, which refunds may put back."""
CATALOG_CHANNEL = "checkout_catalog"
"""What announce_catalog and announce_stock in sql/schema.sql notify."""
SHOWN_UP_TO = 5
"""Shoppers are shown how many pieces are left if there are no more than this. announce_stock in sql/schema.sql too."""


@dataclass(frozen=True, slots=True)
class StockLevel:
    """A counted product: `stock` pieces that are not sold, of which `free` are not reserved; it may be negative."""

    sku: str
    stock: int
    free: int


async def lock_stock(connection: asyncpg.Connection, skus: Collection[str]) -> list[StockLevel]:
    """Lock the counted ones of these products by sku until the transaction ends, and return their levels."""
    return [record_of(StockLevel, row) for row in await connection.fetch(sql("lock_stock"), list(skus))]


@dataclass(frozen=True, slots=True)
class StockChange:
    """Why the stock is changed by hand: the kind of the movement, who does it, and their note."""

    kind: Literal["set", "adjusted", "imported"]
    actor: str
    note: str = ""


async def change_stock(
    connection: asyncpg.Connection, stock: Mapping[str, int | None], change: StockChange
) -> dict[str, StockLevel | None]:
    """Set how many pieces of products there are, None to count them no longer. Return the levels before, by sku.

    A product that was not counted has the level None. All are locked until the transaction ends, so two who count a
    product for the first time do so one after the other. What is reserved stays reserved, so less may be left than
    that. The caller locks nothing of the products later.
    """
    await connection.execute(sql("lock_counted_or_not"), list(stock))
    before = {level.sku: level for level in await lock_stock(connection, stock)}
    moved = [sku for sku in sorted(stock) if stock[sku] != (before[sku].stock if sku in before else None)]
    if moved:
        values = [stock[sku] for sku in moved]
        await connection.execute(sql("set_stock"), moved, values, change.kind, change.actor, change.note)
        await connection.execute(sql("notify"), CATALOG_CHANNEL)
    return {sku: before.get(sku) for sku in stock}


def out_of_stock(pointer: str, name: str, free: int) -> FieldError:
    """Return the fault of a line that asks for more than is free. `pointer` is that of the line."""
    left = max(free, 0)
    detail = f"Only {left} of {name} {'is' if left == 1 else 'are'} left." if left else f"{name} is sold out."
    return FieldError(f"{pointer}/quantity", "out_of_stock", detail, left=left)


def left_to_show(free: int) -> int | None:
    """Return how many pieces shoppers see of a product with so many free ones, or None if they see no number."""
    return max(free, 0) if free <= SHOWN_UP_TO else None


def changes_what_is_shown(free: Mapping[str, int], freed: Mapping[str, int]) -> bool:
    """Return whether shoppers see a difference once so many pieces more are free."""
    return any(left_to_show(free[sku]) != left_to_show(free[sku] + more) for sku, more in freed.items() if sku in free)
