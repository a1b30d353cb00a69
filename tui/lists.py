"""The sources of the lists: orders, events, batches, what needs a person, and what failed, by its error."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Sequence
from time import monotonic
from typing import Any

from checkout_daemon.batches.listing import page_of_batches
from checkout_daemon.batches.records import Batch
from checkout_daemon.database.reading import Readable
from checkout_daemon.events.event_lists import EventCursor, EventFilter, page_of_events
from checkout_daemon.model.events import DeadLetters, EventLine
from checkout_daemon.model.order_rows import NEWEST_FIRST, OrderRow, Part, Sort
from checkout_daemon.model.sorting import MOST_SORTED
from checkout_daemon.model.todo import TodoItem
from checkout_daemon.orders import terminal_windows
from checkout_daemon.orders.order_filter import OrderFilter
from checkout_daemon.orders.sorted_orders import OrderList
from checkout_daemon.orders.terminal_windows import Length
from checkout_daemon.present.text import counted

from .listing import Item, Listing, Source, T

_AT_ONCE = 1000
_LASTS_SECONDS = 10.0


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


class EventSource(Source[EventLine]):
    """Reads the events that fit a filter. They are not counted: people read the newest."""

    def __init__(self, database: Readable, wanted: EventFilter) -> None:
        self._database = database
        self.wanted = wanted

    async def page(self, after: Any | None, limit: int) -> Sequence[Item[EventLine]]:
        cursor = None if after is None else EventCursor(*after)
        events = await page_of_events(self._database, self.wanted, limit=limit, cursor=cursor)
        return [Item(event.id, (event.received_at, event.id), event) for event in events]


class SortedSource(Source[T]):
    """Sorts a list that is read newest first: all of it, or the newest rows, up to MOST_SORTED.

    `place` returns the place of a row in the sort. What was read serves for a few seconds; `note` keeps it current.
    """

    def __init__(self, newest: Source[T], place: Callable[..., tuple[Any, ...]]) -> None:
        self.newest = newest
        self.is_cut = False
        self._place = place
        self._items: list[Item[T]] = []  # the last one first
        self._newest_places: dict[str, Any] = {}
        self._read_at = -_LASTS_SECONDS

    async def page(self, after: Any | None, limit: int) -> Sequence[Item[T]]:
        if after is None or monotonic() - self._read_at > _LASTS_SECONDS:
            await self._read()
        end = len(self._items) if after is None else self._before(after)
        return self._items[max(end - limit, 0) : end][::-1]

    async def count(self) -> Length | None:
        return Length(len(self._items), exact=True)

    def rank_of(self, place: Any) -> int | None:
        return len(self._items) - self._before(place) - 1

    def note(
        self, page: Sequence[Item[T]], left: Callable[[str, Any], bool]
    ) -> tuple[Sequence[Item[T]], Collection[str]]:
        """Note the newest rows. Return them with their places in the sort, and the keys of those that left."""
        gone = {key for key, place in self._newest_places.items() if left(key, place)}
        fresh = [self._item(item) for item in page]
        stale = gone | {item.key for item in page}
        self._items = sorted([item for item in self._items if item.key not in stale] + fresh, key=_by_place)
        self._newest_places = {key: place for key, place in self._newest_places.items() if key not in gone}
        self._newest_places |= {item.key: item.place for item in page}
        return fresh, gone

    def _before(self, place: Any) -> int:
        return bisect_left(self._items, place, key=_by_place)

    def _item(self, item: Item[T]) -> Item[T]:
        return Item(item.key, self._place(item.row, *item.place), item.row)

    async def _read(self) -> None:
        started = monotonic()
        found: list[Item[T]] = []
        while len(found) <= MOST_SORTED:
            page = await self.newest.page(found[-1].place if found else None, _AT_ONCE)
            found += page
            if len(page) < _AT_ONCE:
                break
        self.is_cut = len(found) > MOST_SORTED
        del found[MOST_SORTED:]
        self._items = sorted(map(self._item, found), key=_by_place)
        self._newest_places = {item.key: item.place for item in found}
        self._read_at = started


def _by_place(item: Item[Any]) -> Any:
    return item.place


class TodoSource(Source[TodoItem]):
    """The items of a list that was read as a whole, in its sequence."""

    at_once = True

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
    """Reads all groups of failed and dead events and messages at once: there are few. `place` sorts them."""

    at_once = True

    def __init__(self, database: Readable, place: Callable[..., tuple[Any, ...]]) -> None:
        self._database = database
        self._place = place

    async def page(self, after: Any | None, limit: int) -> Sequence[Item[DeadLetters]]:
        groups = await terminal_windows.dead_letters(self._database)
        items = (Item(group.key, self._place(group, group.last_at, group.key), group) for group in groups)
        return sorted(items, key=_by_place, reverse=True)


def length_words(listing: Listing[OrderRow]) -> str:
    """Return how many orders there are; about, in two digits, if they were not counted."""
    if listing.exact:
        return counted(listing.height, "order")
    return f"about {counted(round(listing.height, 2 - len(str(listing.height))), 'order')}"
