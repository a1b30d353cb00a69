"""A pass over Stripe's events that takes longer than its lease stays with the daemon that began it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest

from checkout_daemon.database import leases
from checkout_daemon.database.leases import Lease, LeaseLost, leased
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_sync import backfill
from checkout_daemon.stripe_sync.catching_up import catch_up, last_comparison

PAGES = 6


async def test_a_long_pass_is_not_taken_over(
    runtime: Runtime, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, two daemons took it from one another for ever, and no comparison ended."""
    monkeypatch.setattr(leases, "LEASE", timedelta(hours=1))
    await catch_up(runtime)
    before = await last_comparison(connection)
    others: list[int] = []

    async def pages(*_wanted: object) -> AsyncIterator[list[object]]:
        for _ in range(PAGES):
            # Nearly the whole lease has passed.
            await connection.execute("UPDATE cursors SET leased_until = leased_until - interval '50 minutes'")
            assert await last_comparison(connection) == before  # it has not ended: its time is that of the one before
            yield []
            others.append(await catch_up(runtime))

    monkeypatch.setattr(backfill, "every_event", pages)
    await catch_up(runtime)
    assert len(others) == PAGES
    (_, ended_at), (_, ended_before) = await last_comparison(connection), before
    assert ended_before is not None
    assert ended_at is not None
    assert ended_at > ended_before


async def test_a_lease_that_another_process_took_cannot_be_renewed(runtime: Runtime) -> None:
    async with leased(runtime.database, "a task") as lease:
        assert lease is not None
        await lease.save("{}")
        await lease.renew()
        async with leased(runtime.database, "a task") as another:
            assert another is None
        with pytest.raises(LeaseLost, match="a task was taken over"):
            await Lease(runtime.database, "a task", "another", None).renew()
    async with leased(runtime.database, "a task") as next_one:
        assert next_one is not None
        assert next_one.value == "{}"
