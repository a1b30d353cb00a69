"""Tell our tables from those of other programs in the same database."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

import asyncpg

from checkout_daemon.database.queries import sql, sql_folder

_MADE = re.compile(r"^CREATE (TABLE|VIEW|FUNCTION) (\w+)", re.MULTILINE)
PARTITIONS = "stripe_event_payloads_"


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A table, view or sequence of another program; `in_ours`: it is in the schema that has our tables."""

    schema: str
    name: str
    in_ours: bool


@cache
def our_relations() -> frozenset[str]:
    """Return the names of our tables and views, without the partitions of payloads."""
    return frozenset(name for kind, name in _MADE.findall(_schema()) if kind != "FUNCTION")


@cache
def our_functions() -> frozenset[str]:
    """Return the names of our functions."""
    return frozenset(name for kind, name in _MADE.findall(_schema()) if kind == "FUNCTION")


async def read_neighbours(connection: asyncpg.Connection, *, has_ours: bool) -> list[Neighbour]:
    """Return what others keep in the database. Without `has_ours`, no table of our names is ours."""
    return [
        Neighbour(**dict(row)) for row in await connection.fetch(sql("neighbours"), sorted(our_relations()), has_ours)
    ]


def _schema() -> str:
    return (sql_folder() / "schema.sql").read_text("utf-8")
