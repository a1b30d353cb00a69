"""The terminal's door to the lists that it shows and to what changes in them; `shop` is the door to all else.

Records are those of the services, under the names that the terminal uses them by.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from checkout_daemon.domain.orders import Order, OrderStatus
from checkout_daemon.errors import CheckoutError, DatabaseUnavailable, NotFound
from checkout_daemon.runtime import Runtime, open_runtime
from checkout_daemon.services import overview, reading
from checkout_daemon.services.overview import INTERVAL, EventRow, Figures, OrderRow
from checkout_daemon.services.schema import explain_misfit
from checkout_daemon.services.watching import Lost, Regained, Trouble, follow_changes
from checkout_daemon.settings import Settings
from checkout_daemon.store.change_reads import ChangeLine
from checkout_daemon.store.event_reads import EventFilter, EventLine
from checkout_daemon.store.order_reads import OrderFilter, OrderView
from tui.lists import CauseItem, CauseSource, EventItem, EventSource, OrderLine, OrderSource

if TYPE_CHECKING:
    from tui.shop import Shop

__all__ = [
    "INTERVAL",
    "CauseItem",
    "ChangeLine",
    "CheckoutError",
    "Data",
    "DatabaseUnavailable",
    "EventFilter",
    "EventItem",
    "EventLine",
    "EventRow",
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


class Data:
    """What screens ask. Raises DatabaseUnavailable from everything that reads."""

    def __init__(self, runtime: Runtime, listen_url: str) -> None:
        self._runtime = runtime
        self._database = runtime.database
        self._listen_url = listen_url
        self.time_zone = runtime.settings.time_zone
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

    def events(self, wanted: EventFilter) -> EventSource:
        """The list of the events that fit."""
        return EventSource(self._runtime, wanted)

    def causes(self) -> CauseSource:
        """The list of what could not be applied, by cause."""
        return CauseSource(self._runtime)

    @cached_property
    def shop(self) -> Shop:
        """Imported when first asked for."""
        from tui.shop import Shop

        return Shop(self._runtime)


@asynccontextmanager
async def open_data(settings: Settings, listen_url: str) -> AsyncIterator[Data]:
    """Connections are opened when first used."""
    async with open_runtime(settings, pool_size=_CONNECTIONS) as runtime:
        yield Data(runtime, listen_url)
