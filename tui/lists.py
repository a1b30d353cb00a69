"""The sources of the lists: orders, events, batches, what needs a person, and what failed, by its error."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from checkout_daemon.batches.listing import page_of_batches
from checkout_daemon.batches.records import Batch
from checkout_daemon.database.reading import Readable
from checkout_daemon.events.event_lists import EventCursor, EventFilter
from checkout_daemon.model.order_rows import NEWEST_FIRST, OrderRow, Part, Sort
from checkout_daemon.model.todo import TodoItem
from checkout_daemon.orders import terminal_windows
from checkout_daemon.orders.order_filter import OrderFilter
from checkout_daemon.orders.sorted_orders import OrderList
from checkout_daemon.orders.terminal_windows import DeadLetters, EventRow, Length
from checkout_daemon.present.text import counted

from .listing import Item, Listing, Source


class OrderSource(Source[OrderRow]):
    """Reads the orders that fit a filter, in a sort."""

    def __init__(
        self, database: Readable, wanted: OrderFilter, sort: Sort = NEWEST_FIRST, parts: Collection[Part] = ()
    ) -> None:
        self.orders = OrderList(database, wanted, sort, parts)

    @property
    def whole(self) -> bool:
        return self.orders.extent.whole

    async def count(self) -> Length | None:
        return await self.orders.count()

    async def page(self, after: Any | None, limit: int) -> Sequence[Item[OrderRow]]:
        return [self._item(row) for row in await self.orders.page(after, limit)]

    async def skip(self, after: Any | None, count: int) -> Any | None:
        return await self.orders.skip(after, count)

    async def skip_from_end(self, count: int) -> Any | None:
        return await self.orders.skip_from_end(count)

    def rank_of(self, place: Any) -> int | None:
        return self.orders.rank_of(place)

    async def items(self, order_ids: Collection[str]) -> list[Item[OrderRow]]:
        """Read orders as they are now, also those that are not in the list."""
        return [self._item(row) for row in await self.orders.rows(order_ids)]

    def _item(self, row: OrderRow) -> Item[OrderRow]:
        return Item(row.order.id, self.orders.sort.place(row), row)


class EventSource(Source[EventRow]):
    """Reads the events that fit a filter. They are not counted: people read the newest."""

    def __init__(self, database: Readable, wanted: EventFilter) -> None:
        self._database = database
        self.wanted = wanted

    async def page(self, after: Any | None, limit: int) -> Sequence[Item[EventRow]]:
        cursor = None if after is None else EventCursor(*after)
        rows = await terminal_windows.page_of_events(self._database, self.wanted, limit=limit, cursor=cursor)
        return [Item(row.event.id, (row.event.received_at, row.event.id), row) for row in rows]


class TodoSource(Source[TodoItem]):
    """The items of a list that was read as a whole, in its sequence."""

    def __init__(self, items: Sequence[TodoItem] = ()) -> None:
        self.items = items

    async def page(self, after: Any | None, limit: int) -> Sequence[Item[TodoItem]]:
        return todo_items(self.items)


def todo_items(items: Sequence[TodoItem]) -> Sequence[Item[TodoItem]]:
    """Return the rows of a list of what is to do: the first has the highest place."""
    return [Item(item.key, (-place,), item) for place, item in enumerate(items)]


class BatchSource(Source[Batch]):
    """Reads the batches. They are not counted: people read the newest."""

    def __init__(self, database: Readable) -> None:
        self._database = database

    async def page(self, after: Any | None, limit: int) -> Sequence[Item[Batch]]:
        before = None if after is None else after[0]
        return [batch_item(batch) for batch in await page_of_batches(self._database, limit=limit, before=before)]


def batch_item(batch: Batch) -> Item[Batch]:
    """Return the item of a batch."""
    return Item(str(batch.number), (batch.number,), batch)


class DeadLetterSource(Source[DeadLetters]):
    """Reads all groups of failed and dead events and messages at once: there are few."""

    def __init__(self, database: Readable) -> None:
        self._database = database

    async def page(self, after: Any | None, limit: int) -> Sequence[Item[DeadLetters]]:
        groups = await terminal_windows.dead_letters(self._database)
        return [Item(group.key, (group.last_at, group.key), group) for group in groups]


def length_words(listing: Listing[OrderRow]) -> str:
    """Return how many orders there are; about, in two digits, if they were not counted."""
    if listing.exact:
        return counted(listing.height, "order")
    return f"about {counted(round(listing.height, 2 - len(str(listing.height))), 'order')}"
