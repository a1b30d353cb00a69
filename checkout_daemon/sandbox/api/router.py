"""Find the operation for a method and path."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

from checkout_daemon.sandbox.box import Operation
from checkout_daemon.sandbox.errors import unknown_url, unmodelled_url

_ID = "{id}"
_MOST_IDS = 3


class Router:
    """Paths by their parts, where `{id}` stands for any; fixed parts win, and of two paths with one the later `{id}`.

    The identifier found is the handler's third argument; of a path with two, both, with a slash between them.
    `others` are the methods and paths that Stripe has as well.
    """

    def __init__(self, operations: Iterable[Operation], others: Iterable[tuple[str, str]] = ()) -> None:
        self._table: dict[tuple[str, tuple[str, ...]], Operation | None] = {
            (method, _parts(path)): None for method, path in others
        }
        self._table |= {(each.method, _parts(each.path)): each for each in operations}
        self._longest = max((len(parts) for _, parts in self._table), default=0)

    def find(self, method: str, path: str) -> tuple[Operation, str]:
        """Return the operation, and the identifier in the path. Raises ApiError (404)."""
        parts = _parts(path)
        if len(parts) <= self._longest and all(parts):
            for count in range(min(len(parts), _MOST_IDS + 1)):
                for positions in combinations(range(len(parts) - 1, 0, -1), count):
                    pattern = tuple(_ID if at in positions else part for at, part in enumerate(parts))
                    if (method, pattern) in self._table and pattern.count(_ID) == count:
                        found = self._table[method, pattern]
                        if found is None:
                            raise unmodelled_url(method, path)
                        return found, "/".join(parts[at] for at in sorted(positions))
        raise unknown_url(method, path)


def _parts(path: str) -> tuple[str, ...]:
    return tuple(path.strip("/").split("/"))
