"""Alerts to the operator: a subject is reported once for as long as its problem lasts."""

from __future__ import annotations

from collections.abc import Collection
from uuid import uuid4

import asyncpg
import msgspec

from checkout_daemon.database.queries import sql
from checkout_daemon.model.messages import Alert, MessageKind
from checkout_daemon.outbox.outbox_store import owe


async def owe_once(
    connection: asyncpg.Connection, kind: MessageKind, subjects: Collection[str], alert: Alert, *, machine: str = ""
) -> bool:
    """Queue the alert if one of `subjects`, all that have the problem now, is new. Return whether it was queued.

    `machine` is the host concerned, if each machine has its own subjects.
    """
    key = f"{kind.value}@{machine}" if machine else kind.value
    if not await connection.fetch(sql("raise_alerts"), key, list(subjects)):
        return False
    await owe_alert(connection, kind, alert)
    return True


async def owe_alert(connection: asyncpg.Connection, kind: MessageKind, alert: Alert) -> None:
    """Queue the alert, even if it was reported before."""
    await owe(connection, kind, subject_id=str(uuid4()), payload=msgspec.json.encode(alert).decode())


async def raise_dead_events(connection: asyncpg.Connection, *, livemode: bool) -> list[str]:
    """Return the ids of dead events that were not reported before, without those of the other mode."""
    return _subjects(await connection.fetch(sql("raise_dead_events"), MessageKind.EVENTS_DEAD.value, livemode))


async def raise_dead_messages(connection: asyncpg.Connection, *, livemode: bool) -> list[str]:
    """Return the ids of dead messages about orders of this mode that were not reported before."""
    return _subjects(await connection.fetch(sql("raise_dead_messages"), MessageKind.OUTBOX_DEAD.value, livemode))


def _subjects(rows: list[asyncpg.Record]) -> list[str]:
    return sorted(row["subject"] for row in rows)
