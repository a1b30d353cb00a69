"""The first screen: the shop's orders as they come and change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import ClassVar

from textual import work
from textual.widget import Widget

from tui.actions import Action, command_line
from tui.data import ChangeLine, DatabaseUnavailable, OrderFilter, OrderLine
from tui.desk import Desk
from tui.listing import Listing
from tui.screens.base import DeskScreen
from tui.screens.orders_columns import cells, columns
from tui.widgets.table import Column, LiveTable
from tui.widgets.top_line import TopLine

_MOST_WAITING = 2000
_NO_ORDERS = "No orders yet. The first one appears here when somebody goes to Checkout."


class OrdersScreen(DeskScreen):
    """Rows change in place; what changes while it is paused waits."""

    PLACE = "Orders"
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("enter", "open", "Open the order", "orders show ORDER", foot="Open"),
        Action("p", "pause", "Hold the list still, or let it go on", "orders watch", foot="Pause"),
        Action("c", "copy_number", "Copy the order's number", "orders show ORDER", foot="Copy"),
    )

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.wanted = OrderFilter()
        self._wanted_rank: int | None = None
        self._loading = False
        self._paused = False
        self._waiting: dict[str, bool] = {}  # order id -> whether it is new

    def body(self) -> Iterable[Widget]:
        listing = Listing(self.desk.data.orders(self.wanted))
        yield LiveTable(listing, columns, self._cells, id="orders", empty=_NO_ORDERS)

    def on_mount(self) -> None:
        super().on_mount()
        self.table.focus()
        self.set_interval(1, self._grow_older)
        self._load(0)

    @property
    def table(self) -> LiveTable[OrderLine]:
        return self.query_one("#orders", LiveTable)

    def _cells(self, line: OrderLine, layout: Sequence[Column]) -> Iterable[tuple[str, str]]:
        return cells(line.row, layout, datetime.now(UTC), self.desk)

    # Reading

    def _load(self, rank: int) -> None:
        """Read the rows around a rank. One at a time, and only the last that was asked for: a query that is cancelled
        costs the database a connection."""
        self._wanted_rank = rank
        if not self._loading:
            self._loading = True
            self._load_rows()

    @work(group="rows")
    async def _load_rows(self) -> None:
        try:
            while self._wanted_rank is not None:
                rank, self._wanted_rank = self._wanted_rank, None
                await self._load_once(self.table.listing, rank)
        except DatabaseUnavailable:
            return  # reload follows when it answers again
        finally:
            self._loading = False

    async def _load_once(self, listing: Listing[OrderLine], rank: int) -> None:
        await listing.load(rank)
        if listing is self.table.listing:
            self.table.rows_arrived()
        if not listing.counted:
            await listing.count()
            if listing is self.table.listing:
                self.table.rows_arrived()

    async def reload(self) -> None:
        self._load(self.table.cursor_rank)

    def on_live_table_rows_wanted(self, event: LiveTable.RowsWanted) -> None:
        self._load(event.rank)

    async def changed(self, changes: list[ChangeLine]) -> None:
        for each in changes:
            self._waiting[each.order_id] = self._waiting.get(each.order_id, False) or each.from_status is None
        if self._paused:
            self._show_pause()
            return
        await self._catch_up()

    async def _catch_up(self) -> None:
        waiting, self._waiting = self._waiting, {}
        if len(waiting) > _MOST_WAITING:
            await self.reload()
            return
        listing = self.table.listing
        try:
            lines = await self.desk.data.order_lines(waiting)
        except DatabaseUnavailable:
            self._waiting = waiting | self._waiting
            return
        if listing is not self.table.listing:
            return
        fitting = [line for line in lines if self.wanted.fits(line.row.order)]
        gone = {line.key for line in lines} - {line.key for line in fitting}
        self.table.update(fitting, gone, {key for key, new in waiting.items() if new})

    def _grow_older(self) -> None:
        self.table.refresh()

    def redraw(self) -> None:
        super().redraw()
        self.table.refresh()

    # Acting

    async def action_pause(self) -> None:
        self._paused = not self._paused
        self._show_pause()
        if not self._paused and self._waiting:
            await self._catch_up()

    def _show_pause(self) -> None:
        top = self.query_one(TopLine)
        top.paused, top.waiting = self._paused, len(self._waiting)
        top.redraw()

    def on_live_table_moved(self, event: LiveTable.Moved) -> None:
        row = self.table.cursor_row
        number = [] if row is None else ["orders", "show", row.row.order.number]
        self.say_command(command_line(*(number or ["orders", "list"])))

    def action_open(self) -> None:
        self.table.action_choose()

    def action_copy_number(self) -> None:
        if (row := self.table.cursor_row) is not None:
            self.copy(str(row.row.order.number), "order number")
