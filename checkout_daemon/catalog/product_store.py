"""Read and write products."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import asyncpg

from checkout_daemon.catalog.cart import Product
from checkout_daemon.database.queries import sql
from checkout_daemon.database.records import columns, record_of

# Any constant that no other advisory lock uses.
_LOCK_KEY = 0x636174616C6F67
_COLUMNS = ("sku", "name", "description", "image_url", "unit_amount", "currency", "available")


async def lock_catalog(connection: asyncpg.Connection) -> None:
    """Block other imports until the transaction ends. Reads and orders are not blocked."""
    await connection.execute(sql("lock_catalog"), _LOCK_KEY)


async def list_products(connection: asyncpg.Connection) -> list[Product]:
    """Return all products in display order."""
    return [record_of(Product, row) for row in await connection.fetch(sql("list_products"))]


async def find_products(
    connection: asyncpg.Connection, skus: Collection[str], *, lock_key: int | None = None
) -> dict[str, Product]:
    """Return the products that exist, by sku. With a key, take its advisory lock first, in the same round trip."""
    rows = await connection.fetch(sql("find_products"), list(skus), lock_key)
    return {row["sku"]: record_of(Product, row) for row in rows}


async def lock_products(connection: asyncpg.Connection) -> None:
    """Lock all products by sku, as orders lock those that they reserve, until the transaction ends."""
    await connection.execute(sql("lock_products"))


async def upsert_products(connection: asyncpg.Connection, products: Sequence[Product]) -> None:
    """Insert one or more products, or replace those with the same sku. New ones come last until place_products.

    Neither changes the stock.
    """
    # PostgreSQL has no lists of different lengths in one array.
    pictures = [" ".join(product.images) for product in products]
    await connection.execute(sql("upsert_products"), *columns(products, *_COLUMNS), pictures)


async def place_products(connection: asyncpg.Connection, skus: Sequence[str]) -> None:
    """Set the display order."""
    await connection.execute(sql("place_products"), list(skus))
