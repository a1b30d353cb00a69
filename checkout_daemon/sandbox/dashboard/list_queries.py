"""Select the rows of a list: newest first, filtered, one page at a time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from checkout_daemon.sandbox.box import Box

_PAGE = 50
_MOST = 500


@dataclass(frozen=True, slots=True)
class ListQuery:
    """Which rows of a list to return.

    Older than `before`, or all down to `down_to`; those that contain `search`, pass the filter `only` and have this
    event type.
    """

    before: int | None = None
    down_to: int | None = None
    search: str = ""
    only: str = ""
    type: str = ""

    @property
    def limit(self) -> int:
        """Return how many rows to read at most."""
        return _PAGE if self.down_to is None else _MOST


def select(
    box: Box, statement: str, column: str, query: ListQuery, conditions: Iterable[tuple[str, tuple[Any, ...]]]
) -> tuple[list[Any], bool]:
    """Return a page of the statement's rows, ordered by the column, and whether there are more.

    Conditions are SQL texts with their values. All of them must hold.
    """
    bounds = ((f"{column} < ?", query.before), (f"{column} >= ?", query.down_to))
    held = [*conditions, *((text, (bound,)) for text, bound in bounds if bound is not None)]
    where = " AND ".join(text for text, _ in held) or "true"
    found = box.storage.connection.execute(
        f"{statement} WHERE {where} ORDER BY {column} DESC LIMIT ?",
        (*(value for _, values in held for value in values), query.limit + 1),
    ).fetchall()
    return found[: query.limit], len(found) > query.limit
