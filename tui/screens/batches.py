"""The batches: acts on many orders, events or messages, with their progress."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.widget import Widget

from checkout_daemon.batches.records import Batch
from checkout_daemon.present.batch_columns import BATCHES

from ..actions import Action, command_line
from ..context import AppContext
from ..listing import Listing
from ..lists import BatchSource
from ..widgets.chips import Chips
from ..widgets.table import LiveTable
from .lists import ListScreen
from .looks import Looks
from .sorting import look_actions

_LOOK_SECONDS = 1.0
_NEWEST = 50
_NO_BATCHES = "No batches yet. Mark orders with Space, or all with *, and act on them."


class BatchesScreen(Looks, ListScreen[Batch]):
    """The list of batches."""

    PLACE = "Batches"
    LOOK = BATCHES
    LIST_COMMAND = ("batches", "list")
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("escape", "dismiss", "Back", foot="Back"),
        Action("enter", "open", "Open the batch", "batches show BATCH", foot="Open"),
        *look_actions("batches list"),
    )

    def __init__(self, context: AppContext) -> None:
        super().__init__(context)
        self.table = self.look_table(self._listing(), empty=_NO_BATCHES)

    def _listing(self) -> Listing[Batch]:
        return Listing(self.in_sort(BatchSource(self.app_context.reads)))

    def body(self) -> Iterable[Widget]:
        yield Chips()
        yield self.table

    def on_mount(self) -> None:
        self.table.focus()
        self._show_command()
        self._show_chips()
        self.look_every(_LOOK_SECONDS, self.look_again)
        self.look_every(1.0, self.table.tick)
        self.load(0)

    def _show_command(self) -> None:
        self.show_command(command_line("batches", "list", *self.sort_options))

    async def show_loaded(self, listing: Listing[Batch]) -> None:
        await super().show_loaded(listing)
        self._show_chips()

    def _show_chips(self) -> None:
        """Show the sort, unless it is the first one, and whether only some batches were sorted."""
        if not self.gone:
            chips = self.query_one(Chips)
            chips.display = bool(self.sort_chips)
            chips.show(self.sort_chips, self.cut_note, is_warning=True)

    def show_in_sort(self) -> None:
        self.table.show(self._listing())
        self._show_chips()
        self._show_command()
        self.load(0)

    async def look(self) -> None:
        """Read the newest batches again: they send no notification."""
        await self.read_newest(_NEWEST)

    def on_live_table_moved(self, event: LiveTable.Moved) -> None:
        if event.by_hand and event.key is not None:
            self.show_command(command_line("batches", "show", event.key))

    def on_live_table_chosen(self, event: LiveTable.Chosen) -> None:
        self.app_context.navigation.batch(int(event.key))
