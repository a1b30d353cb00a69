"""What failed, events and messages together, grouped by error: fix it once and replay, or dismiss what is dead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.containers import VerticalScroll
from textual.widget import Widget

from checkout_daemon.audit.operators import this_operator
from checkout_daemon.audit.rights import require_acting
from checkout_daemon.errors import DatabaseUnavailable
from checkout_daemon.events.dismissing import dismiss_events
from checkout_daemon.events.event_lists import EventFilter
from checkout_daemon.events.replaying import events_to_replay
from checkout_daemon.messages.dismissing import dismiss_messages
from checkout_daemon.model.events import DeadLetters
from checkout_daemon.outbox import listing as outbox
from checkout_daemon.outbox.outbox_store import MessageFilter, MessageLine
from checkout_daemon.present.dead_letter_columns import DEAD_LETTERS
from checkout_daemon.present.text import NONE, counted, not_dead_any_more, plain
from checkout_daemon.present.times import age, clock

from ..actions import Action, command_line
from ..context import AppContext
from ..filters import FAILED, EventChoice
from ..listing import Listing
from ..lists import DeadLetterSource
from ..typeahead import ACTING, READING
from ..widgets.chips import Chips
from ..widgets.line import Block
from ..widgets.table import LiveTable
from .acting import ActingScreen
from .dialogs import Ask, Choose
from .looks import Looks
from .marked_rows import MARK_ROWS, dismiss_together, replay_together
from .replay_run import ReplayRun
from .sending_again import send_again
from .sorting import look_actions

_LOOK_SECONDS = 2.0
_MOST_OFFERED = 100
_NOTHING = "Nothing has failed: every event was applied or ignored, and every message was sent."


class DeadLettersScreen(Looks, ActingScreen):
    """The list of errors, of events and messages."""

    PLACE = "Dead letters"
    LOOK = DEAD_LETTERS
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("escape", "dismiss", "Back", foot="Back"),
        Action("d", "dismiss", "Back to the events", "events list"),
        Action(
            "enter",
            "open",
            "Show the events with this error, or its message",
            "events list --fingerprint FINGERPRINT",
            foot="Open",
        ),
        Action(
            "y",
            "replay",
            "Replay one event, then the rest; or send the messages again",
            "events replay --fingerprint FINGERPRINT",
            "Replay",
            writes=True,
        ),
        Action(
            "X",
            "dismiss_dead",
            "Dismiss what is dead: no alarm counts it any more",
            "events dismiss --fingerprint FINGERPRINT --note TEXT",
            "Dismiss",
            writes=True,
        ),
        Action("x", "example", "Show the payload of an example", "events show EVENT", foot="Example"),
        Action("c", "copy_fingerprint", "Copy the error's fingerprint", foot="Copy"),
        *look_actions(),
        *MARK_ROWS,
    )

    def __init__(self, context: AppContext) -> None:
        super().__init__(context)
        self.marked: dict[str, DeadLetters] = {}
        self.table = self.look_table(self._listing(), empty=_NOTHING, marks=self.marked.keys())

    def _listing(self) -> Listing[DeadLetters]:
        return Listing(DeadLetterSource(self.app_context.reads, self.place_of))

    def body(self) -> Iterable[Widget]:
        detail = VerticalScroll(Block(id="item"), id="about")
        detail.can_focus = False
        return Chips(), self.table, detail

    def on_mount(self) -> None:
        self.table.focus()
        self._show_chips()
        self.show_command(command_line("events", "list", "--status", "failed", "--status", "dead"))
        self.look_every(_LOOK_SECONDS, self.look_again)
        self.look_every(1.0, self.table.tick)
        self._load()

    def _show_chips(self) -> None:
        marked = [("unmark", f"● {len(self.marked):,} marked: y replay, X dismiss", True)] if self.marked else []
        self.query_one(Chips).show(
            [*marked, ("dismiss", "d events", False), ("", "dead letters", True), *self.sort_chips]
        )

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

    def action_mark_all(self) -> None:
        self.marked.update({item.key: item.row for item in self.table.listing.rows})
        self._marks_changed()

    def action_unmark(self) -> None:
        self.marked.clear()
        self._marks_changed()

    async def _marked_ids(self, statuses: tuple[str, ...]) -> tuple[list[str], list[str]]:
        """Return the events, oldest first, and the messages of the marked groups, with these statuses."""
        events: list[str] = []
        messages: list[str] = []
        for group in self.marked.values():
            if group.channel is not None:
                messages += [message.id for message in await self._messages(group, statuses)]
            else:
                wanted = EventFilter(statuses=statuses, fingerprint=group.name)
                events += [event.id for event in await events_to_replay(self.app_context.database, wanted)]
        return events, messages

    # Reading

    def show_in_sort(self) -> None:
        self.table.show(self._listing())
        self._show_chips()
        self._load()

    @work(group=READING)
    async def _load(self) -> None:
        listing = self.table.listing
        try:
            await listing.load(0)
        except DatabaseUnavailable:
            self.read_again_soon()
            return
        if not self.gone and listing is self.table.listing:
            self.table.rows_arrived()
            self._show_group()

    async def look(self) -> None:
        """Read the groups again. A group whose error occurred again has a new place at the top."""
        listing = self.table.listing
        try:
            found = await listing.source.page(None, 0)
        except DatabaseUnavailable:
            return
        if self.gone or listing is not self.table.listing:
            return
        keys = {item.key for item in found}
        self.table.update(found, [row.key for row in listing.rows if row.key not in keys])
        self._show_group()

    def redraw(self) -> None:
        super().redraw()
        self._show_group()

    def _show_group(self) -> None:
        """Show what the error under the cursor is in full: the list has no room for it."""
        row, muted = self.table.cursor_row, self.colour("muted")
        text = Text()
        if row is not None:
            group, zone = row.row, self.app_context.time_zone
            what = "event" if group.channel is None else f"{group.channel} message"
            text.append(f"{counted(group.count, what)}, {group.dead:,} dead: ", "bold")
            text.append(plain(group.error), self.colour("error"))
            text.append(f"\n{', '.join(map(plain, group.kinds))}", muted)
            text.append(f"\n{clock(group.first_at, zone)} to {clock(group.last_at, zone)}", muted)
            text.append(f", such as {plain(group.example_id)}", muted)
        self.query_one("#item", Block).show_text(text)

    async def reload(self) -> None:
        self._load()

    # Acting

    @property
    def group(self) -> DeadLetters | None:
        """The group under the cursor."""
        row = self.table.cursor_row
        return None if row is None else row.row

    def on_live_table_moved(self, event: LiveTable.Moved) -> None:
        group = self.group
        self._show_group()
        if event.by_hand and group is not None:
            events = ("events", "list", "--fingerprint", group.name)
            messages = ("outbox", "list", "--fingerprint", group.name)
            self.show_command(command_line(*(events if group.channel is None else messages)))

    def on_live_table_chosen(self, event: LiveTable.Chosen) -> None:
        group = self.group
        if group is None:
            return
        if group.channel is None:
            self.app_context.navigation.events(EventChoice(fingerprint=group.name))
        elif group.count == 1:
            self.app_context.navigation.message(group.example_id)
        else:
            self._pick_message(group)

    def action_open(self) -> None:
        self.table.action_choose()

    @work(group=ACTING)
    async def _pick_message(self, group: DeadLetters) -> None:
        found = await self.attempt(self._messages(group, FAILED, limit=_MOST_OFFERED))
        if found is None:
            return
        now = datetime.now(UTC)
        options = [
            (message.id, f"{age(message.created_at, now):>4}  {message.number or NONE!s:>7}  {plain(message.kind)}")
            for message in found
        ]
        chosen = await self.app.push_screen_wait(Choose("Open which message?", options))
        if chosen is not None:
            self.app_context.navigation.message(chosen)

    async def _messages(
        self, group: DeadLetters, statuses: tuple[str, ...], *, limit: int | None = None
    ) -> list[MessageLine]:
        """Read the messages of a group, newest first."""
        wanted = MessageFilter(statuses=statuses, channels=(group.channel or "",), fingerprint=group.name)
        pages = outbox.all_messages(self.app_context.reads, wanted, limit=limit)
        return [message async for page in pages for message in page]

    @work(group=ACTING)
    async def action_replay(self) -> None:
        if self.marked:
            marked = await self.attempt(self._marked_ids(FAILED))
            if marked is not None and await replay_together(self, *marked) and not self.gone:
                self.action_unmark()
            return
        group = self.group
        if group is None:
            return
        if group.channel is not None:
            await self._send_again(group)
            return
        event_ids: Sequence[str] = ()
        async with self.doing(command_line("events", "replay", "--fingerprint", group.name)):
            await require_acting(self.app_context.database)
            wanted = EventFilter(fingerprint=group.name)
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
        chosen = await self.ask(Choose("Replay", options, question=question))
        if chosen == "one":
            event_ids = event_ids[:1]
            self.show_command(command_line("events", "replay", event_ids[0]))
        if chosen:
            await self.app.push_screen_wait(ReplayRun(self.app_context.database, event_ids))
            await self.app_context.reads.await_changes()
            if not self.gone:
                await self.look_now()

    async def _send_again(self, group: DeadLetters) -> None:
        """Queue the messages of a group again, after confirmation."""
        found = await self.attempt(self._messages(group, FAILED))
        ids = [message.id for message in found or ()]
        question = f"{plain(group.error)}\n\nSend {counted(len(ids), 'message')} again?"
        if ids and await self.confirm("Send again", question, yes="Yes, send again"):
            named = command_line("outbox", "replay", *ids)
            every = command_line("outbox", "replay", "--fingerprint", group.name)
            async with self.doing(named if len(ids) < 3 else every):
                outcomes = Counter(await send_again(self.app_context, ids, FAILED))
                self.done(f"{counted(outcomes[None], 'message')} will be sent again{_left(outcomes)}.")

    @work(group=ACTING)
    async def action_dismiss_dead(self) -> None:
        if self.marked:
            marked = await self.attempt(self._marked_ids(("dead",)))
            if marked is not None and await dismiss_together(self, *marked) and not self.gone:
                self.action_unmark()
            return
        group = self.group
        if group is None:
            return
        if not group.dead:
            self.done("None of these is dead: there is nothing to dismiss.")
            return
        what = counted(group.dead, "dead event" if group.channel is None else "dead message")
        note = await self.app.push_screen_wait(Ask("Dismiss", f"{plain(group.error)}\n\nWhy is {what} dismissed?"))
        if note is None:
            return
        database, operator = self.app_context.database, this_operator()
        if group.channel is None:
            async with self.doing(command_line("events", "dismiss", "--fingerprint", group.name, "--note", note)):
                wanted = EventFilter(statuses=("dead",), fingerprint=group.name)
                ids = [event.id for event in await events_to_replay(database, wanted)]
                done = await dismiss_events(database, ids, operator=operator, note=note)
                left = not_dead_any_more(len(ids) - len(done))
                self.done(f"{counted(len(done), 'event')} dismissed{left}.")
            return
        found = await self.attempt(self._messages(group, ("dead",)))
        if found is None:
            return
        ids = [message.id for message in found]
        named = command_line("outbox", "dismiss", *ids, "--note", note)
        every = command_line("outbox", "dismiss", "--fingerprint", group.name, "--note", note)
        async with self.doing(named if len(ids) < 3 else every):
            dismissed = await dismiss_messages(database, ids, operator=operator, note=note)
            left = not_dead_any_more(len(ids) - len(dismissed))
            self.done(f"{counted(len(dismissed), 'message')} dismissed{left}.")

    def action_example(self) -> None:
        group = self.group
        if group is not None and group.channel is None:
            self.app_context.navigation.event(group.example_id)
        elif group is not None:
            self.app_context.navigation.message(group.example_id)

    def action_copy_fingerprint(self) -> None:
        if (row := self.table.cursor_row) is not None:
            self.copy(row.row.name, "fingerprint")


def _left(outcomes: Mapping[str | None, int]) -> str:
    """Return why the other messages are not sent again, to follow how many are; empty if all are."""
    counts = {outcome: count for outcome, count in outcomes.items() if outcome is not None}
    return "".join(
        f"; {count:,} {outcome if count == 1 else outcome.replace('is ', 'are ', 1).replace('was ', 'were ', 1)}"
        for outcome, count in counts.items()
    )
