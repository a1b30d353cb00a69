"""Work that one at a time does, of any number of daemons and commands; what it has done is kept as it goes on."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

from checkout_daemon.database.cursors import claim_cursor, release_cursor, save_cursor
from checkout_daemon.database.pool import Database
from checkout_daemon.errors import CheckoutError

LEASE = timedelta(minutes=2)
"""Longer than any step between two saves: after it somebody else goes on."""


class LeaseLost(CheckoutError):
    """Another process took the work over: a step took longer than the lease."""

    code = "lease_lost"
    title = "Another process has taken the work over"


@dataclass(frozen=True, slots=True)
class Lease:
    """`value`: where the last one stopped, as JSON."""

    database: Database
    name: str
    holder: str
    value: str | None

    async def save(self, value: str | None) -> None:
        """Keep where the work stands. Raises LeaseLost."""
        async with self.database.connection() as connection:
            if not await save_cursor(connection, self.name, self.holder, value, LEASE):
                raise LeaseLost(
                    f"{self.name} was taken over by another process, which goes on with it: run it again later"
                )


@asynccontextmanager
async def leased(database: Database, name: str) -> AsyncIterator[Lease | None]:
    """The work of this name; None where somebody else is at it. Who is killed at it is followed when the lease ends."""
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
            await release_cursor(connection, name, holder)
