"""What is disputed, by when it must be answered, and answering it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from textual.widget import Widget

from checkout_daemon.database.reading import Readable
from checkout_daemon.model.disputes import ListedDispute
from checkout_daemon.orders.dispute_lists import DisputeCursor, DisputeFilter, list_disputes
from checkout_daemon.present.dispute_columns import DISPUTES

from ..actions import Action, command_line
from ..context import AppContext
from ..listing import Item, Listing, Source
from ..widgets.table import LiveTable
from .dispute_actions import DISPUTE_ACTIONS, DisputeActions
from .lists import ListScreen
from .looks import Looks
from .sorting import look_actions

_LOOK_SECONDS = 2.0
_NEWEST = 50
_NONE = "No disputes yet."


class DisputeSource(Source[ListedDispute]):
    """Reads the disputes, newest first. They are not counted: people read the newest."""

    def __init__(self, database: Readable, *, livemode: bool) -> None:
        self._database = database
        self._livemode = livemode

    async def page(self, after: Any | None, limit: int) -> Sequence[Item[ListedDispute]]:
        last = None if after is None else DisputeCursor(*after)
        found = await list_disputes(self._database, DisputeFilter(), livemode=self._livemode, limit=limit, after=last)
        return [Item(one.id, (one.created_at, one.id), one) for one in found]


class DisputesScreen(Looks, ListScreen[ListedDispute], DisputeActions):
    """The list of disputes."""

    PLACE = "Disputes"
    LOOK = DISPUTES
    LIST_COMMAND = ("disputes", "list")
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("escape", "dismiss", "Back", foot="Back"),
        Action("enter", "open", "Show its evidence", "disputes evidence DISPUTE", foot="Evidence"),
        *DISPUTE_ACTIONS,
        Action("o", "order", "Open its order", "orders show ORDER", foot="Order"),
        *look_actions("disputes list"),
    )

    def __init__(self, context: AppContext) -> None:
        super().__init__(context)
        self.table = self.look_table(self._listing(), empty=_NONE)

    def _listing(self) -> Listing[ListedDispute]:
        context = self.app_context
        return Listing(self.in_sort(DisputeSource(context.reads, livemode=context.livemode)))

    def body(self) -> Iterable[Widget]:
        yield self.table

    def on_mount(self) -> None:
        self.table.focus()
        self._show_command()
        self.look_every(_LOOK_SECONDS, self.look_again)
        self.look_every(1.0, self.table.tick)
        self.load(0)

    def _show_command(self) -> None:
        self.show_command(command_line("disputes", "list", *self.sort_options))

    def show_in_sort(self) -> None:
        self.table.show(self._listing())
        self._show_command()
        self.load(0)

    async def look(self) -> None:
        """Read the newest disputes again: one that changes no order sends no notification."""
        await self.read_newest(_NEWEST)

    @property
    def dispute(self) -> ListedDispute | None:
        """The dispute under the cursor."""
        row = self.table.cursor_row
        return None if row is None else row.row

    @property
    def dispute_id(self) -> str | None:
        return None if self.dispute is None else self.dispute.id

    def on_live_table_moved(self, event: LiveTable.Moved) -> None:
        if event.by_hand and event.key is not None:
            self.show_command(command_line("disputes", "show", event.key))

    def on_live_table_chosen(self, event: LiveTable.Chosen) -> None:
        self.app_context.navigation.dispute(event.key)

    def action_order(self) -> None:
        if self.dispute is not None and self.dispute.order_id is not None:
            self.app_context.navigation.order(self.dispute.order_id)
