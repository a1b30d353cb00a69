"""Find the operation for a method and path."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

from checkout_daemon.sandbox.box import Operation
from checkout_daemon.sandbox.errors import no_search, unknown_url

_ID = "{id}"
_MOST_IDS = 2
_SEARCH = "search"


class Router:
    """Paths by their parts, where `{id}` stands for any; fixed parts win, and of two paths with one the later `{id}`.

    The identifier found is the handler's third argument; of a path with two, both, with a slash between them.
    """

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._table: dict[tuple[str, tuple[str, ...]], Operation] = {}
        for operation in operations:
            parts = tuple(operation.path.strip("/").split("/"))
            self._table[operation.method, parts] = operation
        self._longest = max((len(parts) for _, parts in self._table), default=0)

    def find(self, method: str, path: str) -> tuple[Operation, str]:
        """The operation, and the identifier in the path. Raises ApiError (404)."""
        parts = tuple(path.strip("/").split("/"))
        if len(parts) <= self._longest and all(parts):
            for count in range(_MOST_IDS + 1):
                for positions in combinations(range(len(parts) - 1, 0, -1), count):
                    pattern = tuple(_ID if at in positions else part for at, part in enumerate(parts))
                    found = self._table.get((method, pattern))
                    if found is not None and pattern.count(_ID) == count:
                        if parts[-1] == _SEARCH and pattern[-1] == _ID:
                            raise no_search(path)
                        return found, "/".join(parts[at] for at in sorted(positions))
        raise unknown_url(method, path)
