"""Named statements from sql/queries/*.sql, read once: `-- name: NAME` starts each."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

_MARK = "-- name: "


def sql(name: str) -> str:
    """The statement of that name. Raises KeyError for an unknown one."""
    return all_queries()[name]


@cache
def all_queries() -> dict[str, str]:
    """Every statement by name; a name used twice is refused."""
    queries: dict[str, str] = {}
    for path in sorted(files("checkout_daemon.sql").joinpath("queries").iterdir(), key=lambda entry: entry.name):
        if not path.name.endswith(".sql"):
            continue
        for block in path.read_text(encoding="utf-8").split(_MARK)[1:]:
            name, _, statement = block.partition("\n")
            if name.strip() in queries:
                raise ValueError(f"{path.name}: the statement {name.strip()} is defined twice")
            queries[name.strip()] = statement.strip().rstrip(";")
    return queries
