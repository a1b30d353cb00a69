"""A shop with many orders, on a connection that keeps the plan of each statement as it was run."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import asyncpg

from checkout_daemon.model.orders import OrderStatus
from checkout_daemon.orders.order_filter import Condition
from checkout_daemon.orders.query_values import word_of
from tests.database.test_generic_plans import LARGE, nodes_of

FILL = Path(__file__).parents[2] / "bench" / "sql" / "fill.sql"

ORDERS, EVENTS, PAYLOADS = 12_000, 36_000, 2_000

PAGE = 50

SEARCHED = 4_000  # a third of the orders

NOW = datetime.now(UTC)

MINUTE = timedelta(minutes=1)


class Explaining(asyncpg.Connection):
    """A connection that keeps the plan of each statement as it was run."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.plans: list[dict[str, Any]] = []

    async def fetch(self, query: str, *args: Any, **options: Any) -> Any:
        await self._explain(query, args)
        return await super().fetch(query, *args, **options)

    async def fetchrow(self, query: str, *args: Any, **options: Any) -> Any:
        await self._explain(query, args)
        return await super().fetchrow(query, *args, **options)

    async def fetchval(self, query: str, *args: Any, **options: Any) -> Any:
        await self._explain(query, args)
        return await super().fetchval(query, *args, **options)

    async def _explain(self, query: str, args: tuple[Any, ...]) -> None:
        (row,) = await super().fetch(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {query}", *args)
        self.plans.append(json.loads(row[0])[0]["Plan"])


class GenericallyExplaining(Explaining):
    """The same with the plans of a daemon, which are made for any arguments."""

    async def _explain(self, query: str, args: tuple[Any, ...]) -> None:
        await self.execute(f"PREPARE explained AS {query}")
        kinds = await asyncpg.Connection.fetchval(
            self, "SELECT parameter_types::text[] FROM pg_prepared_statements WHERE name = 'explained'"
        )
        values = ""
        if kinds:  # EXPLAIN has no parameters of its own, so the server writes them out
            written = ", ".join(f"quote_nullable(${number}::{kind})" for number, kind in enumerate(kinds, 1))
            row = await asyncpg.Connection.fetchrow(self, f"SELECT {written}", *args)
            assert row is not None
            values = f"({', '.join(row)})"
        text = await asyncpg.Connection.fetchval(
            self, f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) EXECUTE explained{values}"
        )
        await self.execute("DEALLOCATE explained")
        self.plans.append(json.loads(text)[0]["Plan"])


class OnOneConnection:
    """A database with one connection, which somebody watches."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        yield self._connection


def of_words(*words: str) -> dict[str, Any]:
    return {"conditions": tuple(Condition("word", word=word_of(word)) for word in words)}


def in_pairs(*groups: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return each filter, and each two that set different fields."""
    single = {name: fields for group in groups for name, fields in group.items()}
    pairs = {
        f"{one} {other}": single[one] | single[other]
        for one, other in combinations(single, 2)
        if not single[one].keys() & single[other].keys()
    }
    return {"all": {}} | single | pairs


FILTERS: dict[str, dict[str, Any]] = {
    **{status.value: {"statuses": (status.value,)} for status in OrderStatus},
    "statuses": {"statuses": ("disputed", "failed", "completed")},
    "then": {"since": NOW - timedelta(days=400), "until": NOW - timedelta(days=390)},
    "since": {"since": NOW - timedelta(days=1)},
    "until": {"until": NOW - timedelta(days=400)},
    "attention": {"attention": True},
    "email": {"email": "nora.mrvp@example.com"},
    "email of many": {"email": "desk@example.com"},
}


def most_rows(shop: Explaining, plans: list[dict[str, Any]] | None = None) -> int:
    """Return how many rows the busiest node of all plans handled. Fail if one reads a large table whole."""
    nodes = [node for plan in plans or shop.plans for node in nodes_of(plan) if node.get("CTE Name") != "conditions"]
    assert not [node for node in nodes if node["Node Type"] == "Seq Scan" and node["Relation Name"] in LARGE]
    return max(int(rows_of(node)) for node in nodes)


def rows_of(node: dict[str, Any]) -> float:
    removed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return float(node["Actual Loops"] * (node["Actual Rows"] + removed))
