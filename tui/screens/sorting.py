"""Sorting a list by a column: by keys, or by a click on its title."""

from __future__ import annotations

from typing import Any, Generic

from checkout_daemon.model.sorting import S

from ..actions import Action
from ..widgets.table import LiveTable


def look_actions(command: str = "") -> tuple[Action, ...]:
    """Return the keys that sort a list and choose its columns. `command` prints the same list, if there is one."""
    sort, columns = (f"{command} --sort -COLUMN", f"{command} --columns NAMES") if command else ("", "")
    return (
        Action("less_than_sign", "sort_left", "Sort by the column to the left", show_key="<"),
        Action("greater_than_sign", "sort_right", "Sort by the column to the right", sort, show_key=">"),
        Action("tilde", "sort_turn", "Turn the sort round", show_key="~"),
        Action("vertical_line", "columns", "Choose and move columns", columns, show_key="|"),
    )


class Sorting(Generic[S]):
    """The sort of a screen with one list."""

    table: LiveTable[Any]

    @property
    def sort(self) -> S:
        """By what the list is sorted."""
        raise NotImplementedError

    def sort_by(self, sort: S) -> None:
        """Sort the list."""
        raise NotImplementedError

    def first_sort(self, name: str) -> S:
        """Return the sort that the first click on a column chooses."""
        raise NotImplementedError

    def show_sort(self) -> None:
        """Show the sort in the titles."""
        self.table.sorted_by = (self.sort.name, self.sort.descending)

    def action_sort_left(self) -> None:
        self._move_sort(-1)

    def action_sort_right(self) -> None:
        self._move_sort(1)

    def action_sort_turn(self) -> None:
        self.sort_by(self.sort.turned())

    def on_live_table_title_clicked(self, event: LiveTable.TitleClicked) -> None:
        self.sort_by(self.sort.turned() if event.sort == self.sort.name else self.first_sort(event.sort))

    def _move_sort(self, by: int) -> None:
        names = self.table.sorts
        if names:
            place = names.index(self.sort.name) + by if self.sort.name in names else 0
            self.sort_by(self.first_sort(names[place % len(names)]))
