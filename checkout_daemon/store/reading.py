"""What reading by pages and by JSON needs: where a page goes on, and rows of one statement as records."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    R = TypeVar("R", bound=DataclassInstance)

# Before and after everything: bounds that are always there keep a statement to its index.
LONG_AGO = datetime(1, 1, 2, tzinfo=UTC)
FAR_FUTURE = datetime(9999, 12, 30, tzinfo=UTC)


def in_utc(record: R) -> R:
    """The record with its times in UTC: PostgreSQL writes times in JSON as of its own time zone."""
    times: dict[str, Any] = {}
    for field in fields(record):
        value = getattr(record, field.name)
        if isinstance(value, datetime):
            times[field.name] = value.astimezone(UTC)
    return replace(record, **times)
