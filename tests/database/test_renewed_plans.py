"""A plan that was made while a table was empty is not kept for long."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest

from checkout_daemon.database import connection as plans
from checkout_daemon.database import pool
from checkout_daemon.database.pool import MOST_QUERIES, Database

LOOK = "EXPLAIN EXECUTE look('{evt_1}')"


async def test_a_plan_for_an_empty_table_is_remade(
    database_url: str, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plans, "_PLANS_SECONDS", 0.0)
    monkeypatch.setattr(plans, "_LONGEST_PLANS_SECONDS", 0.0)
    await connection.execute("VACUUM (ANALYZE) stripe_events")
    database = Database(database_url, max_size=1, generic_plans=True)
    async with database.connection() as kept:
        await kept.execute("PREPARE look (text[]) AS SELECT body_hash FROM stripe_events WHERE id = ANY($1)")
        while_empty = await plan(kept)
        await connection.execute(
            "INSERT INTO stripe_events (id, type, status, reason, received_at, body_hash)"
            " SELECT 'evt_' || n, 'x', 'ignored', 'x', now(), '' FROM generate_series(1, 5000) AS n"
        )
        assert await plan(kept) == while_empty
    async with database.connection() as kept:
        assert "stripe_events_pkey" in await plan(kept)
    await database.close()


async def test_a_connection_keeps_its_plans_for_millions_of_queries(database_url: str) -> None:
    database = Database(database_url, max_size=1, generic_plans=True)
    async with database.connection() as connection:
        borrowed: Any = connection
        assert borrowed._holder._max_queries == MOST_QUERIES >= 1_000_000  # asyncpg keeps no public record of it
    await database.close()


async def test_a_connection_that_has_run_as_many_queries_as_it_may_is_opened_anew(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "MOST_QUERIES", 3)
    database = Database(database_url, max_size=1)
    processes = []
    for _ in range(4):
        async with database.connection() as connection:
            processes.append(await connection.fetchval("SELECT pg_backend_pid()"))
    await database.close()
    assert len(set(processes)) > 1


async def plan(connection: asyncpg.Connection) -> str:
    return "\n".join(row[0] for row in await connection.fetch(LOOK))
