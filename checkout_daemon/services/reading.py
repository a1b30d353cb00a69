"""What operators look at: pages of orders and of events, one order with its history, one event with its payload."""

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

_PAGE = 500


async def page_of_orders(
    database: Database, wanted: OrderFilter, *, limit: int, cursor: OrderCursor | None = None
) -> list[Order]:
    """A page, newest first, after the cursor."""
    async with database.connection() as connection:
        return await order_reads.list_orders(connection, wanted, limit=limit, cursor=cursor)


async def searching(database: Database, wanted: OrderFilter, text: str) -> OrderFilter:
    """The filter with a search added: over numbers, ids, emails, names and the ids of Stripe's objects."""
    search_ids, search_text = await search(database, text)
    return replace(wanted, search_ids=search_ids, search_text=search_text)


async def all_orders(database: Database, wanted: OrderFilter, *, limit: int) -> AsyncIterator[list[Order]]:
    """Page after page, newest first, until there are `limit` or no more."""
    cursor: OrderCursor | None = None
    while limit > 0:
        page = await page_of_orders(database, wanted, limit=min(limit, _PAGE), cursor=cursor)
        if page:
            yield page
            cursor = OrderCursor.after(page[-1])
        limit = limit - len(page) if len(page) == _PAGE else 0


async def show_order(database: Database, text: str) -> OrderView:
    """An order, by anything that find_order takes, with all there is about it. Raises NotFound or AmbiguousOrder."""
    order = await find_order(database, text)
    async with database.connection() as connection:
        view = await order_reads.read_view(connection, order.id)
    if view is None:
        raise NotFound(f"order {order.number} was removed meanwhile")
    return view


async def all_events(database: Database, wanted: EventFilter, *, limit: int) -> AsyncIterator[list[EventLine]]:
    """Page after page, newest first, until there are `limit` or no more."""
    cursor: EventCursor | None = None
    while limit > 0:
        async with database.connection() as connection:
            page = await event_reads.list_events(connection, wanted, limit=min(limit, _PAGE), cursor=cursor)
        if page:
            yield page
            cursor = EventCursor.after(page[-1])
        limit = limit - len(page) if len(page) == _PAGE else 0


async def show_event(database: Database, event_id: str) -> tuple[EventLine, str | None]:
    """An event and its payload; None for a payload that retention has dropped. Raises NotFound."""
    async with database.connection() as connection:
        found = await event_reads.read_event(connection, event_id)
    if found is None:
        raise NotFound(f"there is no event {event_id!r}: `checkout events list` shows those that were received")
    return found
