"""Sorts of lists: by which column, and the place of a row."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, TypeVar

from checkout_daemon.model.text import search_form

MOST_SORTED = 5000
"""Of a longer list the newest rows are sorted, so that a sort costs the same in a shop of any size."""

S = TypeVar("S", bound="SortBy")


@dataclass(frozen=True, slots=True)
class SortBy:
    """By which column a list is sorted."""

    name: str
    descending: bool = True

    def __str__(self) -> str:
        """Return the sort as `--sort` takes it: `-amount` is the largest first."""
        return f"-{self.name}" if self.descending else self.name

    @property
    def words(self) -> str:
        """The sort as lists show it, such as `amount▼`."""
        return f"{self.name}{'▼' if self.descending else '▲'}"

    def turned(self: S) -> S:
        """Return the opposite direction."""
        return replace(self, descending=not self.descending)

    def place_of(self, key: Any, *ties: Any) -> tuple[Any, ...]:
        """Return the place of a row with this key: the first one has the greatest. Rows without a key are last.

        Of rows with the same key, those with greater `ties` are first, or last if the sort is ascending.
        """
        if key is None:
            return False, "", *ties
        if self.descending:
            return True, key, *ties
        return True, _Reversed(key), *map(_Reversed, ties)


class _Reversed:
    """A value that compares the other way round."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Reversed) and bool(self.value == other.value)

    def __lt__(self, other: _Reversed) -> bool:
        return bool(other.value < self.value)

    def __gt__(self, other: _Reversed) -> bool:
        return bool(other.value > self.value)

    def __le__(self, other: _Reversed) -> bool:
        return not self > other

    def __ge__(self, other: _Reversed) -> bool:
        return not self < other

    def __hash__(self) -> int:
        return hash(self.value)


def sort_key(value: Any) -> Any:
    """Return what a value is sorted by: a text without case and accents, a list by its length, None if it is empty."""
    if isinstance(value, str):
        return search_form(value) or None
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, (list, tuple, dict)):
        return len(value) or None
    return value
