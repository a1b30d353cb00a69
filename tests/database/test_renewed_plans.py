"""A plan that was made while a table was empty is not kept for long."""

from __future__ import annotations

import asyncpg
import pytest

from checkout_daemon.database import connection as plans
from checkout_daemon.database.pool import Database

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


async def plan(connection: asyncpg.Connection) -> str:
    return "\n".join(row[0] for row in await connection.fetch(LOOK))
