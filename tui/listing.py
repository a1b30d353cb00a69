"""A window on a list of any length, newest first: the rows around what is looked at, and where they are in it.

Rows are read by pages after a place (keyset), so that a list of a million costs what one of a hundred does. Places
passed are remembered with their rank, from which the next window is read; a far jump asks the source to skip. Ranks
below orders that come and go meanwhile may be off by a few: what the window holds is always right, its top exact.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

WINDOW = 400
_LEAD = 150  # rows of a window before those that were asked for
_MARK_EVERY = 100
_NEAR = 600  # rows rather read than skipped


class Row(Protocol):
    """`place`: by which the list is ordered, greatest first; it never changes."""

    @property
    def key(self) -> str: ...

    @property
    def place(self) -> tuple[Any, ...]: ...


R = TypeVar("R", bound=Row)
R_co = TypeVar("R_co", bound=Row, covariant=True)


class Source(Protocol[R_co]):
    """Where a list's rows come from."""

    async def count(self) -> int | None:
        """How many there are; None where that is not counted: then the list grows as it is read."""
        ...

    async def page(self, after: Any | None, limit: int) -> Sequence[R_co]:
        """The rows after a place, or the first."""
        ...

    async def skip(self, after: Any | None, count: int) -> Any | None:
        """The place of the last of `count` rows after a place; None where there are fewer."""
        ...


@dataclass(frozen=True, slots=True)
class Moved:
    """What an update did: rows that came above the window, which rows to show as changed, whether held rows moved."""

    inserted_above: int
    changed: frozenset[str]
    shifted: bool


class Listing(Generic[R]):
    """The rows of ranks `first` and following, of `height`."""

    def __init__(self, source: Source[R]) -> None:
        self.source = source
        self.rows: list[R] = []
        self.first = 0
        self.total: int | None = None
        self._ended = False
        self._marks: list[tuple[int, Any]] = []  # (rank of the row after it, less _shift; place), ascending
        self._shift = 0
        self._generation = 0
        self._late: list[tuple[Sequence[R], Collection[str], Collection[str]]] | None = None

    @property
    def last(self) -> int:
        """The rank after the window's last row."""
        return self.first + len(self.rows)

    @property
    def height(self) -> int:
        """How many rows there are; one more than known while that is not counted, so that one can scroll on."""
        if self._ended or (self.total is not None and self.total < self.last):
            return self.last
        return self.last + 1 if self.total is None else self.total

    @property
    def counted(self) -> bool:
        return self._ended or self.total is not None

    @property
    def keys(self) -> set[str]:
        """Of the rows that are held."""
        return {row.key for row in self.rows}

    @property
    def loading(self) -> bool:
        """Whether rows are on their way that are not held yet."""
        return self._late is not None

    def at(self, rank: int) -> R | None:
        """The row of that rank, if it is held."""
        return self.rows[rank - self.first] if self.first <= rank < self.last else None

    def rank_of(self, key: str) -> int | None:
        """Where the row is, if it is held."""
        for place, row in enumerate(self.rows):
            if row.key == key:
                return self.first + place
        return None

    def covers(self, top: int, bottom: int) -> bool:
        """Whether all rows from one rank to before another are held, as far as there are any."""
        return self.first <= max(top, 0) and (bottom <= self.last or self._ended)

    async def load(self, rank: int) -> None:
        """Move the window to that rank."""
        self._generation += 1
        generation = self._generation
        self._late = []  # a page may be older than what is told while it is read
        start = max(0, rank - _LEAD)
        mark_rank, place = self._mark_before(start)
        ahead = start - mark_rank
        if ahead > _NEAR:
            found = await self.source.skip(place, ahead)
            if found is None:  # the list is shorter than thought
                ahead, start = 0, mark_rank
            else:
                place, ahead = found, 0
        rows = list(await self.source.page(place, ahead + WINDOW))
        if generation != self._generation:
            return
        self._ended = len(rows) < ahead + WINDOW
        self.rows, self.first = rows[ahead:], start
        if self.total is not None and self._ended:
            self.total = self.last
        self._remember()
        late, self._late = self._late, None
        for each in late or ():
            self.update(*each)

    async def count(self) -> None:
        """Learn how many rows there are."""
        total = await self.source.count()
        if total is not None:
            self.total = max(total, self.last)
            if self._ended:
                self.total = self.last

    def update(self, fresh: Sequence[R], gone: Collection[str] = (), new: Collection[str] = ()) -> Moved:
        """Put in rows as they are now. `gone`: no longer in the list; `new`: those that were nowhere before."""
        if self._late is not None:
            self._late.append((fresh, gone, new))
        inserted_above = 0
        changed = set()
        held = {row.key: place for place, row in enumerate(self.rows)}
        added: list[R] = []
        for row in fresh:
            if row.key in held:
                if self.rows[held[row.key]] != row:
                    self.rows[held[row.key]] = row
                    changed.add(row.key)
            elif self._belongs(row):
                added.append(row)
                changed.add(row.key)
            elif row.key in new and self.rows and row.place > self.rows[0].place:
                inserted_above += 1
        if leaving := {key for key in gone if key in held}:
            self.rows = [row for row in self.rows if row.key not in leaving]
        if added:
            self.rows = sorted([*self.rows, *added], key=lambda row: row.place, reverse=True)
        self.first += inserted_above
        self._shift += inserted_above + len(added) - len(leaving)
        if self.total is not None:
            self.total = max(self.total + inserted_above + len(added) - len(leaving), self.last)
        if self.first == 0 and len(self.rows) > 2 * WINDOW:
            del self.rows[WINDOW:]
            self._ended = False
        return Moved(inserted_above, frozenset(changed), bool(inserted_above or added or leaving))

    def _belongs(self, row: R) -> bool:
        """Whether its place is within the window."""
        if not self.rows:
            return True
        below_top = self.first == 0 or row.place < self.rows[0].place
        return below_top and (self._ended or row.place > self.rows[-1].place)

    def _mark_before(self, rank: int) -> tuple[int, Any | None]:
        at = bisect_right(self._marks, rank - self._shift, key=lambda mark: mark[0])
        if at == 0:
            return 0, None
        known, place = self._marks[at - 1]
        # What was inserted since may have moved it below the rank it is asked for.
        return max(known + self._shift, 0), place

    def _remember(self) -> None:
        known = {rank for rank, _ in self._marks}
        for offset in range(_MARK_EVERY, len(self.rows), _MARK_EVERY):
            rank = self.first + offset - self._shift
            if rank // _MARK_EVERY not in {each // _MARK_EVERY for each in known}:
                self._marks.append((rank, self.rows[offset - 1].place))
        self._marks.sort(key=lambda mark: mark[0])
