"""The columns of a table: their titles, widths and sorts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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


def title_of(column: Column, sorted_by: tuple[str, bool] | None) -> str:
    """Return the title, with an arrow if the list is sorted by the column. `sorted_by`: the sort, if descending."""
    if sorted_by is None or column.sort != sorted_by[0]:
        return column.title
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
