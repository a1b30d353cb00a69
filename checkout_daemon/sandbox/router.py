"""Find the operation for a method and path."""

from __future__ import annotations

from collections.abc import Iterable

from checkout_daemon.sandbox.box import Operation
from checkout_daemon.sandbox.errors import unknown_url

_ID = "{id}"


class Router:
    """Paths by their parts, where `{id}` stands for any; fixed parts win."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._table: dict[tuple[str, tuple[str, ...]], Operation] = {}
        for operation in operations:
            parts = tuple(operation.path.strip("/").split("/"))
            self._table[operation.method, parts] = operation

    def find(self, method: str, path: str) -> tuple[Operation, str]:
        """The operation, and the identifier in the path. Raises ApiError (404)."""
        parts = tuple(path.strip("/").split("/"))
        exact = self._table.get((method, parts))
        if exact is not None and _ID not in parts:
            return exact, ""
        for position in range(len(parts) - 1, 0, -1):
            pattern = (*parts[:position], _ID, *parts[position + 1 :])
            found = self._table.get((method, pattern))
            if found is not None and parts[position]:
                return found, parts[position]
        raise unknown_url(method, path)
