"""What needs a person: by deadline, then by money; the first place to look."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.containers import VerticalScroll
from textual.widget import Widget

from checkout_daemon.audit.operators import this_operator
from checkout_daemon.errors import DatabaseUnavailable
from checkout_daemon.ledger.change_log import ChangeLine
from checkout_daemon.model.orders import AttentionCode
from checkout_daemon.model.todo import Todo, TodoItem
from checkout_daemon.orders.notes import note_order
from checkout_daemon.orders.todo import read_todo
from checkout_daemon.present.text import plain
from checkout_daemon.present.todo import deadline, remarks, sums
from checkout_daemon.present.todo_columns import TODO

from ..actions import Action, command_line
from ..context import AppContext
from ..filters import EventChoice
from ..listing import Listing
from ..lists import TodoSource, todo_items
from ..typeahead import ACTING, READING
from ..widgets.chips import Chips
from ..widgets.line import Block
from ..widgets.table import LiveTable
from .caring import CARE_ACTIONS, CareActions, Cared
from .dialogs import Ask, ShowResult
from .looks import Looks
from .sorting import look_actions

_LOOK_SECONDS = 2.0
_NOTHING = "Nothing needs a person."
_NOTHING_SNOOZED = "Nothing is snoozed. Press Z for what is to do."


class TodoScreen(Looks, CareActions):
    """The list of what needs a person, and below it what the chosen item is about."""

    PLACE = "To do"
    LOOK = TODO
    LIST_COMMAND = ("todo",)
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("escape", "dismiss", "Back", foot="Back"),
        Action("enter", "open", "Open its order, dispute, event or message, or the stock", "todo", foot="Open"),
        Action("w", "copy_fix", "Copy the command that fixes it", "todo", foot="Fix"),
        Action("o", "page", "Show its page at Stripe", foot="Page"),
        Action("n", "note", "Add a note to the order", "orders note ORDER TEXT", foot="Note", writes=True),
        *CARE_ACTIONS,
        Action("Z", "snoozed", "Show what is snoozed, or what is to do", "todo --snoozed"),
        Action("d", "dead_letters", "What is dead, by error", "events list --status dead", foot="Dead"),
        Action("c", "copy_number", "Copy the order's number", foot="Copy"),
        *look_actions("todo"),
    )

    def __init__(self, context: AppContext) -> None:
        super().__init__(context)
        self.source = TodoSource()
        self.table = self.look_table(Listing(self.source), empty=" …")
        self.todo: Todo | None = None
        self.shows_snoozed = False

    def body(self) -> Iterable[Widget]:
        detail = VerticalScroll(Block(id="item"), id="about")
        detail.can_focus = False
        return Chips(), self.table, detail

    def on_mount(self) -> None:
        self.table.focus()
        self._show_command()
        self.look_every(_LOOK_SECONDS, self.look_again)
        self.look_every(1.0, self.table.tick)  # ages
        self._load()

    # Reading

    @work(group=READING)
    async def _load(self) -> None:
        await self.look_now()

    async def look(self) -> None:
        try:
            found = await read_todo(self.app_context.reads, self.app_context.settings)
        except DatabaseUnavailable:
            return  # reload() follows once the database is back
        if not self.gone:
            self.todo = found
            await self._show()

    async def reload(self) -> None:
        self._load()

    async def changed(self, changes: list[ChangeLine]) -> None:
        if self.in_view:
            self.look_again()

    def on_screen_resume(self) -> None:
        """Catch up with what changed while another screen was in front."""
        if self.todo is not None:
            self.look_again()

    @property
    def items(self) -> tuple[TodoItem, ...]:
        if self.todo is None:
            return ()
        items = self.todo.snoozed if self.shows_snoozed else self.todo.items
        if not self.is_sorted:
            return items
        return tuple(sorted(items, key=lambda item: self.place_of(item, item.key), reverse=True))

    def show_in_sort(self) -> None:
        self._show_command()
        self._show_again()

    @work(group=READING)
    async def _show_again(self) -> None:
        if self.todo is not None:
            await self._show()

    def _show_command(self) -> None:
        snoozed = ("--snoozed",) if self.shows_snoozed else ()
        self.show_command(command_line("todo", *snoozed, *self.sort_options))

    async def _show(self) -> None:
        """Show the items in their sequence. Rows are only moved if that has changed."""
        assert self.todo is not None
        empty = _NOTHING_SNOOZED if self.shows_snoozed else _NOTHING
        if self.table.empty != empty:
            self.table.empty = empty
            self.table.refresh()
        if [item.key for item in self.items] != [item.key for item in self.source.items]:
            source = TodoSource(self.items)
            listing = Listing(source)
            await listing.load(0)
            if self.gone:
                return
            self.source = source
            self.table.show(listing, keep=True)
        elif self.items != self.source.items or not self.table.listing.counted:
            self.source.items = self.items
            if self.table.listing.counted:
                self.table.update(todo_items(self.items))
            else:
                await self.table.listing.load(0)
                self.table.rows_arrived()
        self._show_chips()
        self._show_item()

    def _show_chips(self) -> None:
        assert self.todo is not None
        count, asleep = f"{len(self.todo.items)} to do", f"Z {len(self.todo.snoozed)} snoozed"
        more = f"and {self.todo.cut:,} more" if self.todo.cut else ""
        self.query_one(Chips).show(
            [
                ("snoozed" if self.shows_snoozed else "", f"{count}{sums(self.todo.items)}", not self.shows_snoozed),
                ("snoozed", asleep, self.shows_snoozed),
                *self.sort_chips,
            ],
            more,
        )

    def redraw(self) -> None:
        super().redraw()
        self._show_item()

    @property
    def item(self) -> TodoItem | None:
        """The item under the cursor."""
        row = self.table.cursor_row
        return None if row is None else row.row

    def _show_item(self) -> None:
        item, muted, now = self.item, self.colour("muted"), datetime.now(UTC)
        text = Text()
        if item is not None:
            zone = self.app_context.time_zone
            text.append(f"{plain(item.description)}.", "bold")
            if due := deadline(item, now, zone):
                text.append(f"  {due}", f"bold {self.colour('error')}")
            text.append(f"\n{item.next}", muted)
            for remark in remarks(item, now, zone):
                text.append(f"\n{remark}")
            for fix in (item.page, item.command):
                if fix:
                    text.append("\n→ ", muted).append(plain(fix), "bold")
        self.query_one("#item", Block).show_text(text)

    # Acting

    @property
    def cared_under_cursor(self) -> Cared | None:
        item = self.item
        if item is None:
            return None
        if item.order_id is None or item.number is None:
            return Cared(None, item.key)
        return Cared(item.order_id, str(item.number))

    def on_live_table_moved(self, event: LiveTable.Moved) -> None:
        self._show_item()
        if event.by_hand and self.item is not None:
            self.show_command(self.item.command or command_line("todo"))

    def on_live_table_chosen(self, event: LiveTable.Chosen) -> None:
        item, navigation = self.item, self.app_context.navigation
        if item is None:
            return
        if item.kind == "event_dead":
            if item.count == 1 and item.subject.startswith("evt_"):
                navigation.event(item.subject)
            else:
                navigation.events(EventChoice(fingerprint=item.subject))
        elif item.kind == AttentionCode.DISPUTE_NEEDS_RESPONSE:
            navigation.dispute(item.subject)
        elif item.kind == "stock_short":
            navigation.stock()
        elif item.kind == "proposal_open":
            navigation.proposals()
        elif item.kind == "message_dead":
            if "-" in item.subject:
                navigation.message(item.subject)
            else:  # several with one fault
                navigation.dead_letters()
        elif item.order_id is not None and item.kind != "order_missing":
            navigation.order(item.order_id)
        else:
            self.action_copy_fix()

    def action_open(self) -> None:
        self.table.action_choose()

    def action_copy_fix(self) -> None:
        if self.item is not None and self.item.command:
            self.show_command(self.item.command)
            self.copy(self.item.command, "command")

    @work(group=ACTING)
    async def action_page(self) -> None:
        item = self.item
        if item is not None and item.page:
            await self.app.push_screen_wait(ShowResult("At Stripe", f"{item.subject}\n\n{item.page}", copies=item.page))
        else:
            self.done("It has no page of its own at Stripe.")

    @work(group=ACTING)
    async def action_note(self) -> None:
        cared = self.cared_under_cursor
        if cared is None:
            return
        if cared.order_id is None:
            self.done("This is about no order: z snoozes it with a note.")
            return
        text = await self.app.push_screen_wait(Ask("Note", f"A note about {cared.label}"))
        if text:
            async with self.doing(command_line("orders", "note", cared.name, text)):
                await note_order(self.app_context.database, cared.order_id, text, operator=this_operator())
                self.done("Note added")

    @work(group=ACTING)
    async def action_snoozed(self) -> None:
        self.shows_snoozed = not self.shows_snoozed
        self._show_command()
        if self.todo is not None:
            await self._show()

    def action_dead_letters(self) -> None:
        self.app_context.navigation.dead_letters()

    def action_copy_number(self) -> None:
        item = self.item
        if item is not None and item.number:
            self.copy(str(item.number), "order number")
        elif item is not None:
            self.done("It has no order number to copy.")

    def action_open_todo(self) -> None:
        """Do nothing: this is the list of what is to do."""
