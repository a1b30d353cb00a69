"""Rows and records: pages of a list, bounds of time filters, rows as records, records as columns, times in UTC."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Hashable
from dataclasses import fields, replace
from datetime import UTC, datetime
from functools import cache
from operator import attrgetter
from types import NoneType
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import UUID

import asyncpg

T = TypeVar("T")
if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    R = TypeVar("R", bound=DataclassInstance)

PAGE = 500

# Before and after everything: a statement that always has bounds can always use its index.
LONG_AGO = datetime(1, 1, 2, tzinfo=UTC)
FAR_FUTURE = datetime(9999, 12, 30, tzinfo=UTC)


async def pages(
    read: Callable[[int, T | None], Awaitable[list[T]]], limit: int | None = None, *, after: T | None = None
) -> AsyncIterator[list[T]]:
    """Yield the pages of a list, without empty ones, until its end or `limit` rows; those after a row, if given.

    `read(size, last)` reads the page of at most `size` rows after the row `last`, or the first page.
    """
    last = after
    left = limit
    while left is None or left > 0:
        size = PAGE if left is None else min(left, PAGE)
        page = await read(size, last)
        if page:
            yield page
        if len(page) < size:
            return
        last = page[-1]
        left = None if left is None else left - size


def record_of(kind: type[T], row: asyncpg.Record) -> T:
    """Return a row as a dataclass or struct of the columns with its fields' names: ids as text, arrays as tuples.

    Other columns are ignored, so that a column that only a newer schema has does no harm.
    """
    names = _names(cast("Hashable", kind))
    try:
        return kind(*[value if type(value) in _AS_IS else _value(value) for value in map(row.__getitem__, names)])
    except KeyError:  # a field that has a default is no column
        return kind(**{name: _value(row[name]) for name in names if name in row})


@cache
def _names(kind: Any) -> tuple[str, ...]:
    return getattr(kind, "__struct_fields__", ()) or tuple(field.name for field in fields(kind))


_AS_IS = frozenset({str, int, bool, datetime, NoneType})  # most values: a list has thousands


def _value(value: Any) -> Any:
    if isinstance(value, UUID):
        return str(value)
    return tuple(value) if isinstance(value, list) else value


def columns(records: Collection[Any], *attributes: str) -> list[list[Any]]:
    """Return one list per attribute, as unnest() takes them. An attribute may be a path, such as `verdict.status`."""
    return [list(map(attrgetter(attribute), records)) for attribute in attributes]


def in_utc(record: R) -> R:
    """Return the record with its times in UTC: PostgreSQL writes times in JSON in its own time zone."""
    times: dict[str, Any] = {}
    for field in fields(record):
        value = getattr(record, field.name)
        if isinstance(value, datetime):
            times[field.name] = value.astimezone(UTC)
    return replace(record, **times)
