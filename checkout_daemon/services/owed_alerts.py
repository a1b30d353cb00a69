"""Writes alerts for the operator to the outbox, each once for as long as its cause lasts."""

from __future__ import annotations

from collections.abc import Collection
from uuid import uuid4

import asyncpg
import msgspec

from checkout_daemon.domain.outbox import Alert, MessageKind
from checkout_daemon.store.alerts import raise_alerts
from checkout_daemon.store.outbox import owe


async def owe_once(
    connection: asyncpg.Connection, kind: MessageKind, subjects: Collection[str], alert: Alert, *, machine: str = ""
) -> bool:
    """Owe the alert if one of the subjects is new, and return whether it was. `subjects` are all that there are now.

    `machine`: the host that is concerned, where each machine has subjects of its own.
    """
    if not await raise_alerts(connection, f"{kind.value}@{machine}" if machine else kind.value, subjects):
        return False
    await owe_alert(connection, kind, alert)
    return True


async def owe_alert(connection: asyncpg.Connection, kind: MessageKind, alert: Alert) -> None:
    """Owe it, whatever was owed before."""
    await owe(connection, kind, subject_id=str(uuid4()), payload=msgspec.json.encode(alert).decode())
