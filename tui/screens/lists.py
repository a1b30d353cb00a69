"""What screens with a list share: a table whose rows are read as they come into view."""

from __future__ import annotations

from typing import Generic

from textual import work

from checkout_daemon.errors import DatabaseUnavailable

from ..context import AppContext
from ..latest import Latest
from ..listing import Listing, T
from ..typeahead import READING
from ..widgets.table import LiveTable
from .base import BaseScreen

MOST_MARKED = 10_000
"""How many rows can be marked for one act."""


class ListScreen(BaseScreen, Generic[T]):
    """A screen with a live table."""

    table: LiveTable[T]

    def __init__(self, context: AppContext, table: LiveTable[T] | None = None) -> None:
        """Without a table, the subclass makes it once this has returned."""
        super().__init__(context)
        if table is not None:
            self.table = table
        self._rows = Latest(self._load_rows)

    @work(group=READING)
    async def load(self, rank: int) -> None:
        """Read the rows around a rank."""
        try:
            await self._rows.ask(rank)
        except DatabaseUnavailable:
            self.read_again_soon()

    async def _load_rows(self, rank: int) -> None:
        listing = self.table.listing
        await listing.load(rank)
        await self.show_loaded(listing)

    async def show_loaded(self, listing: Listing[T]) -> None:
        """Show the rows that were read, unless another list is shown by now."""
        if not self.gone and listing is self.table.listing:
            self.table.rows_arrived()

    async def reload(self) -> None:
        self.load(self.table.cursor_rank)

    def on_live_table_rows_wanted(self, event: LiveTable.RowsWanted) -> None:
        self.load(event.rank)

    def action_open(self) -> None:
        self.table.action_choose()
