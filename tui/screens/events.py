"""Stripe's events as they arrive, and their outcomes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import ClassVar

from textual import work
from textual.widget import Widget

from checkout_daemon.events.event_lists import all_events, list_events_named
from checkout_daemon.ledger.event_types import EVENT_TYPES
from checkout_daemon.model.events import EventLine
from checkout_daemon.orders.lookup import find_order
from checkout_daemon.present.event_columns import EVENTS
from checkout_daemon.present.text import plain

from ..actions import Action, command_line
from ..context import AppContext
from ..filters import FAILED, EventChoice
from ..listing import Listing
from ..lists import EventSource
from ..typeahead import ACTING, READING
from ..widgets.chips import Chips
from ..widgets.table import LiveTable
from ..widgets.top_line import TopLine
from .acting import EVENT_ACTIONS, EventActions
from .dialogs import Picker
from .lists import MOST_MARKED, ListScreen
from .looks import Looks
from .marked_rows import MARK_ROWS, dismiss_together, replay_together
from .pick_order import OrderPicker
from .sorting import look_actions

_LOOK_SECONDS = 1.0
_NEWEST = 200  # rows whose status is kept current
_STATUSES = [(status, status) for status in ("applied", "ignored", "failed", "dead", "dismissed")]
_NO_EVENTS = "No events yet. Run `checkout doctor` to see whether Stripe can reach this daemon."
_NO_MATCH = "No event matches. Press 0 to show all."


class EventsScreen(Looks, ListScreen[EventLine], EventActions):
    """The event list. It polls every second, because not every event changes an order."""

    PLACE = "Events"
    LOOK = EVENTS
    LIST_COMMAND = ("events", "list")
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
        *look_actions("events list"),
        Action("0", "clear", "Clear the filters and the sort", "events list"),
        Action("p", "pause", "Pause or follow new events", "events tail", foot="Pause"),
        Action("c", "copy_id", "Copy the event's id"),
        *MARK_ROWS,
    )

    def __init__(self, context: AppContext, choice: EventChoice | None = None) -> None:
        super().__init__(context)
        self.choice = choice or EventChoice()
        self.marked: dict[str, EventLine] = {}
        self.table = self.look_table(self._listing(), empty=_NO_EVENTS, marks=self.marked.keys())
        self._paused = False

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

    def _listing(self) -> Listing[EventLine]:
        return Listing(self.in_sort(EventSource(self.app_context.reads, self.choice.filter())))

    async def show_loaded(self, listing: Listing[EventLine]) -> None:
        await super().show_loaded(listing)
        if not self.gone:
            self._show_chips()

    def _look(self) -> None:
        self.table.tick()
        if not self._paused:
            self.look_again()

    async def look(self) -> None:
        await self.read_newest(_NEWEST)

    # Acting

    @property
    def event_under_cursor(self) -> str | None:
        return None if self.table.cursor_row is None else self.table.cursor_row.key

    def _choose(self, choice: EventChoice) -> None:
        self.choice = choice
        self.table.empty = _NO_MATCH if choice.narrows else _NO_EVENTS
        self.show_in_sort()

    def show_in_sort(self) -> None:
        self.table.show(self._listing())
        self._show_choice()
        self.load(0)

    def _show_choice(self) -> None:
        self._show_chips()
        self.show_command(self.choice.command(*self.sort_options))

    def _show_chips(self) -> None:
        marked = [("unmark", f"● {len(self.marked):,} marked: y replay, X dismiss", True)] if self.marked else []
        chips = [*marked, ("dead_letters", "d dead letters", False), *self.choice.chips(), *self.sort_chips]
        self.query_one(Chips).show(chips, self.cut_note, is_warning=True)

    # Marks

    def on_live_table_mark_wanted(self, event: LiveTable.MarkWanted) -> None:
        rank = self.table.listing.rank_of(event.key)
        item = None if rank is None else self.table.listing.at(rank)
        if self.marked.pop(event.key, None) is None and item is not None:
            self.marked[event.key] = item.row
        self._marks_changed()

    def _marks_changed(self) -> None:
        self.table.refresh()
        self._show_chips()

    def action_mark(self) -> None:
        self.table.action_space()

    @work(group=READING)
    async def action_mark_all(self) -> None:
        """Mark every event that matches the filters, also those that are not in view."""
        found = await self.attempt(self._matching(MOST_MARKED + 1))
        if found is None:
            return
        if len(found) > MOST_MARKED:
            self.failed(f"More than {MOST_MARKED:,} events match: narrow the list first, or use a command.")
            return
        self.marked.update(found)
        self._marks_changed()

    async def _matching(self, limit: int) -> dict[str, EventLine]:
        """Read the events that match the filters, up to a limit."""
        pages = all_events(self.app_context.reads, self.choice.filter(), limit=limit)
        return {event.id: event async for page in pages for event in page}

    def action_unmark(self) -> None:
        self.marked.clear()
        self._marks_changed()

    @work(group=ACTING)
    async def action_replay(self) -> None:
        if not self.marked:
            await self.replay_one()
            return
        oldest_first = sorted(self.marked.values(), key=lambda event: (event.received_at, event.id))
        if await replay_together(self, [event.id for event in oldest_first]) and not self.gone:
            self.action_unmark()

    @work(group=ACTING)
    async def action_dismiss_event(self) -> None:
        if not self.marked:
            await self.dismiss_one()
            return
        dead = await self.attempt(self._marked_dead())
        if dead is not None and await dismiss_together(self, dead) and not self.gone:
            self.action_unmark()

    async def _marked_dead(self) -> list[str]:
        """Read which of the marked events are dead by now."""
        found = await self.app_context.database.run(list_events_named, self.marked)
        return [event.id for event in found if event.status == "dead"]

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
        here = {item.row.type for item in self.table.listing.rows} - set(EVENT_TYPES)
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
        self.choice = EventChoice()
        self.sort_by(self.LOOK.first)
        self._choose(self.choice)

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

    @work(group=READING)
    async def action_order(self) -> None:
        """Open the order of the event. Of one that was not applied, only the number of its order is known."""
        item = self.table.cursor_row
        if item is None:
            return
        order_id, number = item.row.order_id, item.row.number
        if order_id is None and number is not None:
            found = await self.attempt(find_order(self.app_context.reads, str(number)))
            if found is None:
                return
            order_id = found.id
        if order_id is None:
            self.notify("This event is about no order of ours.", timeout=5, markup=False)
        elif not self.gone:
            self.app_context.navigation.order(order_id)

    def action_failed_only(self) -> None:
        self._choose(replace(self.choice, statuses=() if self.choice.statuses else FAILED))

    def action_copy_id(self) -> None:
        if (row := self.table.cursor_row) is not None:
            self.copy(row.key, "event id")
