"""A migration makes an automatic vacuum of its table give way: it would wait for hours otherwise."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from checkout_daemon.database import migrations
from checkout_daemon.database.migrations import all_migrations, migrate
from checkout_daemon.dev.postgres import EmbeddedPostgres

SLOW_VACUUM = """
ALTER TABLE orders SET (autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1,
                        autovacuum_vacuum_insert_threshold = 1000, autovacuum_vacuum_insert_scale_factor = 0);
INSERT INTO orders (id, currency, amount_subtotal, amount_discount, amount_total, customer_name, customer_email,
                    customer_phone, livemode)
SELECT gen_random_uuid(), 'eur', 100, 0, 100, 'N', 'n@example.com', '+1', false FROM generate_series(1, 20000);
DELETE FROM schema_migrations WHERE version >= 33;
"""


@pytest.fixture
async def server(state_dir: Path) -> AsyncIterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(state_dir, settings={"autovacuum_naptime": "1s"})
    await server.start()
    yield server
    await server.stop()


async def test_an_automatic_vacuum_gives_way(server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> None:
    known = tuple(one for one in all_migrations() if one.version <= 33)  # later ones cannot be applied twice
    monkeypatch.setattr(migrations, "all_migrations", lambda: known)
    await migrate(server.url())
    connection = await asyncpg.connect(server.url())
    await connection.execute(SLOW_VACUUM)
    vacuums = "SELECT count(*) FROM pg_stat_progress_vacuum WHERE relid = 'orders'::regclass"
    async with asyncio.timeout(60):
        while not await connection.fetchval(vacuums):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    async with asyncio.timeout(90):
        assert await migrate(server.url()) == [33]
    await connection.close()
