"""An intake on a database of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from checkout_daemon.store.database import Database
from checkout_daemon.webhooks.intake import Intake
from tests.support.stripe_events import SECRET


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, max_size=4)
    yield database
    await database.close()


@pytest.fixture
async def intake(database: Database) -> AsyncIterator[Intake]:
    intake = Intake(database, lambda: (SECRET,))
    await intake.start()
    yield intake
    await intake.close()


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()
