"""Lists of orders, sorted by any of their columns.

The newest and oldest first, and by number, indexes have them all, and pages are read from there. Otherwise the newest
5,000 orders that match are sorted; of all orders by their last change, those that changed last. A shop that has more
learns of it by `cut`. An index for every column would cost each checkout and webhook: docs/PERFORMANCE.md.
"""

from __future__ import annotations

from asyncio import sleep
from bisect import bisect_left, insort
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

import asyncpg

from checkout_daemon.database.queries import sql
from checkout_daemon.database.reading import Readable
from checkout_daemon.database.records import FAR_FUTURE, LONG_AGO, pages, record_of
from checkout_daemon.model.order_rows import NEWEST_FIRST, OrderRow, Part, Sort
from checkout_daemon.model.orders import Order
from checkout_daemon.model.sorting import MOST_SORTED
from checkout_daemon.orders import terminal_windows
from checkout_daemon.orders.order_filter import Extent, OrderCursor, OrderFilter
from checkout_daemon.orders.order_lists import list_orders, read_orders
from checkout_daemon.orders.order_rows import read_rows
from checkout_daemon.orders.terminal_windows import Length

_AT_ONCE = 1000
_MOST_SEARCHED = 1000  # of a search: it takes longer to find them
_CHANGES_OF_AN_ORDER = 2  # so many changes are read for each order that changed last
_LASTS_SECONDS = 60.0  # how long places that were read are used

_OF_ALL_ORDERS = {
    Sort("created", descending=False): "sort_orders_by_created",
    Sort("created", descending=True): "sort_orders_by_created_down",
    Sort("number", descending=False): "sort_orders_by_number",
    Sort("number", descending=True): "sort_orders_by_number_down",
}

Place = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Cut:
    """How many orders were sorted, where there are more: the newest, or those that changed last."""

    orders: int
    changed_last: bool

    def __str__(self) -> str:
        """Return `the 5,000 newest only`."""
        return f"the {self.orders:,} {'changed last' if self.changed_last else 'newest'} only"


class OrderList:
    """A list of orders in a sort, read page by page.

    A place is that of a row by the sort; `parts` are read of each row. `extent` is as for list_orders, `cut` is set if
    only some orders were sorted.
    """

    def __init__(
        self,
        database: Readable,
        wanted: OrderFilter | None = None,
        sort: Sort = NEWEST_FIRST,
        parts: Collection[Part] = (),
    ) -> None:
        self.wanted = wanted or OrderFilter()
        self.sort = sort
        self.extent = Extent()
        self.cut: Cut | None = None
        self._database = database
        self.parts = frozenset(parts) | ({sort.part} if sort.part else frozenset())
        self._places: list[tuple[Place, str]] = []  # the last one first
        self._read_at = -_LASTS_SECONDS
        self._index = _index_of(self.wanted, sort)

    async def page(self, after: Place | None, limit: int) -> list[OrderRow]:
        """Return the rows after a place, or the first ones."""
        async with self._database.connection() as connection:
            if self.sort == NEWEST_FIRST:
                cursor = None if after is None else OrderCursor(*after[1:])
                orders = await list_orders(connection, self.wanted, limit=limit, cursor=cursor, extent=self.extent)
            elif self._index is not None:
                orders = await self._page_of_index(connection, self._index, after, limit, 0)
            else:
                await self._sort(connection, anew=after is None)
                end = self._rank(after)
                ids = [order_id for _, order_id in self._places[max(end - limit, 0) : end]]
                orders = await read_orders(connection, ids)
            rows = await read_rows(connection, orders, self.parts)
        # What changed meanwhile is where it belongs now.
        return sorted(rows, key=self.sort.place, reverse=True)

    async def pages(self, limit: int, *, after: str | None = None) -> AsyncIterator[list[OrderRow]]:
        """Yield the pages of the list, up to `limit` rows; those after the order with this id, if given."""
        place: Place | None = None
        if after is not None:
            place = self.sort.place((await self.rows([after]))[0])

        async def read(size: int, last: OrderRow | None) -> list[OrderRow]:
            return await self.page(place if last is None else self.sort.place(last), size)

        async for page in pages(read, limit):
            yield page

    async def rows(self, order_ids: Collection[str]) -> list[OrderRow]:
        """Return these orders as they are now, in any sequence."""
        async with self._database.connection() as connection:
            return await read_rows(connection, await read_orders(connection, order_ids), self.parts)

    def note(self, rows: Sequence[OrderRow], gone: Collection[str]) -> None:
        """Note rows that are in the list now, and orders that are not any more."""
        if not self._places:
            return
        stale = {row.order.id for row in rows} | set(gone)
        self._places = [known for known in self._places if known[1] not in stale]
        for row in rows:
            insort(self._places, (self.sort.place(row), row.order.id))

    def forget(self) -> None:
        """Forget what was read: the next page is read anew."""
        self._read_at = -_LASTS_SECONDS

    async def count(self) -> Length | None:
        """Return the length of the list, or None where it is not counted."""
        if self.sort == NEWEST_FIRST or self._index is not None:
            return await terminal_windows.count_rows(self._database, self.wanted)
        return Length(len(self._places), exact=True)

    async def skip(self, after: Place | None, count: int) -> Place | None:
        """Return the place of the last of `count` rows after a place, or None if there are fewer."""
        if self.sort == NEWEST_FIRST:
            cursor = None if after is None else OrderCursor(*after[1:])
            return _newest(await terminal_windows.skip_rows(self._database, self.wanted, count=count, cursor=cursor))
        if self._index is not None:
            return await self._place_in_index(self._index, after, count - 1)
        rank = self._rank(after) - count
        return self._places[rank][0] if rank >= 0 else None

    async def skip_from_end(self, count: int) -> Place | None:
        """Return the place that has `count` rows after it, or None if there are no more."""
        if self.sort == NEWEST_FIRST:
            return _newest(await terminal_windows.skip_rows_from_end(self._database, self.wanted, count=count))
        if self._index is not None:
            turned = _index_of(self.wanted, self.sort.turned())
            return await self._place_in_index(turned or "", None, count)
        return self._places[count][0] if count < len(self._places) else None

    def rank_of(self, place: Place) -> int | None:
        """Return how many rows are before a place, or None where that is not known."""
        if self.sort == NEWEST_FIRST or self._index is not None:
            return None
        return len(self._places) - bisect_left(self._places, (place, "")) - 1

    def _rank(self, after: Place | None) -> int:
        """Return how many of the places are after one."""
        return len(self._places) if after is None else bisect_left(self._places, (after, ""))

    async def _sort(self, connection: asyncpg.Connection, *, anew: bool) -> None:
        """Read the places of the list, unless they are known. Others may run between its parts."""
        if not anew and monotonic() - self._read_at < _LASTS_SECONDS:
            return
        started = monotonic()
        places: list[tuple[Place, str]] = []
        parts = {self.sort.part} if self.sort.part else set()
        self.cut = None
        async for orders in self._candidates(connection):
            rows = await read_rows(connection, orders, parts)
            places += [(self.sort.place(row), row.order.id) for row in rows]
            await sleep(0)
        self._places, self._read_at = sorted(places), started

    async def _candidates(self, connection: asyncpg.Connection) -> AsyncIterator[list[Order]]:
        """Yield pages of the orders to sort, and note if there are more."""
        if self.sort == Sort("updated") and self.wanted == OrderFilter():
            everything = await connection.fetchval(sql("count_orders"), LONG_AGO, FAR_FUTURE, None, MOST_SORTED + 1)
            if everything > MOST_SORTED:
                changed = await connection.fetch(
                    sql("list_orders_changed_last"), MOST_SORTED * _CHANGES_OF_AN_ORDER, MOST_SORTED
                )
                ids = [row["order_id"] for row in changed]
                self.cut = Cut(len(ids), changed_last=True)
                for start in range(0, len(ids), _AT_ONCE):
                    yield await read_orders(connection, ids[start : start + _AT_ONCE])
                return
        most = _MOST_SEARCHED if _is_search(self.wanted) else MOST_SORTED
        found, cursor = 0, None
        while found < most:
            limit = min(_AT_ONCE, most - found)
            orders = await list_orders(connection, self.wanted, limit=limit, cursor=cursor, extent=self.extent)
            found += len(orders)
            yield orders
            if len(orders) < limit:
                return
            cursor = OrderCursor.after(orders[-1])
        self.cut = Cut(found, changed_last=False)

    async def _page_of_index(
        self, connection: asyncpg.Connection, statement: str, after: Place | None, limit: int, offset: int
    ) -> list[Order]:
        key, number = (None, None) if after is None else (getattr(value, "value", value) for value in after[1:])
        rows = await connection.fetch(sql(statement), key, number, limit, offset)
        return [record_of(Order, row) for row in rows]

    async def _place_in_index(self, statement: str, after: Place | None, offset: int) -> Place | None:
        async with self._database.connection() as connection:
            orders = await self._page_of_index(connection, statement, after, 1, offset)
        return self.sort.place(OrderRow(orders[0])) if orders else None


def _index_of(wanted: OrderFilter, sort: Sort) -> str | None:
    """Return the statement that reads a list in its sort from an index, or None."""
    return _OF_ALL_ORDERS.get(sort) if wanted == OrderFilter() else None


def _is_search(wanted: OrderFilter) -> bool:
    return bool(wanted.conditions) or wanted.of_charges


def _newest(cursor: OrderCursor | None) -> Place | None:
    return None if cursor is None else (True, cursor.created_at, cursor.number)
