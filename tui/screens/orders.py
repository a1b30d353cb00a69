"""The first screen: the live list of orders, its filters, and today's figures."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import ClassVar

from textual import work
from textual.app import SystemCommand
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

from checkout_daemon.errors import DatabaseUnavailable
from checkout_daemon.ledger.change_log import ChangeLine
from checkout_daemon.model.order_rows import OrderRow
from checkout_daemon.model.orders import Order, OrderStatus
from checkout_daemon.orders.lookup import read_filter
from checkout_daemon.orders.order_filter import Condition, OrderFilter
from checkout_daemon.orders.order_pages import orders_that_fit
from checkout_daemon.orders.order_query import InvalidQuery
from checkout_daemon.present.text import plain, words

from ..actions import Action, command_line
from ..context import AppContext
from ..filters import Choice
from ..latest import Latest
from ..listing import Listing
from ..lists import OrderSource, length_words
from ..typeahead import ACTING, READING
from ..widgets.chips import Chips
from ..widgets.figures import TODAY_COUNTS, FiguresBar
from ..widgets.filter_box import FilterBox, FilterHint
from ..widgets.table import LiveTable
from ..widgets.tabs import Tabs
from ..widgets.top_line import TopLine
from .orders_figures import OrderFigures
from .orders_marked import MARK_ACTIONS
from .orders_sorting import remembered_sort
from .orders_tabs import TabActions
from .sorting import look_actions

_MOST_WAITING = 2000
_FIGURES_AFTER_CHANGE_SECONDS = 2.0
_SEARCH_PAUSE_SECONDS = 0.08
_LOOK_SECONDS = 2.0
_STATUSES = [(status.value, words(status)) for status in OrderStatus]
_NO_ORDERS = "No orders yet. The first one appears here when somebody goes to Checkout."
_NO_MATCH = "No order matches. Press 0 to show all."
_NO_NEW_MATCH = "None of the newest orders matches. Older ones were not searched: search for more of the text."


class OrdersScreen(TabActions, OrderFigures):
    """The order list. Rows change in place; while it is paused, changes wait."""

    class Shown(Message):
        """The first rows of the first screen are shown."""

    PLACE = "Orders"
    CONFIG_NAME = "orders"
    REMARKS: ClassVar[tuple[str, ...]] = (TODAY_COUNTS,)
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("escape", "back", "Close the search, unmark, or go back"),
        Action("D", "open_todo", "What needs a person, by deadline and money", "todo", foot="To do"),
        Action("enter", "open", "Open the order", "orders show ORDER", foot="Open"),
        Action("slash", "search", "Filter by words, keys and values", "orders list --filter TEXT", show_key="/"),
        Action("s", "statuses", "Filter by status", "orders list --status STATUS"),
        Action("a", "attention", "Show only what needs attention", "orders list --attention"),
        Action("t", "span", "Show only a time range", "orders list --since monday --until today"),
        *look_actions("orders list"),
        Action("0", "clear", "Clear the filters and the sort", "orders list"),
        Action("e", "events", "Stripe's events as they arrive", "events list", foot="Events"),
        Action("T", "open_trigger", "Trigger a test event at Stripe", "trigger EVENT", foot="Trigger"),
        Action("H", "open_health", "Health checks, and how to fix what fails", "doctor", foot="Health"),
        Action("p", "pause", "Pause or follow changes", "orders watch", foot="Pause"),
        Action("c", "copy_number", "Copy the order's number", "orders show ORDER", foot="Copy"),
        *MARK_ACTIONS,
    )

    def __init__(self, context: AppContext, choice: Choice | None = None) -> None:
        """Show the orders of a choice. Without one, all of them, as the first screen, from which nothing goes back."""
        self._first_choice = choice or Choice(sort=remembered_sort(context))
        listing = Listing(OrderSource(context.reads, OrderFilter(), self._first_choice.sort))
        marked: dict[str, Order] = {}
        table = LiveTable(listing, self.layout_columns, self.cells_of, empty=_NO_ORDERS, marks=marked.keys())
        super().__init__(context, table, marked, self._first_choice)
        self._is_first = choice is None
        self._choices = Latest(self._narrow)
        self._paused = False
        self._waiting: dict[str, bool] = {}  # order id -> whether the order is new
        self._meanwhile: dict[str, bool] | None = None  # the same, while another list is being read
        self._catching_up = asyncio.Lock()  # show reads in the order in which they started
        self._hint = FilterHint()
        self._search_box = FilterBox(self._hint, context.time_zone)

    @property
    def place(self) -> tuple[object, ...]:
        return (self.PLACE, self.choice)

    def body(self) -> Iterable[Widget]:
        yield FiguresBar(self.app_context)
        yield Tabs()
        yield Chips()
        yield self._search_box
        yield self._hint
        yield self.table

    def on_mount(self) -> None:
        self.table.focus()
        self.show_sort()
        self.query_one(TopLine).counts = False  # the figures below it do
        self.source.orders.parts |= self.parts
        self._show_choice()
        self.show_list_command()
        self.set_interval(1, self._every_second)
        self.look_every(_LOOK_SECONDS, self._look)
        self._begin()

    def neighbour(self, order_id: str, by: int) -> str | None:
        """Move the cursor from an order to the one before or after it, and return that one's id; None at an end."""
        if self.table.cursor_key != order_id:
            return None
        self.table.action_move(by)
        row = self.table.cursor_row
        return None if row is None or row.key == order_id else row.key

    # Reading

    @work(group=READING)
    async def _begin(self) -> None:
        """Load the rows first: counting and figures keep the database of a big shop busy."""
        try:
            if self.listed is None:
                await self._choices.ask(self.choice)
            else:
                await self._rows.ask(0)
        except DatabaseUnavailable:
            self.read_again_soon()
        if self._is_first:
            self.post_message(self.Shown())
        self.load_figures()

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
        self.source.orders.forget()
        if self.listed == self.choice:
            await super().reload()
        else:
            self._apply_choice()
        self.want_figures()
        await self._catch_up()

    async def changed(self, changes: list[ChangeLine]) -> None:
        for change in changes:
            new = self._waiting.get(change.order_id, False) or change.from_status is None
            self._waiting[change.order_id] = new
            if self._meanwhile is not None:
                self._meanwhile[change.order_id] = new
        self.want_figures(_FIGURES_AFTER_CHANGE_SECONDS)
        if self._paused:
            self._show_pause()
        elif self.in_view:
            await self._catch_up()

    async def on_screen_resume(self) -> None:
        """Catch up with what changed while another screen was in front."""
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
        source = self.source
        if wanted == OrderFilter() and self.choice.sort.is_lasting and not listing.loading:
            # Without a filter, other changed orders are outside the window and stay there.
            loaded = listing.keys
            waiting = {key: new for key, new in waiting.items() if new or key in loaded}
            if not waiting:
                return
        try:
            items = await source.items(waiting)
            fit = await orders_that_fit(self.app_context.reads, [item.row.order for item in items], wanted)
        except DatabaseUnavailable:
            self._waiting = waiting | self._waiting
            self.read_again_soon()
            return
        if not self.gone and listing is self.table.listing:  # another one that is shown by now has them, see _narrow
            fitting = [item for item in items if item.key in fit]
            gone = {item.key for item in items} - fit
            source.orders.note([item.row for item in fitting], gone)
            self.table.update(fitting, gone, {key for key, new in waiting.items() if new})
            self._show_choice()

    def _every_second(self) -> None:
        if self.is_current:
            self.table.tick()
            if not self._paused and self.app_context.lost_at is None:
                self.move_each_minute()
        if self._is_first or self.is_current:
            self.read_due_figures()

    # Narrowing

    def choose(self, choice: Choice) -> None:
        sort, self.choice = self.sort, choice
        if choice.sort != sort:
            self.remember_sort()
        self.show_sort()
        self._show_choice()
        self._apply_choice()

    @work(group=READING)
    async def _apply_choice(self) -> None:
        try:
            await self._choices.ask(self.choice)
        except DatabaseUnavailable:
            self.read_again_soon()

    async def _narrow(self, choice: Choice) -> None:
        if choice.search:
            await asyncio.sleep(_SEARCH_PAUSE_SECONDS)  # wait for the typing to pause
            if choice != self.choice:
                return
        reads, zone, now = self.app_context.reads, self.app_context.time_zone, datetime.now(UTC)
        wanted, fault = choice.filter(zone, now), ""
        if choice.search:
            try:
                wanted = await read_filter(reads, choice.search, time_zone=zone, now=now, wanted=wanted)
            except InvalidQuery as error:  # with the chosen time, which the box does not know
                fault, wanted = plain(error.detail), OrderFilter(conditions=(Condition("ids"),))
        listing = Listing(OrderSource(reads, wanted, choice.sort, self.parts))
        self._meanwhile = {}
        try:
            await listing.load(0)
            await self.find_marks(wanted)
        finally:
            meanwhile, self._meanwhile = self._meanwhile, None
        if self.gone or choice != self.choice:
            return
        self.wanted, self.listed = wanted, choice
        no_match = _NO_MATCH if listing.source.whole else _NO_NEW_MATCH
        self.table.empty = fault or (no_match if choice.narrows else _NO_ORDERS)
        self.table.show(listing, keep=not choice.search)
        # Those were shown in the list before, if at all, and may be newer than what was read.
        self._waiting = meanwhile | self._waiting
        self.show_list_command()
        await self.show_loaded(listing)
        await self._catch_up()

    def redraw(self) -> None:
        super().redraw()
        self._show_choice()

    def show_marks(self) -> None:
        super().show_marks()
        self._show_choice()

    def _show_choice(self) -> None:
        self.show_tabs()
        listing = self.table.listing
        if self.marked:
            chips, note = self.marks_chips()
            self.query_one(Chips).show(chips, note, is_warning=True)
        elif self.source.orders.cut is not None:
            self.query_one(Chips).show(self.shown_choice.chips(), f"sorted {self.source.orders.cut}", is_warning=True)
        elif listing.source.whole:
            self.query_one(Chips).show(self.shown_choice.chips(), length_words(listing) if listing.counted else "")
        else:
            self.query_one(Chips).show(self.shown_choice.chips(), "searched the newest only", is_warning=True)

    @work(group=ACTING)
    async def action_statuses(self) -> None:
        from .dialogs import Picker

        if self.may_act:
            self.action_sync_marked()
            return
        chosen = await self.app.push_screen_wait(Picker("Show orders with status", _STATUSES, self.choice.statuses))
        if chosen is not None:
            self.choose(replace(self.choice, statuses=chosen))

    def action_attention(self) -> None:
        if self.may_act:
            self.action_acknowledge_marked()
            return
        self.choose(replace(self.choice, attention=not self.choice.attention))

    @work(group=ACTING)
    async def action_span(self) -> None:
        from .time_range import TimeRangeBox

        chosen = await self.app.push_screen_wait(TimeRangeBox(self.app_context.time_zone, self.choice.span))
        if chosen is not None:
            self.choose(replace(self.choice, span=chosen))

    def action_clear(self) -> None:
        self._search_box.value = ""
        self._leave_search()
        self.choose(Choice())

    # Searching

    def action_search(self) -> None:
        self._search_box.open()

    def on_input_changed(self, event: Input.Changed) -> None:
        text = self._search_box.check()
        if text is not None and text != self.choice.search:
            self.choose(replace(self.choice, search=text))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if not self._search_box.faulty:
            self._leave_search()

    def action_back(self) -> None:
        """Close the search and clear it; else unmark; else go back to where this list was opened."""
        first = self._first_choice.search
        if self._search_box.display or self.choice.search != first:
            self._search_box.value = first
            self._leave_search()
            self.choose(replace(self.choice, search=first))
        elif self.marked:
            self.action_unmark()
        elif not self._is_first:
            self.dismiss()

    def key_down(self) -> None:
        if self._search_box.has_focus and not self._search_box.faulty:
            self._leave_search()

    def _leave_search(self) -> None:
        self._search_box.close()
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

    def palette(self) -> Iterable[SystemCommand]:
        """Yield also what can be done to the order under the cursor: it is opened first."""
        yield from super().palette()
        item = self.table.cursor_row
        if item is None:
            return
        for action in self.app_context.navigation.order_actions():
            if action.command and not (action.writes and self.app_context.read_only):
                then = partial(self.app_context.navigation.order, item.key, action.name)
                yield SystemCommand(f"Order {item.row.order.number}: {action.description}", action.command, then)

    def action_copy_number(self) -> None:
        if (item := self.table.cursor_row) is not None:
            self.copy(str(item.row.order.number), "order number")
