"""The first screen: the live list of orders, its filters, and today's figures."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from time import monotonic
from typing import ClassVar

from textual import work
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

from checkout_daemon.errors import DatabaseUnavailable
from checkout_daemon.ledger.change_log import ChangeLine
from checkout_daemon.model.orders import OrderStatus
from checkout_daemon.orders import terminal_windows
from checkout_daemon.orders.figures import read_figures
from checkout_daemon.orders.lookup import add_search
from checkout_daemon.orders.order_lists import OrderFilter
from checkout_daemon.orders.terminal_windows import OrderRow
from checkout_daemon.present.text import counted, words
from tui.actions import Action, command_line
from tui.context import AppContext
from tui.filters import Choice
from tui.latest import Latest
from tui.listing import Listing
from tui.lists import OrderSource, order_item
from tui.screens.lists import ListScreen
from tui.screens.orders_columns import cells, columns
from tui.typeahead import ACTING
from tui.widgets.chips import Chips
from tui.widgets.entry import SearchBox
from tui.widgets.figures import FiguresBar
from tui.widgets.table import Column, LiveTable
from tui.widgets.top_line import TopLine

_MOST_WAITING = 2000
_FIGURES_SECONDS = 10.0
_FIGURES_AFTER_CHANGE_SECONDS = 2.0
_FIGURES_SHARE = 50  # spend at most one part in this many of the time on reading figures
_SEARCH_PAUSE_SECONDS = 0.08
_LOOK_SECONDS = 2.0
_STATUSES = [(status.value, words(status)) for status in OrderStatus]
_NO_ORDERS = "No orders yet. The first one appears here when somebody goes to Checkout."
_NO_MATCH = "No order matches. Press 0 to show all."


class OrdersScreen(ListScreen[OrderRow]):
    """The order list. Rows change in place; while it is paused, changes wait."""

    class Shown(Message):
        """The first rows are shown."""

    PLACE = "Orders"
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("enter", "open", "Open the order", "orders show ORDER", foot="Open"),
        Action("slash", "search", "Search numbers, names, emails, ids", "orders list --search TEXT", show_key="/"),
        Action("s", "statuses", "Filter by status", "orders list --status STATUS"),
        Action("a", "attention", "Show only what needs attention", "orders list --attention"),
        Action("t", "span", "Show only the last hour, day, week or month", "orders list --since 24h"),
        Action("0", "clear", "Clear the filters", "orders list"),
        Action("e", "events", "Stripe's events as they arrive", "events list", foot="Events"),
        Action("T", "open_trigger", "Trigger a test event at Stripe", "trigger EVENT", foot="Trigger"),
        Action("H", "open_health", "Health checks, and how to fix what fails", "doctor", foot="Health"),
        Action("p", "pause", "Pause or follow changes", "orders watch", foot="Pause"),
        Action("c", "copy_number", "Copy the order's number", "orders show ORDER", foot="Copy"),
    )

    def __init__(self, context: AppContext) -> None:
        self.wanted = OrderFilter()
        listing = Listing(OrderSource(context.database, self.wanted))
        super().__init__(context, LiveTable(listing, columns, self._cells, empty=_NO_ORDERS))
        self.choice = Choice()
        self._applied = self.choice
        self._choices = Latest(self._narrow)
        self._paused = False
        self._waiting: dict[str, bool] = {}  # order id -> whether the order is new
        self._catching_up = asyncio.Lock()  # show reads in the order in which they started
        self._figures_due = 0.0
        self._figures_busy = False
        self._search_box = SearchBox("number, name, email, or an id of ours or Stripe's")

    def body(self) -> Iterable[Widget]:
        yield FiguresBar(self.app_context)
        yield Chips()
        yield self._search_box
        yield self.table

    def on_mount(self) -> None:
        self.table.focus()
        self._show_choice()
        self.show_command(self.choice.command())
        self.set_interval(1, self._every_second)
        self.look_every(_LOOK_SECONDS, self._look)
        self._begin()

    def _cells(self, row: OrderRow, layout: Sequence[Column]) -> Iterable[tuple[str, str]]:
        return cells(row, layout, datetime.now(UTC), self.app_context)

    # Reading

    @work(group="rows")
    async def _begin(self) -> None:
        """Load the rows first: counting and figures keep the database of a big shop busy."""
        with suppress(DatabaseUnavailable):  # reload() follows once the database is back
            await self._rows.ask(0)
        self.post_message(self.Shown())
        self._read_figures()

    async def show_loaded(self, listing: Listing[OrderRow]) -> None:
        await self._show_rows(listing)
        if not listing.counted:
            await listing.count()
            await self._show_rows(listing)

    async def _show_rows(self, listing: Listing[OrderRow]) -> None:
        await super().show_loaded(listing)
        if not self.gone and listing is self.table.listing:
            self._show_choice()

    async def reload(self) -> None:
        await super().reload()
        self._figures_due = 0.0
        await self._catch_up()

    async def changed(self, changes: list[ChangeLine]) -> None:
        for change in changes:
            new = self._waiting.get(change.order_id, False) or change.from_status is None
            self._waiting[change.order_id] = new
        self._figures_due = min(self._figures_due, monotonic() + _FIGURES_AFTER_CHANGE_SECONDS)
        if self._paused:
            self._show_pause()
            return
        await self._catch_up()

    def _look(self) -> None:
        """Read the visible orders again: an event that does not change its order sends no notification."""
        if not self._paused:
            for key in self.table.keys_in_view:
                self._waiting.setdefault(key, False)
            self.run_worker(self._catch_up(), group="look")

    async def _catch_up(self) -> None:
        async with self._catching_up:
            await self._read_waiting()

    async def _read_waiting(self) -> None:
        if self._paused or not self._waiting:
            return
        waiting, self._waiting = self._waiting, {}
        if len(waiting) > _MOST_WAITING:
            self.load(self.table.cursor_rank)
            return
        listing, wanted = self.table.listing, self.wanted
        if wanted == OrderFilter() and not listing.loading:
            # Without a filter, other changed orders are outside the window and stay there.
            loaded = listing.keys
            waiting = {key: new for key, new in waiting.items() if new or key in loaded}
            if not waiting:
                return
        try:
            items = [order_item(row) for row in await terminal_windows.rows_of(self.app_context.database, waiting)]
        except DatabaseUnavailable:
            self._waiting = waiting | self._waiting
            return
        if not self.gone and listing is self.table.listing:
            fitting = [item for item in items if wanted.fits(item.row.order)]
            gone = {item.key for item in items} - {item.key for item in fitting}
            self.table.update(fitting, gone, {key for key, new in waiting.items() if new})
            self._show_choice()

    def _every_second(self) -> None:
        self.table.refresh()  # ages
        if monotonic() >= self._figures_due and not self._figures_busy and self.app_context.lost_at is None:
            self._read_figures()

    @work(group="figures")
    async def _read_figures(self) -> None:
        self._figures_busy = True
        self._figures_due = monotonic() + _FIGURES_SECONDS
        started, context = monotonic(), self.app_context
        try:
            figures = await read_figures(
                context.database, datetime.now(UTC), context.time_zone, livemode=context.livemode
            )
        except DatabaseUnavailable:
            return
        finally:
            self._figures_busy = False
        if not self.gone:
            self.query_one(FiguresBar).show(figures)
        # A busy day makes figures slower to read, so read them less often.
        self._figures_due = max(self._figures_due, monotonic() + _FIGURES_SHARE * (monotonic() - started))

    # Narrowing

    @property
    def settled(self) -> bool:
        return self._applied == self.choice

    def _choose(self, choice: Choice) -> None:
        self.choice = choice
        self._show_choice()
        self._apply_choice()

    @work(group="choice")
    async def _apply_choice(self) -> None:
        with suppress(DatabaseUnavailable):
            await self._choices.ask(self.choice)

    async def _narrow(self, choice: Choice) -> None:
        if choice.search:
            await asyncio.sleep(_SEARCH_PAUSE_SECONDS)  # wait for the typing to pause
            if choice != self.choice:
                return
        wanted = choice.filter()
        if choice.search:
            wanted = await add_search(self.app_context.database, wanted, choice.search)
        listing = Listing(OrderSource(self.app_context.database, wanted))
        await listing.load(0)
        if self.gone or choice != self.choice:
            return
        self.wanted, self._applied = wanted, choice
        self.table.empty = _NO_MATCH if choice.narrows else _NO_ORDERS
        self.table.show(listing, keep=not choice.search)
        self.show_command(choice.command())
        await self.show_loaded(listing)

    def _show_choice(self) -> None:
        listing = self.table.listing
        count = counted(listing.height, "order") if listing.counted else ""
        self.query_one(Chips).show(self.choice.chips(), count)

    @work(group=ACTING)
    async def action_statuses(self) -> None:
        from tui.screens.dialogs import Picker

        chosen = await self.app.push_screen_wait(Picker("Show orders with status", _STATUSES, self.choice.statuses))
        if chosen is not None:
            self._choose(replace(self.choice, statuses=chosen))

    def action_attention(self) -> None:
        self._choose(replace(self.choice, attention=not self.choice.attention))

    def action_span(self) -> None:
        self._choose(replace(self.choice, span=self.choice.next_span()))

    def action_clear(self) -> None:
        self._search_box.value = ""
        self._leave_search()
        self._choose(Choice())

    # Searching

    def action_search(self) -> None:
        self._search_box.open()

    def on_input_changed(self, event: Input.Changed) -> None:
        if event.value.strip() != self.choice.search:
            self._choose(replace(self.choice, search=event.value.strip()))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self._leave_search()

    def key_escape(self) -> None:
        """Close the search and clear it."""
        if self._search_box.display or self.choice.search:
            self._search_box.value = ""
            self._leave_search()
            self._choose(replace(self.choice, search=""))

    def key_down(self) -> None:
        if self._search_box.has_focus:
            self._leave_search()

    def _leave_search(self) -> None:
        self._search_box.display = False
        self.table.focus()

    # Acting

    async def action_pause(self) -> None:
        self._paused = not self._paused
        self._show_pause()
        await self._catch_up()

    def _show_pause(self) -> None:
        top = self.query_one(TopLine)
        top.paused, top.waiting = self._paused, len(self._waiting)
        top.redraw()

    def on_live_table_moved(self, event: LiveTable.Moved) -> None:
        item = self.table.cursor_row
        if event.by_hand and item is not None:
            self.show_command(command_line("orders", "show", item.row.order.number))

    def on_live_table_chosen(self, event: LiveTable.Chosen) -> None:
        self.app_context.navigation.order(event.key)

    def action_copy_number(self) -> None:
        if (item := self.table.cursor_row) is not None:
            self.copy(str(item.row.order.number), "order number")
