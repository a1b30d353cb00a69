"""How a list looks: its columns and its sort, which the next start begins with."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from textual import work

from checkout_daemon.errors import DatabaseUnavailable
from checkout_daemon.model.sorting import MOST_SORTED, SortBy
from checkout_daemon.present.columns import ListLook, RowColumn, View, widths

from ..actions import command_line
from ..context import AppContext
from ..listing import Listing, Source, T
from ..lists import SortedSource
from ..typeahead import ACTING
from ..widgets.columns import GAP, Cell, Column
from ..widgets.table import LiveTable
from .base import BaseScreen
from .sorting import Sorting


def columns_that_fit(shown: Sequence[RowColumn[Any]], width: int) -> list[Column]:
    """Return the columns of a table, from the left as many as fit."""
    found = widths(shown, width - 1, len(GAP))
    return [Column(column.title, cells, column.right, column.sort) for column, cells in zip(shown, found, strict=False)]


def cells_of(shown: Sequence[RowColumn[T]], row: T, layout: Sequence[Column], view: View) -> Iterable[Cell]:
    """Yield the cells of a row, one for each column of the layout."""
    for column, place in zip(shown, layout, strict=False):
        yield column.fitted(row, view, place.width), f"table--{column.tone(row)}"


class ColumnChoice(BaseScreen):
    """A screen with a list whose columns are chosen."""

    LIST_COMMAND: ClassVar[tuple[str, ...]] = ()
    """The command that prints the same list, if there is one."""

    @property
    def known_columns(self) -> Mapping[str, RowColumn[Any]]:
        """The columns that there are, by name."""
        raise NotImplementedError

    @property
    def usual_columns(self) -> Sequence[str]:
        """The names of the columns that are shown unless others are chosen."""
        raise NotImplementedError

    @property
    def chosen_columns(self) -> tuple[str, ...]:
        """The names of the columns that were chosen; none: the usual ones."""
        return self.app_context.columns.get(self.PLACE, ())

    def column_option(self, name: str) -> str:
        """Return the name of a column for `--columns`."""
        return name

    def show_columns(self) -> None:
        """Show the columns that were chosen."""
        raise NotImplementedError

    @work(group=ACTING)
    async def action_columns(self) -> None:
        from .column_picker import ColumnPicker

        picker = ColumnPicker(self.known_columns, self.usual_columns, self.chosen_columns)
        names = await self.app.push_screen_wait(picker)
        if names is None:
            return
        self.app_context.columns.pop(self.PLACE, None)
        if names:
            self.app_context.columns[self.PLACE] = names
            if self.LIST_COMMAND:
                option = ",".join(map(self.column_option, names))
                self.show_command(command_line(*self.LIST_COMMAND, "--columns", option))
        self.show_columns()


class Looks(ColumnChoice, Sorting[SortBy]):
    """A screen with one list that is sorted by its columns.

    A list that is read newest first is read as before in its first sort. In another one, its newest rows are sorted.
    """

    LOOK: ClassVar[ListLook[Any]]

    def __init__(self, context: AppContext) -> None:
        super().__init__(context)
        self._sort = self.LOOK.read_sort(context.sorts.get(self.PLACE, "")) or self.LOOK.first
        self._seen: tuple[Listing[Any], Any] | None = None  # the newest place that was read of a listing
        self._looking = asyncio.Lock()
        self._look_waits = False  # for the look that is under way

    def look_table(self, listing: Listing[T], **options: Any) -> LiveTable[T]:
        """Return a table of the list with its columns and sort."""
        table = LiveTable(listing, self.layout_columns, self.cells_of_row, **options)
        table.sorted_by = (self.sort.name, self.sort.descending)
        return table

    # Columns

    @property
    def known_columns(self) -> Mapping[str, RowColumn[Any]]:
        return self.LOOK.columns

    @property
    def usual_columns(self) -> Sequence[str]:
        return self.LOOK.usual(self.app.size.width)

    def show_columns(self) -> None:
        self.table.refresh()

    def layout_columns(self, width: int) -> Sequence[Column]:
        """Return the columns of the table."""
        return columns_that_fit(self.LOOK.shown(width, self.chosen_columns), width)

    def cells_of_row(self, row: Any, layout: Sequence[Column]) -> Iterable[Cell]:
        """Yield the cells of a row of the table."""
        shown = self.LOOK.shown(self.table.scrollable_content_region.width, self.chosen_columns)
        return cells_of(
            shown, row, layout, View(datetime.now(UTC), self.app_context.masked, self.app_context.time_zone)
        )

    # The sort

    @property
    def sort(self) -> SortBy:
        return self._sort

    @property
    def is_sorted(self) -> bool:
        """Whether the list has another sort than its first one."""
        return self._sort != self.LOOK.first

    @property
    def sort_options(self) -> tuple[str, ...]:
        """The options of a command that prints the list in its sort."""
        return ("--sort", str(self._sort)) if self.is_sorted else ()

    @property
    def sort_chips(self) -> list[tuple[str, str, bool]]:
        """The chip that shows another sort than the first one."""
        return [("sort_turn", f"~ {self._sort.words}", True)] if self.is_sorted else []

    @property
    def cut_note(self) -> str:
        """What is shown of a list of which only the newest rows were sorted."""
        source = self.table.listing.source
        is_cut = isinstance(source, SortedSource) and source.is_cut
        return f"sorted the {MOST_SORTED:,} newest only" if is_cut else ""

    def first_sort(self, name: str) -> SortBy:
        return self.LOOK.first_sort(name)

    def sort_by(self, sort: SortBy) -> None:
        if sort != self._sort:
            self._sort = sort
            self.app_context.sorts[self.PLACE] = str(sort)
            self.show_sort()
            self.show_in_sort()

    def show_in_sort(self) -> None:
        """Show the list anew, in its sort."""
        raise NotImplementedError

    def place_of(self, row: Any, *ties: Any) -> tuple[Any, ...]:
        """Return the place of a row in the sort."""
        return self.LOOK.place_of(self._sort, row, *ties)

    def in_sort(self, newest: Source[T]) -> Source[T]:
        """Return the source of a list that is read newest first, in the sort."""
        return SortedSource(newest, self.place_of) if self.is_sorted else newest

    def on_live_table_cursor_left(self, event: LiveTable.CursorLeft) -> None:
        """Follow the row under the cursor to its new place, also out of what is loaded."""
        rank = self.table.listing.source.rank_of(event.place)
        if rank is None:
            self.table.rows_arrived()
        else:
            self.table.go_to(rank, event.key)

    # What no notification covers

    def look_again(self) -> None:
        """Look in the background, or once more after the look that is under way.

        None is canceled: a query canceled half-way costs a database connection, and in a busy shop no look would end.
        """
        if not self._look_waits:
            self._look_waits = True
            self._look_once()

    @work(group="look")
    async def _look_once(self) -> None:
        async with self._looking:
            self._look_waits = False
            await self.look()

    async def look_now(self) -> None:
        """Look as soon as the look that is under way has ended."""
        async with self._looking:
            await self.look()

    async def look(self) -> None:
        """Read again what is shown, and show what has changed."""
        raise NotImplementedError

    async def read_newest(self, count: int) -> None:
        """Read the newest rows again, and show what has changed, come or left."""
        listing = self.table.listing
        source = listing.source
        newest = source.newest if isinstance(source, SortedSource) else source
        try:
            page = await newest.page(None, count)
        except DatabaseUnavailable:
            return
        if self.gone or listing is not self.table.listing:
            return
        whole, keys = len(page) < count, {item.key for item in page}

        def left(key: str, place: Any) -> bool:
            """Return whether the newest rows should have this one, and do not."""
            return key not in keys and (whole or place > page[-1].place)

        new = self._new(listing, page)
        if isinstance(source, SortedSource):
            self.table.update(*source.note(page, left), new)
        else:
            self.table.update(page, [row.key for row in listing.rows if left(row.key, row.place)], new)

    def _new(self, listing: Listing[Any], page: Sequence[Any]) -> set[str]:
        """Return the keys of the rows that came since the list was read last."""
        seen = self._seen[1] if self._seen is not None and self._seen[0] is listing else None
        if page:
            self._seen = listing, page[0].place
        if seen is not None:
            return {item.key for item in page if item.place > seen}
        return {item.key for item in page if item.key not in listing.keys} if listing.first == 0 else set()
