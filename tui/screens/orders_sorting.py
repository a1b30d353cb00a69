"""The sort and the columns of the order list, which the next start begins with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property

from checkout_daemon.model.order_rows import NEWEST_FIRST, OrderRow, Part, Sort, first_sort, read_sort
from checkout_daemon.model.orders import Order
from checkout_daemon.present.columns import View
from checkout_daemon.present.order_columns import COLUMNS, OrderColumn

from ..actions import command_line
from ..context import AppContext
from ..filters import Choice
from ..lists import OrderSource
from ..widgets.columns import Cell, Column
from ..widgets.table import LiveTable
from .looks import ColumnChoice, cells_of, columns_that_fit
from .orders_columns import known_columns, parts, shown_columns, usual_columns
from .orders_marked import MarkingScreen
from .sorting import Sorting

_PLACE = "Orders"


class OrderSorting(ColumnChoice, MarkingScreen, Sorting[Sort]):
    """A list of orders that can be sorted. An order whose place changes keeps the cursor."""

    LIST_COMMAND = ("orders", "list")

    def __init__(
        self, context: AppContext, table: LiveTable[OrderRow], marked: dict[str, Order], choice: Choice
    ) -> None:
        super().__init__(context, table, marked)
        self.choice = choice

    @property
    def shown_choice(self) -> Choice:
        """The choice as it may be shown."""
        return self.choice.masked() if self.app_context.masked else self.choice

    def show_list_command(self) -> None:
        """Show the command that prints the same list."""
        self.show_command(self.shown_choice.command(self.app_context.time_zone))

    def redraw(self) -> None:
        super().redraw()
        if self.choice.masked() != self.choice and self.command.startswith(command_line(*self.LIST_COMMAND)):
            self.show_list_command()

    def choose(self, choice: Choice) -> None:
        """Show another list."""
        raise NotImplementedError

    @cached_property
    def known_columns(self) -> Mapping[str, OrderColumn]:
        """The columns that there are, by name, with the operator's own."""
        return known_columns(self.app_context.user_config.columns)

    @property
    def usual_columns(self) -> Sequence[str]:
        own = [column.name for column in self.app_context.user_config.columns]
        names = [column.name for column in usual_columns(self.app.size.width) if column.name in COLUMNS]
        return [*names, *([] if "attention" in names else ["event", "attention"]), *own]

    def column_option(self, name: str) -> str:
        """Return the name of a column for `--columns`: an own one is named by its field there."""
        return name if name in COLUMNS else self.known_columns[name].key

    def layout_columns(self, width: int) -> Sequence[Column]:
        """Return the columns of the table."""
        return columns_that_fit(self._shown(width), width)

    def cells_of(self, row: OrderRow, layout: Sequence[Column]) -> Iterable[Cell]:
        """Yield the cells of a row of the table."""
        context = self.app_context
        view = View(datetime.now(UTC), context.masked, context.time_zone, context.livemode)
        return cells_of(self._shown(self.table.scrollable_content_region.width), row, layout, view)

    def _shown(self, width: int) -> Sequence[OrderColumn]:
        return shown_columns(width, self.chosen_columns, self.known_columns)

    @property
    def parts(self) -> frozenset[Part]:
        """The parts of rows that are shown."""
        return parts(self.app.size.width, self.chosen_columns, self.known_columns)

    def on_resize(self) -> None:
        if self.table.is_mounted and not self.parts <= self.source.orders.parts:
            self.show_columns()

    def show_columns(self) -> None:
        """Show the columns that were chosen, and read what they need."""
        self.source.orders.parts |= self.parts
        self.table.refresh()
        self.load(self.table.cursor_rank)

    @property
    def source(self) -> OrderSource:
        """Where the rows are read from."""
        source = self.table.listing.source
        assert isinstance(source, OrderSource)
        return source

    @property
    def sort(self) -> Sort:
        return self.choice.sort

    def first_sort(self, name: str) -> Sort:
        return first_sort(name)

    def sort_by(self, sort: Sort) -> None:
        self.choose(replace(self.choice, sort=sort))

    def remember_sort(self) -> None:
        """Have the next start begin with this sort."""
        self.app_context.sorts[_PLACE] = str(self.sort)

    def on_live_table_cursor_left(self, event: LiveTable.CursorLeft) -> None:
        """Follow the order under the cursor to its new place, also out of what is loaded."""
        rank = self.source.rank_of(event.place)
        if rank is None:
            self.table.rows_arrived()
        else:
            self.table.go_to(rank, event.key)


def remembered_sort(context: AppContext) -> Sort:
    """Return the sort of the last start, or the newest first."""
    return read_sort(context.sorts.get(_PLACE, "")) or NEWEST_FIRST
