"""Two Stripe accounts share one database: each has a schema of its own, named in its DATABASE_URL."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import asyncpg

from checkout_daemon.database.migrations import migrate
from tests.support.daemon import Daemon, deliver_until_taken
from tests.test_crashes import make_bodies

ORDERS_OF_EACH = 12


async def account(database_url: str, schema: str) -> str:
    """Create a schema with our tables, and return the URL that leads to it."""
    connection = await asyncpg.connect(database_url)
    await connection.execute(f"CREATE SCHEMA {schema}")
    await connection.close()
    url = f"{database_url}?options=-csearch_path%3D{schema}"
    await migrate(url)
    return url


async def test_two_accounts_in_two_schemas_do_not_see_each_other(database_url: str, tmp_path: Path) -> None:
    urls = [await account(database_url, schema) for schema in ("account_a", "account_b")]
    daemons = [Daemon(url, tmp_path) for url in urls]
    # The same ids in both: whatever they shared by mistake, such as a lock or an event's row, would show.
    bodies = [await make_bodies(url, ORDERS_OF_EACH) for url in urls]
    await asyncio.gather(*(daemon.start() for daemon in daemons))
    try:
        async with aiohttp.ClientSession() as client:
            await asyncio.gather(
                *(deliver_until_taken(client, daemon, body) for daemon, some in zip(daemons, bodies, strict=True)
                  for body in some)
            )  # fmt: skip
    finally:
        await asyncio.gather(*(daemon.stop() for daemon in daemons))
    for url in urls:
        connection = await asyncpg.connect(url)
        states = await connection.fetch("SELECT status, count(*) FROM orders GROUP BY 1")
        events = await connection.fetchval("SELECT count(*) FROM stripe_events")
        await connection.close()
        assert [tuple(row) for row in states] == [("partially_refunded", ORDERS_OF_EACH)]
        assert events == 4 * ORDERS_OF_EACH
    connection = await asyncpg.connect(database_url)
    assert await connection.fetchval("SELECT count(*) FROM public.stripe_events") == 0
    await connection.close()
