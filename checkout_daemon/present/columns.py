"""The columns of lists: one registry per list is for `--columns`, `--sort`, the terminal's picker and its titles."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Generic, TypeVar

from checkout_daemon.model.sorting import SortBy, sort_key
from checkout_daemon.present.statuses import Tone
from checkout_daemon.present.text import masked, plain

T = TypeVar("T")
WIDE = 110
"""From so many columns on, a terminal shows more next to each other."""


@dataclass(frozen=True, slots=True)
class View:
    """As of when and in which time zone a list is shown, and whether personal data is masked.

    `livemode` is the mode of the key: orders of the other one are marked; None: none are.
    """

    now: datetime
    masked: bool = False
    time_zone: str = "UTC"
    livemode: bool | None = None

    def name(self, text: str) -> str:
        """Return a name or address as it may be shown."""
        return masked(text) if self.masked else plain(text)


def _neutral(_: Any) -> Tone:
    return Tone.NEUTRAL


def muted(_: Any) -> Tone:
    """Return the tone of what is of less interest."""
    return Tone.MUTED


def alarm(_: Any) -> Tone:
    """Return the tone of what must not be missed."""
    return Tone.ALARM


def short_card(text: str) -> str:
    """Return a card in fewer letters: of one that is cut, the last digits must not be missing."""
    return text.replace("American Express", "Amex").replace("•••• ", "")


def short_count(text: str) -> str:
    """Return a number in fewer letters, of the same value: without commas and spaces."""
    return text.replace(",", "").replace(" ", "")


@dataclass(frozen=True, slots=True)
class RowColumn(Generic[T]):
    """A column: its value as text and as JSON, its width in cells, and the part of a row that it needs.

    `share` is its part of the width that is left over, up to `most` cells; 0: none. `sort` names the sort by it, and
    `value` is what it is sorted by, unless the list has its own sorts. `short` shortens a text that does not fit.
    """

    name: str
    title: str
    key: str
    text: Callable[[T, View], str]
    least: int
    most: int = 0
    share: int = 0
    right: bool = False
    sort: str = ""
    part: Any = None
    tone: Callable[[T], Tone] = _neutral
    value: Callable[[T], Any] | None = None
    short: Callable[[str], str] | None = None

    def fitted(self, row: T, view: View, width: int) -> str:
        """Return the text, shortened if it is longer than a width."""
        text = self.text(row, view)
        return self.short(text) if self.short is not None and len(text) > width else text


@dataclass(frozen=True, slots=True)
class ListLook(Generic[T]):
    """The columns of a list by name, which of them are shown unless others are chosen, and how it is sorted at first.

    `wide` are those of a terminal with at least 110 columns. `ascending` are the sorts whose first click is from A to
    Z, or the least first.
    """

    columns: Mapping[str, RowColumn[T]]
    narrow: tuple[str, ...]
    wide: tuple[str, ...]
    first: SortBy
    ascending: frozenset[str] = frozenset()

    def usual(self, width: int) -> tuple[str, ...]:
        """Return the names of the usual columns for a width."""
        return self.wide if width >= WIDE else self.narrow

    def shown(self, width: int, chosen: Sequence[str]) -> list[RowColumn[T]]:
        """Return the columns that are shown at a width, as far as they fit: those chosen, or the usual ones."""
        known = [self.columns[name] for name in chosen if name in self.columns]
        return known or [self.columns[name] for name in self.usual(width)]

    def read_sort(self, text: str) -> SortBy | None:
        """Return the sort that `tries` or `-tries` stands for, or None."""
        name = text.removeprefix("-")
        return SortBy(name, descending=text.startswith("-")) if name in self.sorts else None

    @property
    def sorts(self) -> list[str]:
        """The names of all sorts."""
        return [column.sort for column in self.columns.values() if column.sort]

    def first_sort(self, name: str) -> SortBy:
        """Return the sort that the first click on a column chooses."""
        return SortBy(name, descending=name not in self.ascending)

    def place_of(self, sort: SortBy, row: T, *ties: Any) -> tuple[Any, ...]:
        """Return the place of a row in a sort, see SortBy.place_of."""
        value = self.columns[sort.name].value
        assert value is not None
        return sort.place_of(sort_key(value(row)), *ties)


def by_name(columns: Iterable[RowColumn[T]]) -> Mapping[str, RowColumn[T]]:
    """Return columns by their name. Those with a value are sorted by their name."""
    return {
        column.name: replace(column, sort=column.name) if column.value is not None else column for column in columns
    }


def widths(columns: Sequence[RowColumn[Any]], room: int, gap: int) -> list[int]:
    """Return the width of each column that fits from the left; the others have no room."""
    found: list[int] = []
    for column in columns:
        if sum(found) + gap * len(found) + column.least > room:
            break
        found.append(column.least)
    shown = columns[: len(found)]
    left = room - sum(found) - gap * max(len(found) - 1, 0)
    while left > 0 and (growing := [at for at, column in enumerate(shown) if column.share and found[at] < column.most]):
        for at in growing:
            more = min(shown[at].share, shown[at].most - found[at], left)
            found[at] += more
            left -= more
    return found
