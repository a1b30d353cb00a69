"""Named statements from sql/queries/*.sql, read once: `-- name: NAME` starts each."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path

_MARK = "-- name: "


def sql(name: str) -> str:
    """The statement of that name. Raises KeyError for an unknown one."""
    return all_queries()[name]


@cache
def all_queries() -> dict[str, str]:
    """Every statement by name; a name used twice is refused."""
    queries: dict[str, str] = {}
    # Not by importlib.resources: importing it takes longer than reading them all, and completion waits for it.
    folder = Path(import_module("checkout_daemon.sql").__file__ or "").parent / "queries"
    for path in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if not path.name.endswith(".sql"):
            continue
        for block in path.read_text(encoding="utf-8").split(_MARK)[1:]:
            name, _, statement = block.partition("\n")
            if name.strip() in queries:
                raise ValueError(f"{path.name}: the statement {name.strip()} is defined twice")
            queries[name.strip()] = statement.strip().rstrip(";")
    return queries
