"""The sources of the three lists: orders, events, and failed events grouped by error fingerprint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from checkout_daemon.database.pool import Database
from checkout_daemon.events.event_lists import ErrorGroup, EventCursor, EventFilter
from checkout_daemon.orders import terminal_windows
from checkout_daemon.orders.order_lists import OrderCursor, OrderFilter
from checkout_daemon.orders.terminal_windows import EventRow, OrderRow
from tui.listing import Item, Source


class OrderSource(Source[OrderRow]):
    """Reads the orders that fit a filter."""

    def __init__(self, database: Database, wanted: OrderFilter) -> None:
        self._database = database
        self.wanted = wanted

    async def count(self) -> int | None:
        return await terminal_windows.count_rows(self._database, self.wanted)

    async def page(self, after: Any | None, limit: int) -> Sequence[Item[OrderRow]]:
        cursor = None if after is None else OrderCursor(*after)
        rows = await terminal_windows.page_of_rows(self._database, self.wanted, limit=limit, cursor=cursor)
        return [order_item(row) for row in rows]

    async def skip(self, after: Any | None, count: int) -> Any | None:
        cursor = None if after is None else OrderCursor(*after)
        found = await terminal_windows.skip_rows(self._database, self.wanted, count=count, cursor=cursor)
        return None if found is None else (found.created_at, found.number)


def order_item(row: OrderRow) -> Item[OrderRow]:
    """Return the item of an order."""
    return Item(row.order.id, (row.order.created_at, row.order.number), row)


class EventSource(Source[EventRow]):
    """Reads the events that fit a filter. They are not counted: people read the newest."""

    def __init__(self, database: Database, wanted: EventFilter) -> None:
        self._database = database
        self.wanted = wanted

    async def page(self, after: Any | None, limit: int) -> Sequence[Item[EventRow]]:
        cursor = None if after is None else EventCursor(*after)
        rows = await terminal_windows.page_of_events(self._database, self.wanted, limit=limit, cursor=cursor)
        return [Item(row.event.id, (row.event.received_at, row.event.id), row) for row in rows]


class ErrorGroupSource(Source[ErrorGroup]):
    """Reads all error groups at once: there are few."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, after: Any | None, limit: int) -> Sequence[Item[ErrorGroup]]:
        groups = await terminal_windows.error_groups(self._database)
        return [Item(group.fingerprint, (group.last_at, group.fingerprint), group) for group in groups]
