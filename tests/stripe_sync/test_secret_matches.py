"""A wrong clock does not make an old secret look used, nor a count stay for ever."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_sync.endpoint_rules import fingerprint
from checkout_daemon.stripe_sync.secret_matches import SecretMatches, forget_old_matches, matches_lately

SECRET = "whsec_one"


async def test_a_delivery_that_a_clock_ahead_of_time_counted_was_now(
    runtime: Runtime, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    matches = SecretMatches(runtime.database)
    next_year = time.time() + timedelta(days=365).total_seconds()
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: next_year)
        matches.count(SECRET)
    await matches.write()
    assert (await matches_lately(runtime.database))[fingerprint(SECRET)].matches == 1
    assert await connection.fetchval("SELECT last_at <= now() AND hour <= now() FROM secret_matches")


async def test_what_was_stored_in_the_future_is_left_out_and_deleted(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    await connection.execute(
        "INSERT INTO secret_matches SELECT 'cafe', date_trunc('hour', at), 3, at"
        " FROM unnest(ARRAY[now() - interval '2 days', now() + interval '1 year']) AS at"
    )
    found = (await matches_lately(runtime.database))["cafe"]
    assert found.matches == 0
    assert found.last_at < datetime.now(UTC) - timedelta(days=1)
    await forget_old_matches(runtime)
    assert await connection.fetchval("SELECT count(*) FROM secret_matches") == 1
