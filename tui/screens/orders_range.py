"""A time range that depends on the time, such as the last hour: orders leave the list and enter it as time passes."""

from __future__ import annotations

from datetime import UTC, datetime

from textual import work

from checkout_daemon.errors import DatabaseUnavailable
from checkout_daemon.model.order_rows import OrderRow
from checkout_daemon.model.orders import Order
from checkout_daemon.orders.order_filter import OrderFilter

from ..context import AppContext
from ..filters import Choice
from ..widgets.table import LiveTable
from .orders_sorting import OrderSorting


class MovingRange(OrderSorting):
    """A list of orders whose range moves every minute. The cursor stays on its order."""

    def __init__(
        self, context: AppContext, table: LiveTable[OrderRow], marked: dict[str, Order], choice: Choice
    ) -> None:
        super().__init__(context, table, marked, choice)
        self.listed: Choice | None = None if choice.narrows else choice  # the choice that the table shows
        self._moved_in = _minute()

    def move_each_minute(self) -> None:
        """Move the range once another minute has begun."""
        if (minute := _minute()) != self._moved_in:
            self._moved_in = minute
            self._move_soon()

    @work(group="look")
    async def _move_soon(self) -> None:
        try:
            await self.move_range()
        except DatabaseUnavailable:
            self.read_again_soon()

    async def move_range(self) -> None:
        if self.listed is None:
            return
        wanted = self.listed.as_of(_now(), self.wanted, self.app_context.time_zone)
        if wanted == self.wanted:
            return
        listing, source = self.table.listing, self.source
        self.wanted = source.orders.wanted = wanted
        source.orders.forget()
        self.table.update([], [item.key for item in listing.rows if not _is_in_range(item.row.order, wanted)])
        await self.find_marks(wanted)
        await self._rows.ask(self.table.cursor_rank)
        await listing.count()
        if self.table.listing is listing:  # else another list was chosen meanwhile
            await self.show_loaded(listing)


def _is_in_range(order: Order, wanted: OrderFilter) -> bool:
    return (wanted.since is None or order.created_at >= wanted.since) and (
        wanted.until is None or order.created_at < wanted.until
    )


def _now() -> datetime:
    return datetime.now(UTC)


def _minute() -> int:
    """Return the number of the minute on the clock, which also passes while the machine sleeps."""
    return int(_now().timestamp() // 60)
