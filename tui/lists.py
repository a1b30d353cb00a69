"""The sources of the three lists: orders, events, and failed events grouped by error fingerprint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from checkout_daemon.database.pool import Database
from checkout_daemon.events.event_lists import ErrorGroup, EventCursor, EventFilter
from checkout_daemon.orders import overview
from checkout_daemon.orders.order_lists import OrderCursor, OrderFilter
from checkout_daemon.orders.overview import EventRow, OrderRow


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One line of the order list."""

    row: OrderRow

    @property
    def key(self) -> str:
        return self.row.order.id

    @property
    def place(self) -> tuple[datetime, int]:
        return (self.row.order.created_at, self.row.order.number)


@dataclass(frozen=True, slots=True)
class EventItem:
    """One line of the event list."""

    row: EventRow

    @property
    def key(self) -> str:
        return self.row.event.id

    @property
    def place(self) -> tuple[datetime, str]:
        return (self.row.event.received_at, self.row.event.id)


@dataclass(frozen=True, slots=True)
class ErrorGroupItem:
    """One line of the dead letters: the failed events with one error fingerprint."""

    group: ErrorGroup

    @property
    def key(self) -> str:
        return self.group.fingerprint

    @property
    def place(self) -> tuple[datetime, str]:
        return (self.group.last_at, self.group.fingerprint)


class OrderSource:
    """Reads the orders that fit a filter."""

    def __init__(self, database: Database, wanted: OrderFilter) -> None:
        self._database = database
        self.wanted = wanted

    async def count(self) -> int | None:
        return await overview.count_rows(self._database, self.wanted)

    async def page(self, after: Any | None, limit: int) -> Sequence[OrderLine]:
        cursor = None if after is None else OrderCursor(*after)
        rows = await overview.page_of_rows(self._database, self.wanted, limit=limit, cursor=cursor)
        return [OrderLine(row) for row in rows]

    async def skip(self, after: Any | None, count: int) -> Any | None:
        cursor = None if after is None else OrderCursor(*after)
        found = await overview.skip_rows(self._database, self.wanted, count=count, cursor=cursor)
        return None if found is None else (found.created_at, found.number)


class EventSource:
    """Reads the events that fit a filter. They are not counted: people read the newest."""

    def __init__(self, database: Database, wanted: EventFilter) -> None:
        self._database = database
        self.wanted = wanted

    async def count(self) -> int | None:
        return None

    async def page(self, after: Any | None, limit: int) -> Sequence[EventItem]:
        cursor = None if after is None else EventCursor(*after)
        rows = await overview.page_of_events(self._database, self.wanted, limit=limit, cursor=cursor)
        return [EventItem(row) for row in rows]

    async def skip(self, after: Any | None, count: int) -> Any | None:
        page = await self.page(after, count)
        return page[-1].place if len(page) == count else None


class ErrorGroupSource:
    """Reads all error groups at once: there are few."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def count(self) -> int | None:
        return None

    async def page(self, after: Any | None, limit: int) -> Sequence[ErrorGroupItem]:
        return [ErrorGroupItem(group) for group in await overview.error_groups(self._database)]

    async def skip(self, after: Any | None, count: int) -> Any | None:
        return None
