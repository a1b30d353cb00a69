"""What operators read: lists of orders and events, one order with its history, one event with its payload."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

from checkout_daemon.domain.orders import Order
from checkout_daemon.errors import NotFound
from checkout_daemon.services.lookup import find_order, search
from checkout_daemon.store import event_reads, order_reads
from checkout_daemon.store.database import Database
from checkout_daemon.store.event_reads import EventCursor, EventFilter, EventLine
from checkout_daemon.store.order_reads import OrderCursor, OrderFilter, OrderView
from checkout_daemon.store.reading import pages


async def page_of_orders(
    database: Database, wanted: OrderFilter, *, limit: int, cursor: OrderCursor | None = None
) -> list[Order]:
    """Return a page of orders, newest first, after the cursor."""
    async with database.connection() as connection:
        return await order_reads.list_orders(connection, wanted, limit=limit, cursor=cursor)


async def searching(database: Database, wanted: OrderFilter, text: str) -> OrderFilter:
    """Return the filter with a search added: in numbers, ids, emails, names and the ids of Stripe's objects."""
    search_ids, search_text = await search(database, text)
    return replace(wanted, search_ids=search_ids, search_text=search_text)


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
        view = await order_reads.read_view(connection, order.id)
    if view is None:
        raise NotFound(f"order {order.number} was removed meanwhile")
    return view


def all_events(database: Database, wanted: EventFilter, *, limit: int | None = None) -> AsyncIterator[list[EventLine]]:
    """Return the pages of a list of events, newest first, up to `limit` events."""

    async def read(size: int, last: EventLine | None) -> list[EventLine]:
        async with database.connection() as connection:
            cursor = None if last is None else EventCursor.after(last)
            return await event_reads.list_events(connection, wanted, limit=size, cursor=cursor)

    return pages(read, limit)


async def show_event(database: Database, event_id: str) -> tuple[EventLine, str | None]:
    """Return an event and its payload, which is None once retention has dropped it. Raise NotFound."""
    async with database.connection() as connection:
        found = await event_reads.read_event(connection, event_id)
    if found is None:
        raise NotFound(f"there is no event {event_id!r}: `checkout events list` shows those that were received")
    return found
