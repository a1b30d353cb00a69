"""Delete the payloads of what other systems do on the same Stripe account, with CHECKOUT_KEEP_FOREIGN=off.

An event may arrive before it is known that its object belongs to an order of ours: the session's answer is lost, say,
and found a day later. So an event is held for FOREIGN_HELD first. The event itself stays, so that a second delivery is
known, and so do the facts that it reported: an order that is found later has its status all the same.

Each round looks at all events whose payloads are kept, and a new one begins every day: an event that had failed, or
that named another account before ours was known, may be ignored since.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

import asyncpg
import msgspec

from checkout_daemon.database.leases import leased
from checkout_daemon.database.queries import sql
from checkout_daemon.database.records import LONG_AGO
from checkout_daemon.runtime import Runtime

log = logging.getLogger(__name__)

FOREIGN_HELD = timedelta(days=3)
"""How long an event without an order is held whole: a session whose answer was lost is looked for during a day."""
CURSOR = "foreign payloads"
_ROUND = timedelta(days=1)
_BATCH = 500


class _Place(msgspec.Struct, frozen=True):
    """The last event that was looked at, and when its round began."""

    received_at: datetime = LONG_AGO
    id: str = ""
    began_at: datetime = LONG_AGO


async def drop_foreign_payloads(runtime: Runtime, now: datetime) -> int:
    """Delete the payloads and cards of events held for FOREIGN_HELD without an order of ours; return how many payloads.

    A round looks at each event once, so that most runs cost what has arrived since the last one. If another process
    does it, return 0.
    """
    until = now - FOREIGN_HELD
    dropped = 0
    async with leased(runtime.database, CURSOR) as lease:
        if lease is None:
            return 0
        place = _Place() if lease.value is None else msgspec.json.decode(lease.value, type=_Place)
        if not timedelta() <= now - place.began_at < _ROUND:
            place = _Place(now - timedelta(days=runtime.settings.payload_days), began_at=now)
        while (found := await runtime.database.run_unconfirmed(_drop, place, until)) is not None:
            place, count = found
            dropped += count
            await lease.save(msgspec.json.encode(place).decode())
    async with runtime.database.connection() as connection:
        await connection.execute(sql("drop_unowned_charges"), until)
    if dropped:
        log.info("payloads: deleted %d of other systems' events", dropped)
    return dropped


async def _drop(connection: asyncpg.Connection, place: _Place, until: datetime) -> tuple[_Place, int] | None:
    row = await connection.fetchrow(sql("drop_foreign_payloads"), place.received_at, place.id, until, _BATCH)
    if row is None:
        return None
    return msgspec.structs.replace(place, received_at=row["received_at"], id=row["id"]), row["dropped"]
