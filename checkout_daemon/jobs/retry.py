"""Applies failed events again when their time has come, until they are applied or dead."""

from __future__ import annotations

import asyncpg

from checkout_daemon.runtime import Runtime
from checkout_daemon.services.apply import reapply
from checkout_daemon.store.events import claim_due_events

_MOST_PER_TURN = 200


async def retry_due_events(runtime: Runtime) -> int:
    """One event a transaction; those another daemon works on are passed over. How many were tried."""
    for tried in range(_MOST_PER_TURN):
        if not await runtime.database.run_unconfirmed(_retry_one):
            return tried
    return _MOST_PER_TURN


async def _retry_one(connection: asyncpg.Connection) -> bool:
    due = await claim_due_events(connection, 1)
    if due:
        await reapply(connection, due[0])
    return bool(due)
