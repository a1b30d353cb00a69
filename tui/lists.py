"""The lists behind tui.data, as a listing reads them: orders, events, and the causes for which events failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from checkout_daemon.services import overview
from checkout_daemon.services.dead_letters import dead_letters
from checkout_daemon.services.overview import EventRow, OrderRow
from checkout_daemon.store.database import Database
from checkout_daemon.store.event_reads import ErrorGroup, EventCursor, EventFilter
from checkout_daemon.store.order_reads import OrderCursor, OrderFilter


@dataclass(frozen=True, slots=True)
class OrderLine:
    """An order in the list."""

    row: OrderRow

    @property
    def key(self) -> str:
        return self.row.order.id

    @property
    def place(self) -> tuple[datetime, int]:
        return (self.row.order.created_at, self.row.order.number)


@dataclass(frozen=True, slots=True)
class EventItem:
    """An event in the inbox."""

    row: EventRow

    @property
    def key(self) -> str:
        return self.row.event.id

    @property
    def place(self) -> tuple[datetime, str]:
        return (self.row.event.received_at, self.row.event.id)


@dataclass(frozen=True, slots=True)
class ErrorGroupItem:
    """A cause in the list of what could not be applied."""

    cause: ErrorGroup

    @property
    def key(self) -> str:
        return self.cause.fingerprint

    @property
    def place(self) -> tuple[datetime, str]:
        return (self.cause.last_at, self.cause.fingerprint)


class OrderSource:
    """Orders as a listing reads them."""

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
    """Events as a listing reads them: never counted, for an inbox is looked at from its top."""

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
    """Causes as a listing reads them: few enough to be read at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def count(self) -> int | None:
        return None

    async def page(self, after: Any | None, limit: int) -> Sequence[ErrorGroupItem]:
        return [ErrorGroupItem(each) for each in await dead_letters(self._database)]

    async def skip(self, after: Any | None, count: int) -> Any | None:
        return None
