"""Encodes the rows of a table as one text, for SQL functions that write several tables at once.

asyncpg asks of every element of an array whether it is an array itself, which costs more than all other work on it. One
text of columns, split again by the function cells() of sql/schema.sql, costs a fraction.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

# Control characters that no id, status or JSON text holds.
_CELL, _NULL, _COLUMN = "\x1f", "\x1e", "\x1d"
_SEPARATORS = str.maketrans(dict.fromkeys(_COLUMN + _NULL + _CELL, "\ufffd"))

Cell = Callable[[Any], str]
"""Encodes one value, which may be None."""


def text(value: str | None) -> str:
    """Encode a text. A separator in it becomes U+FFFD."""
    return _NULL if value is None else value if value.isprintable() else value.translate(_SEPARATORS)


def plain(value: Any) -> str:
    """Encode a number or boolean."""
    return _NULL if value is None else str(value)


@lru_cache(1024)  # times of Stripe are whole seconds, and many rows of a batch have the same
def time(value: datetime | None) -> str:
    """Encode a time with a time zone."""
    return _NULL if value is None else value.isoformat()


def binary(value: bytes) -> str:
    r"""Encode bytes, in PostgreSQL's form \x0123."""
    return "\\x" + value.hex()


def exact(values: Iterable[str]) -> str:
    """Encode texts that cannot hold a separator: ids, and JSON, which has no raw control characters."""
    return _CELL.join(values) + _CELL


def encode(rows: Collection[tuple[Any, ...]], columns: Sequence[Cell]) -> str | None:
    """Return rows as one text, or None for no rows."""
    if not rows:
        return None
    if len(rows) == 1:
        (row,) = rows
        return _COLUMN.join([cell(value) + _CELL for cell, value in zip(columns, row, strict=True)])
    by_column = zip(columns, zip(*rows, strict=True), strict=True)
    return _COLUMN.join([_column(cell, values) + _CELL for cell, values in by_column])


def _column(cell: Cell, values: tuple[Any, ...]) -> str:
    """Return the cells of one column. Texts are looked at together: most of a batch's cells are such."""
    if cell is text:
        held = [value for value in values if value is not None]
        if "".join(held).isprintable():
            return _CELL.join(
                held if len(held) == len(values) else [_NULL if value is None else value for value in values]
            )
    return _CELL.join(map(cell, values))
