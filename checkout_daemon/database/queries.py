"""The named statements of sql/queries/ROOM/MODULE.sql, read once. Each starts with `-- name: NAME`."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path

_MARK = "-- name: "


def sql_folder() -> Path:
    """Return the directory of schema.sql, the migrations and the queries."""
    # Without importlib.resources: importing it takes longer than reading all files, and completion waits for it.
    return Path(import_module("checkout_daemon.sql").__file__ or "").parent


def sql(name: str) -> str:
    """Return the statement with this name. Raise KeyError for an unknown name."""
    return all_queries()[name]


@cache
def all_queries() -> dict[str, str]:
    """Return every statement by name. Raise ValueError if a name is used twice."""
    queries: dict[str, str] = {}
    for path in sorted((sql_folder() / "queries").rglob("*.sql")):
        for block in path.read_text(encoding="utf-8").split(_MARK)[1:]:
            name, _, statement = block.partition("\n")
            if name.strip() in queries:
                raise ValueError(f"{path.name}: the statement {name.strip()} is defined twice")
            queries[name.strip()] = statement.strip().rstrip(";")
    return queries
