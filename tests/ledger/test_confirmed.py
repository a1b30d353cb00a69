"""An event that another daemon stores meanwhile is not acknowledged while it is on the primary alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from checkout_daemon.errors import DatabaseUnavailable
from tests.ledger.test_replicated import intake_on
from tests.support.replication import Server, primary_and_standby
from tests.support.stripe_events import deliver, event_body


@pytest.fixture
async def servers(state_dir: Path) -> AsyncIterator[tuple[Server, Server]]:
    async with primary_and_standby(state_dir) as servers:
        yield servers


async def test_an_ignored_event_that_is_stored_meanwhile_is_confirmed(servers: tuple[Server, Server]) -> None:
    primary, standby = servers
    event = event_body("customer.created", {"id": "cus_1", "object": "customer"}, event_id="evt_twice")
    first = await asyncpg.connect(primary.url)
    async with intake_on(primary.url) as intake:
        await deliver(intake, event_body("customer.created", {"id": "cus_0"}))
        open_transaction = first.transaction()
        await open_transaction.start()
        await first.execute(
            "INSERT INTO stripe_events (id, type, status, reason, received_at, body_hash)"
            " VALUES ('evt_twice', 'customer.created', 'ignored', 'unhandled_type', now(), '')"
        )
        delivery = asyncio.create_task(deliver(intake, event))
        await primary.until("SELECT count(*) = 1 FROM pg_locks WHERE NOT granted")
        standby.freeze()
        commit = asyncio.create_task(open_transaction.commit())  # waits for the standby
        pid = first.get_server_pid()
        await primary.until(f"SELECT wait_event = 'SyncRep' FROM pg_stat_activity WHERE pid = {pid}")
        await primary.run(f"SELECT pg_cancel_backend({pid})")
        await commit
        with pytest.raises(DatabaseUnavailable):
            await delivery
    first.terminate()
    standby.thaw()
