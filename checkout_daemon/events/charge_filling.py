"""Fill the charges of old orders from the payloads that are still stored: an older release kept no charges.

Merging a charge twice changes nothing, so a job that is killed starts again where it last saved its place.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import asyncpg
import msgspec

from checkout_daemon.audit.operators import DAEMON
from checkout_daemon.database.leases import leased, read_cursor
from checkout_daemon.database.pool import Database
from checkout_daemon.database.queries import sql
from checkout_daemon.database.records import LONG_AGO
from checkout_daemon.ledger.charge_facts import ChargeFact
from checkout_daemon.ledger.merge import Update, merge
from checkout_daemon.ledger.translate import translate_event
from checkout_daemon.ledger.translate.envelope import parse_event

log = logging.getLogger(__name__)

_CURSOR = "fill-charges"
_TYPES = (
    "charge.succeeded",
    "charge.failed",
    "charge.refunded",
    "payment_intent.payment_failed",
    "payment_intent.canceled",
)
_BATCH = 300  # events; about a third of them is about charges
_BATCHES_A_TURN = 10
_OLDER_RELEASE = timedelta(days=7)
"""How long a daemon of an older release may still apply events after the migration."""


class Filled(msgspec.Struct, frozen=True):
    """How far events were read. `done`: no older release applies any more."""

    received_at: datetime
    event_id: str
    done: bool = False


async def fill_charges(database: Database) -> int:
    """Merge the charges of the next events, one batch a transaction, and return how many events were read.

    A database that was created with the table of charges needs nothing.
    """
    async with database.connection() as connection:
        upgraded_at = await connection.fetchval(sql("read_upgrade"))
        if upgraded_at is None:
            return 0
        saved = await read_cursor(connection, _CURSOR)
    if saved is not None and msgspec.json.decode(saved[0], type=Filled).done:
        return 0
    async with leased(database, _CURSOR) as lease:
        if lease is None:
            return 0
        filled = Filled(LONG_AGO, "") if lease.value is None else msgspec.json.decode(lease.value, type=Filled)
        read = 0
        for _ in range(_BATCHES_A_TURN):
            async with database.connection() as connection:
                place = (filled.received_at, filled.event_id)
                rows = await connection.fetch(sql("read_events_to_fill"), *place, _BATCH, _TYPES)
            if rows:
                await database.run(_merge, _updates(rows))
                filled = Filled(rows[-1]["received_at"], rows[-1]["id"])
            elif datetime.now(UTC) > upgraded_at + _OLDER_RELEASE:
                filled = msgspec.structs.replace(filled, done=True)
            await lease.save(msgspec.json.encode(filled).decode())
            read += len(rows)
            if len(rows) < _BATCH:
                break
            await asyncio.sleep(0)
    return read


async def _merge(connection: asyncpg.Connection, updates: list[Update]) -> None:
    if updates:
        await merge(connection, updates)


def _updates(rows: Iterable[asyncpg.Record]) -> list[Update]:
    updates = []
    for row in rows:
        if row["payload"] is None:
            continue
        try:
            translation = translate_event(parse_event(row["payload"].encode()), row["received_at"])
        except Exception as error:  # noqa: BLE001 - whatever one old event holds must not hold up the others
            log.warning("event %s has no readable charge: %s", row["id"], type(error).__name__)
            continue
        facts = [fact for fact in translation.facts if isinstance(fact, ChargeFact)] if translation else []
        if facts:
            updates.append(Update("charges.filled", DAEMON, row["id"], facts=facts))
    return updates
