"""An intake with its own database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from checkout_daemon.database.pool import Database
from checkout_daemon.ledger.intake import Intake
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
