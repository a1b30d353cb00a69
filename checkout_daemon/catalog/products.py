"""Read and write products."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import astuple

import asyncpg

from checkout_daemon.catalog.cart import Product
from checkout_daemon.database.queries import sql

# Any constant that no other advisory lock uses.
_LOCK_KEY = 0x636174616C6F67


async def lock_catalog(connection: asyncpg.Connection) -> None:
    """Block other imports until the transaction ends. Reads and orders are not blocked."""
    await connection.execute(sql("lock_catalog"), _LOCK_KEY)


async def list_products(connection: asyncpg.Connection) -> list[Product]:
    """Return all products, available ones first, in display order."""
    return [Product(**dict(row)) for row in await connection.fetch(sql("list_products"))]


async def list_products_by_position(connection: asyncpg.Connection) -> list[Product]:
    """Return all products in display order."""
    return [Product(**dict(row)) for row in await connection.fetch(sql("list_products_by_position"))]


async def find_products(connection: asyncpg.Connection, skus: Collection[str]) -> dict[str, Product]:
    """Return the products that exist, by sku."""
    return {row["sku"]: Product(**dict(row)) for row in await connection.fetch(sql("find_products"), list(skus))}


async def find_products_in_turn(
    connection: asyncpg.Connection, skus: Collection[str], lock_key: int
) -> dict[str, Product]:
    """Take the advisory lock of this key, then find products, in one round trip."""
    rows = await connection.fetch(sql("find_products_in_turn"), list(skus), lock_key)
    return {row["sku"]: Product(**dict(row)) for row in rows}


async def upsert_products(connection: asyncpg.Connection, products: Sequence[Product]) -> None:
    """Insert one or more products, or replace those with the same sku. New ones come last until place_products."""
    await connection.execute(sql("upsert_products"), *zip(*map(astuple, products), strict=True))


async def place_products(connection: asyncpg.Connection, skus: Sequence[str]) -> None:
    """Set the display order."""
    await connection.execute(sql("place_products"), list(skus))
