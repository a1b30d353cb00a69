"""Failed events, grouped by error fingerprint: fix the error once, replay its events together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import ClassVar

from textual import work
from textual.widget import Widget

from checkout_daemon.errors import DatabaseUnavailable
from checkout_daemon.events.event_lists import ErrorGroup, EventFilter
from checkout_daemon.events.replaying import events_to_replay
from checkout_daemon.present.text import plain
from checkout_daemon.present.times import age
from tui.actions import Action, command_line
from tui.context import AppContext
from tui.filters import EventChoice
from tui.listing import Listing
from tui.lists import ErrorGroupSource
from tui.screens.acting import ActingScreen
from tui.screens.dialogs import Choose
from tui.screens.replay_run import ReplayRun
from tui.typeahead import ACTING
from tui.widgets.chips import Chips
from tui.widgets.table import Cell, Column, LiveTable

_LOOK_SECONDS = 2.0
_NOTHING = "Nothing has failed: every event was applied or ignored."


class DeadLettersScreen(ActingScreen):
    """The list of error groups."""

    PLACE = "Dead letters"
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("escape", "dismiss", "Back", foot="Back"),
        Action("d", "dismiss", "Back to the events", "events list"),
        Action(
            "enter", "events", "Show the events with this error", "events list --fingerprint FINGERPRINT", foot="Events"
        ),
        Action(
            "y",
            "replay",
            "Replay one event, then the rest",
            "events replay --fingerprint FINGERPRINT",
            "Replay",
            writes=True,
        ),
        Action("x", "example", "Show the payload of an example", "events show EVENT", foot="Example"),
        Action("c", "copy_fingerprint", "Copy the error's fingerprint", foot="Copy"),
    )

    def __init__(self, context: AppContext) -> None:
        super().__init__(context)
        listing = Listing(ErrorGroupSource(context.database))
        self.table = LiveTable(listing, _columns, _cells, empty=_NOTHING)

    def body(self) -> Iterable[Widget]:
        return Chips(), self.table

    def on_mount(self) -> None:
        self.table.focus()
        self.query_one(Chips).show([("dismiss", "d events", False), ("", "dead letters", True)])
        self.show_command(command_line("events", "list", "--status", "failed", "--status", "dead"))
        self.look_every(_LOOK_SECONDS, self._look)
        self._load()

    # Reading

    @work(group="errors")
    async def _load(self) -> None:
        try:
            await self.table.listing.load(0)
        except DatabaseUnavailable:
            return
        if not self.gone:
            self.table.rows_arrived()

    @work(group="look", exclusive=True)
    async def _look(self) -> None:
        """Read the groups again. A group whose error occurred again has a new place at the top."""
        listing = self.table.listing
        try:
            found = await listing.source.page(None, 0)
        except DatabaseUnavailable:
            return
        if self.gone:
            return
        keys = {item.key for item in found}
        self.table.update(found, [row.key for row in listing.rows if row.key not in keys])

    async def reload(self) -> None:
        self._load()

    # Acting

    def on_live_table_moved(self, event: LiveTable.Moved) -> None:
        if event.by_hand and event.key is not None:
            self.show_command(command_line("events", "list", "--fingerprint", event.key))

    def on_live_table_chosen(self, event: LiveTable.Chosen) -> None:
        self.app_context.navigation.events(EventChoice(fingerprint=event.key))

    def action_events(self) -> None:
        self.table.action_choose()

    @work(group=ACTING)
    async def action_replay(self) -> None:
        row = self.table.cursor_row
        if row is None:
            return
        group = row.row
        event_ids: Sequence[str] = ()
        async with self.doing(command_line("events", "replay", "--fingerprint", group.fingerprint)):
            wanted = EventFilter(fingerprint=group.fingerprint)
            event_ids = [event.id for event in await events_to_replay(self.app_context.database, wanted)]
        if not event_ids:
            return
        question = (
            f"{plain(group.error)}\n\nIs it fixed? The oldest event, {event_ids[0]}, is replayed first. "
            "The replay stops at the first event that fails again."
        )
        options = [("", "No")]
        if len(event_ids) > 1:
            others = f" {len(event_ids) - 1}" if len(event_ids) > 2 else ""
            options.append(("all", f"Replay one, then the other{others}"))
        options.append(("one", "Replay one only"))
        chosen = await self.app.push_screen_wait(Choose("Replay", options, question=question))
        if chosen == "one":
            event_ids = event_ids[:1]
            self.show_command(command_line("events", "replay", event_ids[0]))
        if chosen:
            await self.app.push_screen_wait(ReplayRun(self.app_context.database, event_ids))
            if not self.gone:
                self._look()

    def action_example(self) -> None:
        if (row := self.table.cursor_row) is not None:
            self.app_context.navigation.event(row.row.example_id)

    def action_copy_fingerprint(self) -> None:
        if (row := self.table.cursor_row) is not None:
            self.copy(row.key, "fingerprint")


_FIXED = (
    Column("Error", 8),
    Column("Events", 6, right=True),
    Column("Dead", 6, right=True),
    Column("First", 5, right=True),
    Column("Last", 5, right=True),
)
_WIDE = 110
_TYPES = 36


def _columns(width: int) -> Sequence[Column]:
    room = width - 1 - sum(column.width + 2 for column in _FIXED)
    if width < _WIDE:
        return (*_FIXED, Column("What failed", room))
    return (*_FIXED, Column("Types", _TYPES), Column("What failed", room - _TYPES - 2))


def _cells(group: ErrorGroup, columns: Sequence[Column]) -> Iterable[Cell]:
    now = datetime.now(UTC)
    yield group.fingerprint, "table--busy"
    yield f"{group.events:,}", ""
    yield (f"✗ {group.dead:,}", "table--alarm") if group.dead else ("0", "table--muted")
    yield age(group.first_at, now), "table--muted"
    yield age(group.last_at, now), "table--muted"
    if len(columns) > len(_FIXED) + 1:
        yield plain(", ".join(group.types)), "table--muted"
    yield plain(group.error), ""
