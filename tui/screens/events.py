"""Stripe's events as they arrive, and their outcomes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import ClassVar

from textual import work
from textual.widget import Widget

from checkout_daemon.errors import DatabaseUnavailable
from checkout_daemon.events.event_lists import EventLine, all_events
from checkout_daemon.ledger.event_types import EVENT_TYPES
from checkout_daemon.orders.terminal_windows import EventRow
from checkout_daemon.present.statuses import tone
from checkout_daemon.present.text import NONE, plain, words
from checkout_daemon.present.times import age, span

from ..actions import Action, command_line
from ..context import AppContext
from ..filters import FAILED, EventChoice
from ..listing import Item, Listing
from ..lists import EventSource
from ..texts import short_event
from ..typeahead import ACTING, READING
from ..widgets.chips import Chips
from ..widgets.columns import Cell, Column
from ..widgets.table import LiveTable
from ..widgets.top_line import TopLine
from .acting import EVENT_ACTIONS, EventActions
from .dialogs import Picker
from .lists import ListScreen
from .marked_rows import MARK_ROWS, MOST_MARKED, dismiss_together, replay_together
from .pick_order import OrderPicker

_LOOK_SECONDS = 1.0
_NEWEST = 200  # rows whose status is kept current
_STATUSES = [(status, status) for status in ("applied", "ignored", "failed", "dead", "dismissed")]
_NO_EVENTS = "No events yet. Run `checkout doctor` to see whether Stripe can reach this daemon."
_NO_MATCH = "No event matches. Press 0 to show all."


class EventsScreen(ListScreen[EventRow], EventActions):
    """The event list. It polls every second, because not every event changes an order."""

    PLACE = "Events"
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("escape", "dismiss", "Back", foot="Back"),
        Action("enter", "open", "Show the payload", "events show EVENT", foot="Payload"),
        Action("o", "order", "Open its order", "orders show ORDER", foot="Order"),
        *EVENT_ACTIONS,
        Action("d", "dead_letters", "Failed events by error", "events replay --fingerprint FINGERPRINT", foot="Dead"),
        Action("u", "failed_only", "Show only failed events", "events list --status failed --status dead"),
        Action("s", "statuses", "Filter by status", "events list --status STATUS"),
        Action("t", "types", "Filter by type", "events list --type TYPE"),
        Action("slash", "order_of", "Filter by order", "events list --order ORDER", show_key="/"),
        Action("0", "clear", "Clear the filters", "events list"),
        Action("p", "pause", "Pause or follow new events", "events tail", foot="Pause"),
        Action("c", "copy_id", "Copy the event's id"),
        *MARK_ROWS,
    )

    def __init__(self, context: AppContext, choice: EventChoice | None = None) -> None:
        self.choice = choice or EventChoice()
        listing = Listing(EventSource(context.reads, self.choice.filter()))
        self.marked: dict[str, EventLine] = {}
        table = LiveTable(listing, _columns, _cells, empty=_NO_EVENTS, marks=self.marked.keys())
        super().__init__(context, table)
        self._paused = False
        self._looking = False

    @property
    def place(self) -> tuple[object, ...]:
        return (self.PLACE, self.choice)

    def body(self) -> Iterable[Widget]:
        return Chips(), self.table

    def on_mount(self) -> None:
        self.table.focus()
        self._show_choice()
        self.look_every(_LOOK_SECONDS, self._look)
        self.load(0)

    # Reading

    def _look(self) -> None:
        self.table.tick()
        if not self._paused and not self._looking:
            self._look_for_new()

    @work(group="look")
    async def _look_for_new(self) -> None:
        self._looking = True
        listing = self.table.listing
        newest = listing.at(0)
        try:
            page = await listing.source.page(None, _NEWEST)
        except DatabaseUnavailable:
            return
        finally:
            self._looking = False
        if not self.gone and listing is self.table.listing:
            new = {item.key for item in page if newest is None or item.place > newest.place}
            self.table.update(page, _left(listing, page), new)

    # Acting

    @property
    def event_under_cursor(self) -> str | None:
        return None if self.table.cursor_row is None else self.table.cursor_row.key

    def _choose(self, choice: EventChoice) -> None:
        self.choice = choice
        self.table.empty = _NO_MATCH if choice.narrows else _NO_EVENTS
        self.table.show(Listing(EventSource(self.app_context.reads, choice.filter())))
        self._show_choice()
        self.load(0)

    def _show_choice(self) -> None:
        self._show_chips()
        self.show_command(self.choice.command())

    def _show_chips(self) -> None:
        marked = [("unmark", f"● {len(self.marked):,} marked: y replay, X dismiss", True)] if self.marked else []
        self.query_one(Chips).show([*marked, ("dead_letters", "d dead letters", False), *self.choice.chips()])

    # Marks

    def on_live_table_mark_wanted(self, event: LiveTable.MarkWanted) -> None:
        rank = self.table.listing.rank_of(event.key)
        item = None if rank is None else self.table.listing.at(rank)
        if self.marked.pop(event.key, None) is None and item is not None:
            self.marked[event.key] = item.row.event
        self._marks_changed()

    def _marks_changed(self) -> None:
        self.table.refresh()
        self._show_chips()

    def action_mark(self) -> None:
        self.table.action_space()

    @work(group=READING)
    async def action_mark_all(self) -> None:
        """Mark every event that matches the filters, also those that are not in view."""
        found: dict[str, EventLine] = {}
        async for page in all_events(self.app_context.reads, self.choice.filter(), limit=MOST_MARKED + 1):
            found |= {event.id: event for event in page}
        if len(found) > MOST_MARKED:
            self.failed(f"More than {MOST_MARKED:,} events match: narrow the list first, or use a command.")
            return
        self.marked.update(found)
        self._marks_changed()

    def action_unmark(self) -> None:
        self.marked.clear()
        self._marks_changed()

    @work(group=ACTING)
    async def action_replay(self) -> None:
        if not self.marked:
            await self.replay_one()
            return
        oldest_first = sorted(self.marked.values(), key=lambda event: (event.received_at, event.id))
        if await replay_together(self, [event.id for event in oldest_first]):
            self.action_unmark()

    @work(group=ACTING)
    async def action_dismiss_event(self) -> None:
        if not self.marked:
            await self.dismiss_one()
        elif await dismiss_together(self, [event.id for event in self.marked.values() if event.status == "dead"]):
            self.action_unmark()

    async def action_dismiss(self, result: None = None) -> None:
        """Unmark first; without marks, go back."""
        if self.marked:
            self.action_unmark()
        else:
            await super().action_dismiss(result)

    @work(group=ACTING)
    async def action_statuses(self) -> None:
        chosen = await self.app.push_screen_wait(Picker("Show events with status", _STATUSES, self.choice.statuses))
        if chosen is not None:
            self._choose(replace(self.choice, statuses=chosen))

    @work(group=ACTING)
    async def action_types(self) -> None:
        """Offer the types that the daemon handles, and the others in the list."""
        here = {item.row.event.type for item in self.table.listing.rows} - set(EVENT_TYPES)
        options = [(name, plain(name)) for name in (*EVENT_TYPES, *sorted(here))]
        chosen = await self.app.push_screen_wait(Picker("Show events of type", options, self.choice.types))
        if chosen is not None:
            self._choose(replace(self.choice, types=chosen))

    @work(group=ACTING)
    async def action_order_of(self) -> None:
        order = await self.app.push_screen_wait(OrderPicker(self.app_context, "Show events of which order?", ()))
        if order is not None:
            self._choose(replace(self.choice, order=(order.id, order.number)))

    def action_clear(self) -> None:
        self._choose(EventChoice())

    def action_pause(self) -> None:
        self._paused = not self._paused
        top = self.query_one(TopLine)
        top.paused = self._paused
        top.redraw()
        self._look()

    def on_live_table_moved(self, event: LiveTable.Moved) -> None:
        if event.by_hand and event.key is not None:
            self.show_command(command_line("events", "show", event.key))

    def on_live_table_chosen(self, event: LiveTable.Chosen) -> None:
        self.app_context.navigation.event(event.key)

    def action_order(self) -> None:
        item = self.table.cursor_row
        if item is not None and item.row.event.order_id is not None:
            self.app_context.navigation.order(item.row.event.order_id)

    def action_failed_only(self) -> None:
        self._choose(replace(self.choice, statuses=() if self.choice.statuses else FAILED))

    def action_copy_id(self) -> None:
        if (row := self.table.cursor_row) is not None:
            self.copy(row.key, "event id")


def _left(listing: Listing[EventRow], page: Sequence[Item[EventRow]]) -> list[str]:
    """Return the rows that no longer match: a page of the newest should have them, and does not."""
    keys = {item.key for item in page}
    whole = len(page) < _NEWEST
    return [row.key for row in listing.rows if row.key not in keys and (whole or row.place > page[-1].place)]


_FIXED = (
    Column("Age", 4, right=True),
    Column("Status", 8),
    Column("Order", 7, right=True),
    Column("Tries", 5, right=True),
    Column("Delay", 5, right=True),
)
_ID = 30
_WIDE = 110
_TYPE, _SHORT_TYPE = 40, 31  # the longest type that we handle, whole and shortened
_LEAST_REASON = 14


def _columns(width: int) -> Sequence[Column]:
    room = width - 1 - sum(column.width + 2 for column in _FIXED)
    if width < _WIDE:
        return (*_FIXED, Column("Type", room))
    left = room - _ID - 2  # for the type, which comes first, and a reason
    kind = _TYPE if left >= _TYPE + 2 + _LEAST_REASON else _SHORT_TYPE
    if left < kind + 2 + _LEAST_REASON:
        return (*_FIXED, Column("Type", left), Column("Event", _ID))
    return (*_FIXED, Column("Type", kind), Column("Event", _ID), Column("Reason", left - kind - 2))


def _cells(row: EventRow, columns: Sequence[Column]) -> Iterable[Cell]:
    event = row.event
    delay = NONE if event.created_at is None else span((event.received_at - event.created_at).total_seconds())
    yield age(event.received_at, datetime.now(UTC)), "table--muted"
    yield event.status, f"table--{tone('event', event.status)}"
    yield str(row.number or NONE), ""
    yield str(event.attempts), "table--muted" if event.attempts < 2 else "table--waiting"
    yield delay, "table--muted"
    kind, width = plain(event.type), columns[len(_FIXED)].width
    yield (kind if len(kind) <= width else short_event(kind)), ""
    why = event.last_error if event.status in FAILED else words(event.reason or "")
    yield from ((event.id, "table--muted"), (plain(why or ""), "table--muted"))[: len(columns) - len(_FIXED) - 1]
