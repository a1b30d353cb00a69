"""The columns of the order list, for any width."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from checkout_daemon.model.order_rows import Part
from checkout_daemon.present.order_columns import (
    COLUMNS,
    LATEST,
    NARROW_STATUS,
    OrderColumn,
    field_column,
    parts_of,
)

from ..user_config import OwnColumn

_WIDTHS: Sequence[tuple[int, tuple[str, ...]]] = (
    (170, ("order", "age", "status", "total", "card", "country", "customer", "email", "items", "deadline", "event",
           "attention")),
    (140, ("order", "age", "status", "total", "customer", "email", "event", "attention")),
    (110, ("order", "age", "status", "total", "customer", "event", "attention")),
)  # fmt: skip
"""The usual columns from a width on."""

_NARROW = (COLUMNS["order"], COLUMNS["age"], NARROW_STATUS, COLUMNS["total"], COLUMNS["customer"], LATEST)
"""Those of a narrower terminal, where attention and the last event share one."""


def known_columns(own: Sequence[OwnColumn]) -> Mapping[str, OrderColumn]:
    """Return all columns by name, the operator's own last."""
    return {**COLUMNS, **{one.name: field_column(one.name, one.title, one.field, one.width) for one in own}}


def usual_columns(width: int) -> Sequence[OrderColumn]:
    """Return the columns that are shown at a width unless others are chosen."""
    names = next((names for least, names in _WIDTHS if width >= least), ())
    return [COLUMNS[name] for name in names] or _NARROW


def shown_columns(width: int, chosen: Sequence[str], known: Mapping[str, OrderColumn]) -> Sequence[OrderColumn]:
    """Return the columns that are shown at a width: those chosen, or the usual ones and then the operator's own."""
    found = [known[name] for name in chosen if name in known]
    if width < _WIDTHS[-1][0]:
        found = _narrowed(found)
    return found or [*usual_columns(width), *(column for name, column in known.items() if name not in COLUMNS)]


def _narrowed(chosen: Sequence[OrderColumn]) -> list[OrderColumn]:
    """Return the chosen columns for a narrow terminal: one more must not push out what needs attention."""
    narrow = {"status": NARROW_STATUS, "event": replace(LATEST, least=8)}
    shared = "attention" if any(column.name == "event" for column in chosen) else None
    return [narrow.get(column.name, column) for column in chosen if column.name != shared]


def parts(width: int, chosen: Sequence[str], known: Mapping[str, OrderColumn]) -> frozenset[Part]:
    """Return the parts of rows that are shown."""
    return parts_of(shown_columns(width, chosen, known))
