"""What somebody has been told of, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection

import asyncpg

from checkout_daemon.domain.outbox import MessageKind
from checkout_daemon.store.queries import sql


async def raise_alerts(connection: asyncpg.Connection, kind: str, subjects: Collection[str]) -> list[str]:
    """`subjects` are all that there are now; answers those that nobody had been told of since they began."""
    return _subjects(await connection.fetch(sql("raise_alerts"), str(kind), list(subjects)))


async def raise_dead_events(connection: asyncpg.Connection) -> list[str]:
    """The ids of dead events that nobody had been told of."""
    return _subjects(await connection.fetch(sql("raise_dead_events"), MessageKind.EVENTS_DEAD.value))


async def raise_dead_messages(connection: asyncpg.Connection, but: Collection[MessageKind]) -> list[str]:
    """The ids of dead messages that nobody had been told of, but for those of some kinds."""
    kinds = [kind.value for kind in but]
    return _subjects(await connection.fetch(sql("raise_dead_messages"), MessageKind.OUTBOX_DEAD.value, kinds))


def _subjects(rows: list[asyncpg.Record]) -> list[str]:
    return sorted(row["subject"] for row in rows)
