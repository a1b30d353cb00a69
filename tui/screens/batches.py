"""The batches: acts on many orders, events or messages, with their progress."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import ClassVar

from textual import work
from textual.widget import Widget

from checkout_daemon.batches.records import Batch
from checkout_daemon.errors import DatabaseUnavailable
from checkout_daemon.present.statuses import tone
from checkout_daemon.present.text import plain, words
from checkout_daemon.present.times import age

from ..actions import Action, command_line
from ..context import AppContext
from ..listing import Listing
from ..lists import BatchSource
from ..widgets.columns import Cell, Column
from ..widgets.table import LiveTable
from .lists import ListScreen

_LOOK_SECONDS = 1.0
_NEWEST = 50
_NO_BATCHES = "No batches yet. Mark orders with Space, or all with *, and act on them."


class BatchesScreen(ListScreen[Batch]):
    """The list of batches."""

    PLACE = "Batches"
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("escape", "dismiss", "Back", foot="Back"),
        Action("enter", "open", "Open the batch", "batches show BATCH", foot="Open"),
    )

    def __init__(self, context: AppContext) -> None:
        listing = Listing(BatchSource(context.reads))
        super().__init__(context, LiveTable(listing, _columns, _cells, empty=_NO_BATCHES))

    def body(self) -> Iterable[Widget]:
        yield self.table

    def on_mount(self) -> None:
        self.table.focus()
        self.show_command(command_line("batches", "list"))
        self.look_every(_LOOK_SECONDS, self._look)
        self.look_every(1.0, self.table.tick)
        self.load(0)

    @work(group="look", exclusive=True)
    async def _look(self) -> None:
        """Read the newest batches again: they send no notification."""
        listing = self.table.listing
        try:
            found = await listing.source.page(None, _NEWEST)
        except DatabaseUnavailable:
            return
        if not self.gone:
            known = listing.keys
            self.table.update(found, new={item.key for item in found if item.key not in known})

    def on_live_table_moved(self, event: LiveTable.Moved) -> None:
        if event.by_hand and event.key is not None:
            self.show_command(command_line("batches", "show", event.key))

    def on_live_table_chosen(self, event: LiveTable.Chosen) -> None:
        self.app_context.navigation.batch(int(event.key))


_FIXED = (
    Column("Batch", 6, right=True),
    Column("Age", 4, right=True),
    Column("Act", 15),
    Column("Status", 9),
    *(Column(title, 6, right=True) for title in ("Done", "Failed", "Left")),
)


def _columns(width: int) -> Sequence[Column]:
    used = 1 + sum(column.width + 2 for column in _FIXED)
    return (*_FIXED, Column("By", max(width - used, 4)))


def _cells(batch: Batch, columns: Sequence[Column]) -> Iterable[Cell]:
    yield str(batch.number), ""
    yield age(batch.created_at, datetime.now(UTC)), "table--muted"
    yield words(batch.act), ""
    yield words(batch.status), f"table--{tone('batch', batch.status)}"
    yield f"{batch.done:,}", ""
    yield f"{batch.failed:,}", "table--alarm" if batch.failed else "table--muted"
    yield f"{batch.waiting:,}", "" if batch.waiting else "table--muted"
    yield plain(batch.operator.actor), "table--muted"
