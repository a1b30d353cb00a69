"""What operators read: pages of orders, and one order with everything about it."""

from __future__ import annotations

from collections.abc import AsyncIterator

from checkout_daemon.database.pool import Database
from checkout_daemon.database.records import pages
from checkout_daemon.errors import NotFound
from checkout_daemon.model.orders import Order
from checkout_daemon.orders import order_lists
from checkout_daemon.orders.lookup import find_order
from checkout_daemon.orders.order_lists import OrderCursor, OrderFilter, OrderView


async def page_of_orders(
    database: Database, wanted: OrderFilter, *, limit: int, cursor: OrderCursor | None = None
) -> list[Order]:
    """Return a page of orders, newest first, after the cursor."""
    async with database.connection() as connection:
        return await order_lists.list_orders(connection, wanted, limit=limit, cursor=cursor)


def all_orders(database: Database, wanted: OrderFilter, *, limit: int | None = None) -> AsyncIterator[list[Order]]:
    """Return the pages of a list of orders, newest first, up to `limit` orders."""

    async def read(size: int, last: Order | None) -> list[Order]:
        return await page_of_orders(
            database, wanted, limit=size, cursor=None if last is None else OrderCursor.after(last)
        )

    return pages(read, limit)


async def show_order(database: Database, text: str) -> OrderView:
    """Return an order with everything about it. `text` is what find_order takes. Raise NotFound or AmbiguousOrder."""
    order = await find_order(database, text)
    async with database.connection() as connection:
        view = await order_lists.read_view(connection, order.id)
    if view is None:
        raise NotFound(f"order {order.number} was deleted meanwhile")
    return view
