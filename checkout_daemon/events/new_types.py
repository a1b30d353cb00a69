"""Apply stored events of types that an older release did not know: it stored them as ignored.

Until the first daemon of a release has run for a week, its events of new types are looked for: during an upgrade, a
daemon of the older release may still ignore some. After that, the job reads one row a turn.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import asyncpg
import msgspec

from checkout_daemon.database.leases import leased, read_cursor
from checkout_daemon.database.pool import Database
from checkout_daemon.database.queries import sql
from checkout_daemon.ledger import event_store
from checkout_daemon.ledger.apply import reapply
from checkout_daemon.ledger.event_types import EVENT_TYPES

_CURSOR = "known-types"
_FIRST_NEW = frozenset({"radar.early_fraud_warning.created", "radar.early_fraud_warning.updated"})
"""The types that were new when this job was."""
_PAGE = 200
_PAGES_A_TURN = 10
_OLDER_RELEASE = timedelta(days=7)
"""How long a daemon of an older release may still ignore events after the upgrade."""


class Known(msgspec.Struct, frozen=True):
    """The types whose ignored events were all applied; `new` are those that are looked for, `since` then."""

    types: frozenset[str]
    new: frozenset[str]
    since: datetime


async def apply_new_types(database: Database) -> int:
    """Apply ignored events of types that are handled now, each in a transaction. Return how many were tried."""
    async with database.connection() as connection:
        saved = await read_cursor(connection, _CURSOR)
    if saved is not None and EVENT_TYPES.keys() <= _read(saved[0]).types:
        return 0
    async with leased(database, _CURSOR) as lease:
        if lease is None:
            return 0
        now = datetime.now(UTC)
        types = EVENT_TYPES.keys() - _FIRST_NEW if lease.value is None else _read(lease.value).types
        new = frozenset(EVENT_TYPES.keys() - types)
        known = Known(frozenset(types), new, now)
        if lease.value is not None and _read(lease.value).new == new:
            known = _read(lease.value)
        tried = 0
        for _ in range(_PAGES_A_TURN):
            async with database.connection() as connection:
                rows = await connection.fetch(sql("ignored_events_of_types"), sorted(new), _PAGE)
            for row in rows:
                tried += await database.run(_apply, row["id"])
            if not rows and now > known.since + _OLDER_RELEASE:
                known = Known(known.types | new, frozenset(), now)
            await lease.save(msgspec.json.encode(known).decode())
            if len(rows) < _PAGE:
                break
    return tried


def _read(value: str) -> Known:
    return msgspec.json.decode(value, type=Known)


async def _apply(connection: asyncpg.Connection, event_id: str) -> bool:
    """Apply an event that is still ignored, and return whether it was. If it fails, it is retried as any other."""
    held = (await event_store.read_events(connection, [event_id])).get(event_id)
    if held is None or held.status != "ignored" or held.payload is None:
        return False
    await reapply(connection, held)
    return True
