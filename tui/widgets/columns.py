"""The columns of a table: their titles, widths and sorts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..texts import fit

GAP = "  "
_MARK = 1  # cells, left of the first column


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `right` aligns numbers to the right. `sort` names the sort by it; empty: it has no sort."""

    title: str
    width: int
    right: bool = False
    sort: str = ""


Cell = tuple[str, str]
"""A text, and the component class that colours it, or empty."""


def placed(column: Column, text: str) -> str:
    """Return a text in the cells of a column. A number that does not fit becomes ###: a part of it is another one."""
    if not column.right:
        return fit(text, column.width)
    return text.rjust(column.width) if len(text) <= column.width else "#" * column.width


def title_of(column: Column, sorted_by: tuple[str, bool] | None) -> str:
    """Return the title, with an arrow if the list is sorted by the column. `sorted_by`: the sort, if descending."""
    if sorted_by is None or column.sort != sorted_by[0]:
        return column.title if len(column.title) <= column.width else fit(column.title, column.width)
    return f"{column.title[: column.width - 1].rstrip()}{'▼' if sorted_by[1] else '▲'}"


def column_at(columns: Sequence[Column], x: int) -> Column | None:
    """Return the column at a position of a line, with the gap to its left."""
    end = _MARK
    for column in columns:
        end += column.width
        if x < end:
            return column
        end += len(GAP)
    return None
