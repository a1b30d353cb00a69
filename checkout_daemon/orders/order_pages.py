"""What operators read: pages of orders, and one order with everything about it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from checkout_daemon.database.reading import Readable
from checkout_daemon.database.records import pages
from checkout_daemon.errors import NotFound
from checkout_daemon.ledger.change_log import ChangeLine
from checkout_daemon.model.charges import PaidWith
from checkout_daemon.model.orders import Order
from checkout_daemon.orders import order_lists
from checkout_daemon.orders.charge_lines import read_paid_with
from checkout_daemon.orders.lookup import find_exact_order, find_order
from checkout_daemon.orders.order_filter import ComparedFacts, Extent, OrderCursor, OrderFilter
from checkout_daemon.orders.order_lists import OrderView
from checkout_daemon.orders.order_search import read_facts


async def page_of_orders(
    database: Readable,
    wanted: OrderFilter,
    *,
    limit: int,
    cursor: OrderCursor | None = None,
    extent: Extent | None = None,
) -> list[Order]:
    """Return a page of orders, newest first, after the cursor. `extent` is as for list_orders."""
    async with database.connection() as connection:
        return await order_lists.list_orders(connection, wanted, limit=limit, cursor=cursor, extent=extent)


def all_orders(
    database: Readable,
    wanted: OrderFilter,
    *,
    limit: int | None = None,
    extent: Extent | None = None,
) -> AsyncIterator[list[Order]]:
    """Return the pages of a list of orders, newest first, up to `limit` orders. `extent` is as for list_orders."""

    async def read(size: int, last: Order | None) -> list[Order]:
        cursor = None if last is None else OrderCursor.after(last)
        return await page_of_orders(database, wanted, limit=size, cursor=cursor, extent=extent)

    return pages(read, limit)


async def orders_with_charges(
    database: Readable,
    wanted: OrderFilter,
    *,
    limit: int | None = None,
    extent: Extent | None = None,
) -> AsyncIterator[list[tuple[Order, PaidWith]]]:
    """Yield the pages of all_orders with what each order was paid with."""
    async for page in all_orders(database, wanted, limit=limit, extent=extent):
        async with database.connection() as connection:
            paid = await read_paid_with(connection, [order.id for order in page])
        yield [(order, paid[order.id]) for order in page]


async def changes_that_fit(database: Readable, changes: Sequence[ChangeLine], wanted: OrderFilter) -> list[ChangeLine]:
    """Return the changes to a status that is wanted, of orders that meet the other conditions now."""
    reached = [
        change
        for change in changes
        if not wanted.statuses or (change.to_status in wanted.statuses and change.to_status != change.from_status)
    ]
    ids = {change.order_id for change in reached}
    if not ids:
        return []
    async with database.connection() as connection:
        orders = await order_lists.read_orders(connection, ids)
    fitting = await orders_that_fit(database, orders, replace(wanted, statuses=()))
    return [change for change in reached if change.order_id in fitting]


async def orders_that_fit(database: Readable, orders: Sequence[Order], wanted: OrderFilter) -> set[str]:
    """Return the ids of those orders that belong to a list, by the same rules as the list."""
    facts: dict[str, ComparedFacts] = {}
    if wanted.needs_facts:
        async with database.connection() as connection:
            facts = await read_facts(connection, [order.id for order in orders])
    return {order.id for order in orders if wanted.fits(order, facts.get(order.id))}


async def show_order(database: Readable, text: str) -> OrderView:
    """Return an order with everything about it. `text` is what find_order takes. Raise NotFound or AmbiguousOrder."""
    return await _view(database, await find_order(database, text))


async def show_exact_order(database: Readable, text: str) -> OrderView:
    """Return an order with everything about it. `text` is what find_exact_order takes. Raise NotFound."""
    return await _view(database, await find_exact_order(database, text))


async def _view(database: Readable, order: Order) -> OrderView:
    async with database.connection() as connection:
        view = await order_lists.read_view(connection, order.id)
    if view is None:
        raise NotFound(f"order {order.number} was deleted meanwhile")
    return view
