"""A shop with many orders, filled once for all tests of a process."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from checkout_daemon.database.connection import GENERIC_PLANS, PLANNER, settle
from tests.database.large_shop import (
    EVENTS,
    FILL,
    ORDERS,
    PAYLOADS,
    Explaining,
    GenericallyExplaining,
)
from tests.database.test_generic_plans import LARGER, seem_larger
from tests.support.cluster import Cluster


@pytest.fixture(scope="session")
async def large_shop(cluster: Cluster) -> AsyncIterator[str]:
    url = cluster.take()
    connection = await asyncpg.connect(url)
    await connection.execute(
        f"SET fill.orders = '{ORDERS}'; SET fill.events = '{EVENTS}'; SET fill.payloads = '{PAYLOADS}'"
    )
    await connection.execute(FILL.read_text("utf-8"))
    await connection.execute("VACUUM (ANALYZE)")
    for table in LARGER:
        await connection.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")
    await seem_larger(connection)
    await connection.execute("UPDATE schema_migrations SET applied_at = now() - interval '3 years'")
    await connection.close()
    yield url
    cluster.give_back(url)


@pytest.fixture
async def shop(large_shop: str) -> AsyncIterator[Explaining]:
    connection = await asyncpg.connect(large_shop, connection_class=Explaining)
    await settle(connection, PLANNER)
    yield connection
    await connection.close()


@pytest.fixture
async def daemons_shop(large_shop: str) -> AsyncIterator[GenericallyExplaining]:
    connection = await asyncpg.connect(large_shop, connection_class=GenericallyExplaining)
    await settle(connection, {**PLANNER, **GENERIC_PLANS})
    yield connection
    await connection.close()
