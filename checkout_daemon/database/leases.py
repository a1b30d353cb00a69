"""Leases: one process at a time runs a long task, and its progress is saved as it goes."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

import asyncpg

from checkout_daemon.database.pool import Database
from checkout_daemon.database.queries import sql
from checkout_daemon.errors import CheckoutError

LEASE = timedelta(minutes=2)
"""Longer than any step between two saves: when it expires, another process may take over."""


class LeaseLost(CheckoutError, code="lease_lost", title="Another process has taken the work over"):
    """Another process took the work over: a step took longer than the lease."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A task that was claimed. `value` is its progress as JSON, or None if it was not started."""

    value: str | None


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to run a task. `value` is the progress saved before, as JSON, or None."""

    database: Database
    name: str
    holder: str
    value: str | None

    async def save(self, value: str | None) -> None:
        """Save the progress and renew the lease. Raise LeaseLost."""
        async with self.database.connection() as connection:
            self._require(await save_cursor(connection, self.name, self.holder, value, LEASE))

    async def note(self, value: str) -> None:
        """Save what was found before the work is done, and renew the lease. Its time stays. Raise LeaseLost."""
        async with self.database.connection() as connection:
            noted = await connection.fetchval(sql("note_progress"), self.name, self.holder, value, LEASE)
            self._require(noted is not None)

    async def renew(self) -> None:
        """Renew the lease, and leave the progress and its time as they are. Raise LeaseLost."""
        async with self.database.connection() as connection:
            self._require(await connection.fetchval(sql("renew_lease"), self.name, self.holder, LEASE) is not None)

    def _require(self, held: bool) -> None:
        if not held:
            raise LeaseLost(f"{self.name} was taken over by another process: run it again later")


@asynccontextmanager
async def leased(database: Database, name: str) -> AsyncIterator[Lease | None]:
    """Acquire the lease, or yield None if another process holds it. If the holder dies, the lease expires."""
    holder = f"{socket.gethostname()}/{os.getpid()}/{uuid4().hex[:8]}"
    async with database.connection() as connection:
        claimed = await claim_cursor(connection, name, holder, LEASE)
    if claimed is None:
        yield None
        return
    try:
        yield Lease(database, name, holder, claimed.value)
    finally:
        async with database.connection() as connection:
            await connection.execute(sql("release_cursor"), name, holder)


async def claim_cursor(connection: asyncpg.Connection, name: str, holder: str, lease: timedelta) -> Claimed | None:
    """Claim a task for the length of the lease, or return None if another process holds it."""
    row = await connection.fetchrow(sql("claim_cursor"), name, holder, lease)
    return None if row is None else Claimed(row["value"])


async def save_cursor(
    connection: asyncpg.Connection, name: str, holder: str, value: str | None, lease: timedelta
) -> bool:
    """Save the progress and renew the lease. Return False if another process has taken it."""
    return await connection.fetchval(sql("save_cursor"), name, holder, value, lease) is not None


async def read_cursor(connection: asyncpg.Connection, name: str) -> tuple[str, datetime] | None:
    """Return the saved progress and when it was saved, or None."""
    row = await connection.fetchrow(sql("read_cursor"), name)
    return None if row is None else (row["value"], row["updated_at"])
