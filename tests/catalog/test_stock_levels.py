"""What shoppers see of the stock: the last five pieces, at once, without reading the catalog again."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from checkout_daemon.catalog.cart import Cart, CartLine
from checkout_daemon.catalog.memory import CatalogMemory
from checkout_daemon.catalog.stock_levels import CATALOG_CHANNEL, changes_what_is_shown, left_to_show
from checkout_daemon.runtime import Runtime
from tests.support.shopping import check_out


@pytest.mark.parametrize(("free", "left"), [(6, None), (5, 5), (1, 1), (0, 0), (-3, 0)])
def test_up_to_five_pieces_are_shown(free: int, left: int | None) -> None:
    assert left_to_show(free) == left


@pytest.mark.parametrize(("free", "more", "shown"), [(9, -3, False), (6, -1, True), (0, -2, False), (-1, 2, True)])
def test_only_a_difference_that_is_shown_is_announced(free: int, more: int, *, shown: bool) -> None:
    assert changes_what_is_shown({"PEN": free}, {"PEN": more}) is shown
    assert changes_what_is_shown({}, {"PEN": more}) is False


async def test_an_order_changes_what_is_free_and_nothing_else_is_read_again(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    await connection.execute("UPDATE products SET stock = 9 WHERE sku = 'NOTE'")
    memory = CatalogMemory(runtime.database)
    before = await memory.read()
    assert (before.free, before.left) == ({"NOTE": 9}, {})
    await check_out(runtime, cart=Cart((CartLine("NOTE", 5),)))
    memory.lapse()
    after = await memory.read()
    assert (after.free, after.left) == ({"NOTE": 4}, {"NOTE": 4})
    assert after.products is before.products
    await check_out(runtime, cart=Cart((CartLine("NOTE", 4),)))
    memory.lapse()
    sold_out = await memory.read()
    assert sold_out.left == {"NOTE": 0}
    assert not sold_out.is_available(sold_out.products["NOTE"])
    assert sold_out.is_available(sold_out.products["PEN"])


async def test_orders_are_announced_once_few_pieces_are_left(
    runtime: Runtime, connection: asyncpg.Connection, database_url: str
) -> None:
    await connection.execute("UPDATE products SET stock = 8 WHERE sku = 'NOTE'")
    heard: asyncio.Queue[str] = asyncio.Queue()
    listener = await asyncpg.connect(database_url)
    await listener.add_listener(CATALOG_CHANNEL, lambda *_: heard.put_nowait("heard"))
    await check_out(runtime, cart=Cart((CartLine("NOTE", 2),)))  # six are left
    await connection.execute("SELECT pg_notify($1, '')", CATALOG_CHANNEL)
    await heard.get()
    await listener.fetchval("SELECT 1")
    assert heard.empty()  # only ours: the order's would have come before it
    await check_out(runtime, cart=Cart((CartLine("NOTE", 1),)))
    async with asyncio.timeout(30):
        await heard.get()
    await listener.close()
