"""Remembers which events were stored a while ago, so that their duplicates need not be translated."""

from __future__ import annotations

from collections.abc import Iterable

_LEAST = 16_384


class RecentEvents:
    """The events that were added last: at least `least` of them if there were so many, at most twice as many.

    This is a hint, which proves nothing: a database may have lost since what it had stored.
    """

    def __init__(self, least: int = _LEAST) -> None:
        # Hashes take a third of the memory of ids. Two ids with one hash cost a query, no more.
        self._least = least
        self._new: set[int] = set()
        self._old: set[int] = set()

    def add(self, ids: Iterable[str]) -> None:
        """Remember events."""
        self._new.update(map(hash, ids))
        if len(self._new) >= self._least:
            self._old, self._new = self._new, set()

    def include(self, ids: Iterable[str]) -> bool:
        """Return whether all of these events are remembered."""
        return all(key in self._new or key in self._old for key in map(hash, ids))
