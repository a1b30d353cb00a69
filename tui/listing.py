"""A window on a list of any length, newest first: the rows around the view, and their ranks in the list.

Rows are read in keyset pages, so a list of a million costs as much as one of a hundred. The positions of rows already
read are remembered with their ranks, and the next window is read from the nearest; for a far jump the source skips
rows, from the nearer end. While orders come and go, ranks further down may be off by a few, and the length of a long
list is an estimate. The rows in the window are always right, and its top is exact.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from checkout_daemon.orders.terminal_windows import Length

WINDOW = 400
_LEAD = 150  # rows that a window holds above the requested one
_MARK_EVERY = 100
_NEAR = 600  # read up to this many rows rather than ask the source to skip them


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Item(Generic[T]):
    """One item of a list. `place` is its sort key, greatest first; `row` is what is shown."""

    key: str
    place: tuple[Any, ...]
    row: T


class Source(Generic[T]):
    """Reads a list."""

    at_once: ClassVar[bool] = False
    """Whether the first page has every item, whatever the limit: nothing is read after it."""

    @property
    def whole(self) -> bool:
        """Whether every row that fits is in the list, as far as it was read."""
        return True

    async def count(self) -> Length | None:
        """Return the length, or None if the list is not counted and grows as it is read."""
        return None

    async def page(self, after: Any | None, limit: int) -> Sequence[Item[T]]:
        """Return the items after a place, or the first items."""
        raise NotImplementedError

    async def skip(self, after: Any | None, count: int) -> Any | None:
        """Return the place of the last of `count` items after a place, or None if there are fewer."""
        page = await self.page(after, count)
        return page[-1].place if len(page) == count else None

    async def skip_from_end(self, count: int) -> Any | None:
        """Return the place that has `count` items after it, or None if there are no more. Only of a counted list."""
        raise NotImplementedError

    def rank_of(self, place: Any) -> int | None:
        """Return how many items are before a place, or None if that is not known."""
        return None


@dataclass(frozen=True, slots=True)
class Moved:
    """The effect of an update: rows inserted above the window, keys to highlight, and whether rows in it moved.

    `moved` are the keys of rows that have another place now; `left` has those places if they are out of the window.
    """

    inserted_above: int
    changed: frozenset[str]
    shifted: bool
    moved: frozenset[str]
    left: Mapping[str, tuple[Any, ...]]


class Listing(Generic[T]):
    """A window of rows in a list of `height` rows, starting at rank `first`."""

    def __init__(self, source: Source[T]) -> None:
        self.source = source
        self.rows: list[Item[T]] = []
        self.first = 0
        self.total: int | None = None
        self.exact = True
        self._ended = False
        self._marks: list[tuple[int, Any]] = []  # (rank of the row after it, less _shift; place), ascending
        self._shift = 0
        self._generation = 0
        self._late: list[tuple[Sequence[Item[T]], Collection[str], Collection[str]]] | None = None

    @property
    def last(self) -> int:
        """The rank after the window's last row."""
        return self.first + len(self.rows)

    @property
    def height(self) -> int:
        """The length of the list; one more than is known while it is not counted, so that scrolling continues."""
        if self._ended or (self.total is not None and self.total < self.last):
            return self.last
        return self.last + 1 if self.total is None else self.total

    @property
    def counted(self) -> bool:
        return self._ended or self.total is not None

    @property
    def keys(self) -> set[str]:
        """The keys of the rows in the window."""
        return {row.key for row in self.rows}

    @property
    def loading(self) -> bool:
        """Whether a page is being read."""
        return self._late is not None

    def at(self, rank: int) -> Item[T] | None:
        """Return the row of a rank if it is in the window."""
        return self.rows[rank - self.first] if self.first <= rank < self.last else None

    def rank_of(self, key: str) -> int | None:
        """Return the rank of a row if it is in the window."""
        for place, row in enumerate(self.rows):
            if row.key == key:
                return self.first + place
        return None

    def covers(self, top: int, bottom: int) -> bool:
        """Return whether the window holds all existing rows from rank `top` up to `bottom`."""
        return self.first <= max(top, 0) and (bottom <= self.last or self._ended)

    async def load(self, rank: int) -> None:
        """Read the rows around a rank."""
        self._generation += 1
        generation = self._generation
        self._late = []  # updates that arrive while the page is read, and may be newer than it
        start = 0 if self.source.at_once else max(0, rank - _LEAD)
        mark_rank, place = self._mark_before(start) if start else (0, None)
        ahead = start - mark_rank
        if ahead > _NEAR:
            left = None if self.total is None else self.total - start
            if left is None or left > ahead:
                found = await self.source.skip(place, ahead)
            else:
                found = await self.source.skip_from_end(left)
            if found is None:  # the list is shorter than expected
                ahead, start = 0, mark_rank
            else:
                place, ahead = found, 0
        rows = list(await self.source.page(place, ahead + WINDOW))
        if generation != self._generation:
            return
        self._ended = self.source.at_once or len(rows) < ahead + WINDOW
        self.rows, self.first = rows[ahead:], start
        if self.total is not None and self._ended:
            self.total = self.last
        self._remember()
        late, self._late = self._late, None
        for update in late or ():
            self.update(*update)

    async def count(self) -> None:
        """Read the length of the list."""
        length = await self.source.count()
        if length is not None:
            self.total, self.exact = max(length.rows, self.last), length.exact
            if self._ended:
                self.total = self.last

    def update(self, fresh: Sequence[Item[T]], gone: Collection[str] = (), new: Collection[str] = ()) -> Moved:
        """Merge current rows into the window. Keys in `gone` left the list; keys in `new` were not in it before."""
        if self._late is not None:
            self._late.append((fresh, gone, new))
        changed = set()
        places = {row.key: place for place, row in enumerate(self.rows)}
        leaving = {key for key in gone if key in places}
        added: list[Item[T]] = []
        moving: list[Item[T]] = []
        for row in fresh:
            known = self.rows[places[row.key]] if row.key in places else None
            if known is None or row.place != known.place:
                (added if known is None else moving).append(row)
            elif known != row:
                self.rows[places[row.key]] = row
                changed.add(row.key)
        top = self.rows[0].place if self.rows else None
        above = [row for row in added if row.key in new and top is not None and row.place > top and self.first]
        leaving |= {row.key for row in moving}
        if leaving:
            self.rows = [row for row in self.rows if row.key not in leaving]
        entered = [row for row in (*added, *moving) if self._belongs(row, top)]
        changed |= {row.key for row in entered}
        left = {row.key: row.place for row in moving if row.key not in changed}
        inserted_above = len(above) + sum(top is not None and place > top for place in left.values())
        if entered:
            self.rows = sorted([*self.rows, *entered], key=lambda row: row.place, reverse=True)
        self.first += inserted_above
        self._shift += inserted_above + len(entered) - len(leaving)
        if self.total is not None:
            fewer = len(leaving) - len(moving)
            more = len(above) + len(entered) - sum(row.key in changed for row in moving)
            self.total = max(self.total + more - fewer, self.last)
        if self.first == 0 and len(self.rows) > 2 * WINDOW and not self.source.at_once:
            del self.rows[WINDOW:]
            self._ended = False
        moved = frozenset(row.key for row in moving)
        return Moved(inserted_above, frozenset(changed), bool(inserted_above or entered or leaving), moved, left)

    def _belongs(self, row: Item[T], top: Any | None) -> bool:
        """Return whether a row's place is within the window, whose first row had the place `top`."""
        if not self.rows:
            return self.first == 0 or (top is not None and row.place <= top)
        below_top = self.first == 0 or (top is not None and row.place <= top)
        return below_top and (self._ended or row.place > self.rows[-1].place)

    def _mark_before(self, rank: int) -> tuple[int, Any | None]:
        at = bisect_right(self._marks, rank - self._shift, key=lambda mark: mark[0])
        if at == 0:
            return 0, None
        known, place = self._marks[at - 1]
        # Rows inserted since may have moved the mark below the requested rank.
        return max(known + self._shift, 0), place

    def _remember(self) -> None:
        known = {rank for rank, _ in self._marks}
        for offset in range(_MARK_EVERY, len(self.rows), _MARK_EVERY):
            rank = self.first + offset - self._shift
            if rank // _MARK_EVERY not in {mark // _MARK_EVERY for mark in known}:
                self._marks.append((rank, self.rows[offset - 1].place))
        self._marks.sort(key=lambda mark: mark[0])
