"""Find the operation for a method and path."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

from checkout_daemon.sandbox.box import Operation
from checkout_daemon.sandbox.errors import unknown_url, unmodelled_url

_ID = "{id}"
_MOST_IDS = 3


class Router:
    """Operations by method and path, where `{id}` matches any part.

    Fixed parts take precedence, and of two paths with one `{id}` the one where it is later. The identifier is the
    handler's third argument; for a path with two, both are joined by a slash. `others` are the methods and paths that
    Stripe has and the sandbox does not.
    """

    def __init__(self, operations: Iterable[Operation], others: Iterable[tuple[str, str]] = ()) -> None:
        self._table: dict[tuple[str, tuple[str, ...]], Operation | None] = {
            (method, _parts(path)): None for method, path in others
        }
        self._table |= {(operation.method, _parts(operation.path)): operation for operation in operations}
        self._longest = max((len(parts) for _, parts in self._table), default=0)

    def find(self, method: str, path: str) -> tuple[Operation, str]:
        """Return the operation and the identifier in the path. Raise ApiError (404)."""
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
    """Return the parts of a path. A slash at its end makes an empty part: an identifier that is missing."""
    return tuple(path.removeprefix("/").split("/"))
