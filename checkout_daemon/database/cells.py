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

Column = Callable[[Sequence[Any]], str]
"""Encodes the values of one column, any of which may be None."""


def text(values: Sequence[str | None]) -> str:
    """Encode texts. A separator in one of them becomes U+FFFD."""
    cells = [
        _NULL if value is None else value if value.isprintable() else value.translate(_SEPARATORS) for value in values
    ]
    return _CELL.join(cells) + _CELL


def plain(values: Sequence[Any]) -> str:
    """Encode numbers and booleans."""
    return _CELL.join([_NULL if value is None else str(value) for value in values]) + _CELL


def time(values: Sequence[Any]) -> str:
    """Encode times with a time zone."""
    return _CELL.join([_NULL if value is None else _iso(value) for value in values]) + _CELL


# Times of Stripe are whole seconds, and many rows of a batch have the same.
_iso = lru_cache(1024)(datetime.isoformat)


def exact(values: Iterable[str]) -> str:
    """Encode texts that cannot hold a separator: ids, and JSON, which has no raw control characters."""
    return _CELL.join(values) + _CELL


def binary(values: Sequence[bytes]) -> str:
    r"""Encode bytes, in PostgreSQL's form \x0123."""
    return _CELL.join(["\\x" + value.hex() for value in values]) + _CELL


def encode(rows: Collection[tuple[Any, ...]], columns: Sequence[Column]) -> str | None:
    """Return rows as one text, or None for no rows."""
    if not rows:
        return None
    return _COLUMN.join([column(values) for column, values in zip(columns, zip(*rows, strict=True), strict=True)])
