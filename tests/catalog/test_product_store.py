"""Products in the database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import asyncpg
import pytest

from checkout_daemon.catalog.cart import Product
from checkout_daemon.catalog.product_store import find_products, list_products, place_products, upsert_products

PEN = Product("PEN", "Pen", "It writes.", "/products/PEN.svg", 250, "eur", True)
LAMP = Product("LAMP", "Lamp", "", None, 8900, "eur", False)
INK = Product("INK", "Ink", "", "https://shop.example/ink.png", 0, "eur", True)
MUG = Product("MUG", "Mug", "", "/1.png", 900, "eur", True, images=("/1.png", "https://shop.example/2.png"))


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection: asyncpg.Connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def test_products_come_back_as_they_were_stored(connection: asyncpg.Connection) -> None:
    await upsert_products(connection, [LAMP, PEN, MUG, INK])
    assert await list_products(connection) == [LAMP, PEN, MUG, INK]


async def test_a_product_stored_again_is_replaced_and_keeps_its_place(connection: asyncpg.Connection) -> None:
    await upsert_products(connection, [PEN, INK])
    dearer = replace(PEN, unit_amount=300, name="Better pen")
    await upsert_products(connection, [dearer])
    assert await list_products(connection) == [dearer, INK]


async def test_pictures_that_do_not_begin_with_the_first_one_do_not_count(connection: asyncpg.Connection) -> None:
    await upsert_products(connection, [MUG])
    await connection.execute("UPDATE products SET image_url = '/new.png'")  # as the previous release does
    assert await list_products(connection) == [replace(MUG, image_url="/new.png", images=())]
    assert await find_products(connection, ["MUG"]) == {"MUG": replace(MUG, image_url="/new.png", images=())}


async def test_products_added_later_come_last(connection: asyncpg.Connection) -> None:
    await upsert_products(connection, [PEN])
    await upsert_products(connection, [INK, LAMP])
    assert await list_products(connection) == [PEN, INK, LAMP]


async def test_products_are_displayed_as_placed(connection: asyncpg.Connection) -> None:
    await upsert_products(connection, [PEN, INK, LAMP])
    await place_products(connection, ["LAMP", "INK", "PEN"])
    assert await list_products(connection) == [LAMP, INK, PEN]


async def test_only_products_that_exist_are_found(connection: asyncpg.Connection) -> None:
    await upsert_products(connection, [PEN, INK, LAMP])
    assert await find_products(connection, ["LAMP", "PEN", "pen", "GONE"]) == {"LAMP": LAMP, "PEN": PEN}
    assert await find_products(connection, []) == {}
