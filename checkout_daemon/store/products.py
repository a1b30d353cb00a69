"""Products in PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import asyncpg

from checkout_daemon.domain.cart import Product
from checkout_daemon.store.queries import sql

# Any constant will do that no other advisory lock uses.
_LOCK_KEY = 0x636174616C6F67


async def lock_catalog(connection: asyncpg.Connection) -> None:
    """Keep every other import out until the transaction ends; readers and orders go on."""
    await connection.execute(sql("lock_catalog"), _LOCK_KEY)


async def list_products(connection: asyncpg.Connection) -> list[Product]:
    """Available ones first, then in the order of display."""
    return [_product(row) for row in await connection.fetch(sql("list_products"))]


async def list_products_by_position(connection: asyncpg.Connection) -> list[Product]:
    """In the order of display, available or not."""
    return [_product(row) for row in await connection.fetch(sql("list_products_by_position"))]


async def find_products(connection: asyncpg.Connection, skus: Collection[str]) -> dict[str, Product]:
    """Those that exist, by sku."""
    return {row["sku"]: _product(row) for row in await connection.fetch(sql("find_products"), list(skus))}


async def find_products_in_turn(
    connection: asyncpg.Connection, skus: Collection[str], lock_key: int
) -> dict[str, Product]:
    """Find products after taking the advisory lock of this key: one round trip for both."""
    rows = await connection.fetch(sql("find_products_in_turn"), list(skus), lock_key)
    return {row["sku"]: _product(row) for row in rows}


async def upsert_products(connection: asyncpg.Connection, products: Sequence[Product]) -> None:
    """Add or replace them by sku; new ones come last until they are placed."""
    await connection.execute(
        sql("upsert_products"),
        [each.sku for each in products],
        [each.name for each in products],
        [each.description for each in products],
        [each.image_url for each in products],
        [each.unit_amount for each in products],
        [each.currency for each in products],
        [each.available for each in products],
    )


async def place_products(connection: asyncpg.Connection, skus: Sequence[str]) -> None:
    """Display them in that order."""
    await connection.execute(sql("place_products"), list(skus))


def _product(row: asyncpg.Record) -> Product:
    return Product(
        sku=row["sku"],
        name=row["name"],
        description=row["description"],
        image_url=row["image_url"],
        unit_amount=row["unit_amount"],
        currency=row["currency"],
        available=row["available"],
    )
