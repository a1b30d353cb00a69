"""Lists of sessions: those of the newest orders first, however long sessions are open."""

from __future__ import annotations

from datetime import timedelta

import asyncpg

from checkout_daemon.checkout.session_lists import list_sessions
from tests.support.orders import NOW, add_order

ADD = """
INSERT INTO checkout_sessions (id, livemode, order_id, attempt, status, outcome, created_at, expires_at)
SELECT 'cs_' || $2 || '_' || place, false, $1, place, 'open', 'unpaid', $3, $3::timestamptz + $4::interval
FROM generate_series(1, $5::integer) AS place
"""


async def test_the_newest_sessions_are_found_after_sessions_were_made_shorter(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    hour = timedelta(hours=1)
    older, newer = await add_order(connection, ago=hour), await add_order(connection)
    await connection.execute(ADD, older, "long", NOW - hour, 24 * hour, 1010)
    await connection.execute(ADD, newer, "short", NOW, hour, 1)
    for since in (None, NOW - hour / 2):
        found = await list_sessions(connection, statuses=("open",), since=since, limit=1)
        assert [session.id for session in found] == ["cs_short_1"]
    await connection.close()
