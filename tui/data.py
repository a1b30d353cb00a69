"""The terminal's only door to the shop: everything it reads and does goes through here to services.

Records are those of the services, under the names that the terminal uses them by.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from checkout_daemon.config import Settings
from checkout_daemon.domain.orders import Order, OrderStatus
from checkout_daemon.errors import CheckoutError, DatabaseUnavailable, NotFound
from checkout_daemon.runtime import Runtime, open_runtime
from checkout_daemon.services import overview, reading
from checkout_daemon.services.overview import INTERVAL, Figures, OrderRow
from checkout_daemon.services.schema import explain_misfit
from checkout_daemon.services.watching import Lost, Regained, Trouble, follow_changes
from checkout_daemon.store.change_reads import ChangeLine
from checkout_daemon.store.event_reads import EventFilter, EventLine
from checkout_daemon.store.order_reads import OrderCursor, OrderFilter, OrderView

__all__ = [
    "INTERVAL",
    "ChangeLine",
    "CheckoutError",
    "Data",
    "DatabaseUnavailable",
    "EventFilter",
    "EventLine",
    "Figures",
    "Lost",
    "NotFound",
    "Order",
    "OrderFilter",
    "OrderLine",
    "OrderRow",
    "OrderSource",
    "OrderStatus",
    "OrderView",
    "Regained",
    "Settings",
    "Trouble",
    "open_data",
]

_CONNECTIONS = 4


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


class Data:
    """What screens ask. Raises DatabaseUnavailable from everything that reads."""

    def __init__(self, runtime: Runtime, listen_url: str) -> None:
        self._runtime = runtime
        self._database = runtime.database
        self._listen_url = listen_url
        self.zone = ZoneInfo(runtime.settings.time_zone)
        self.livemode = runtime.settings.livemode

    async def check(self) -> None:
        """Raises SchemaMismatch where this program does not fit the database."""
        await explain_misfit(self._database)

    async def may_write(self) -> bool:
        return await overview.may_write(self._database)

    def follow(
        self, *, on_trouble: Callable[[Trouble], None], on_ready: Callable[[], None]
    ) -> AsyncGenerator[list[ChangeLine], None]:
        """Changes of orders from now on: each once, none missed."""
        return follow_changes(self._listen_url, on_trouble=on_trouble, on_ready=on_ready)

    async def figures(self) -> Figures:
        return await overview.read_figures(
            self._database, datetime.now(UTC), self._runtime.settings.time_zone, livemode=self.livemode
        )

    def orders(self, wanted: OrderFilter) -> OrderSource:
        """The list of the orders that fit."""
        return OrderSource(self._runtime, wanted)

    async def order_lines(self, order_ids: Collection[str]) -> list[OrderLine]:
        """These orders as they are now."""
        return [OrderLine(row) for row in await overview.rows_of(self._database, order_ids)]

    async def searching(self, wanted: OrderFilter, text: str) -> OrderFilter:
        """The filter with a search over number, email, name and ids added."""
        return await reading.searching(self._database, wanted, text)

    async def order(self, order_id: str) -> OrderView:
        """Raises NotFound."""
        return await reading.show_order(self._database, order_id)


class OrderSource:
    """Orders as a listing reads them."""

    def __init__(self, runtime: Runtime, wanted: OrderFilter) -> None:
        self._database = runtime.database
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


@asynccontextmanager
async def open_data(settings: Settings, listen_url: str) -> AsyncIterator[Data]:
    """Connections are opened when first used."""
    async with open_runtime(settings, pool_size=_CONNECTIONS) as runtime:
        yield Data(runtime, listen_url)
