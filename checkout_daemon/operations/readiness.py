"""Check whether the database can take an order now: it answers, its schema fits, it accepts writes and has room."""

from __future__ import annotations

import asyncio

import asyncpg

from checkout_daemon.database.migrations import SchemaState, code_version, read_state
from checkout_daemon.database.pool import Database
from checkout_daemon.database.queries import sql
from checkout_daemon.patience import within

READY_SECONDS = 0.8
"""With the time that giving up a connection takes, the answer arrives within a second."""
_KEEP_SECONDS = 0.2


class Readiness:
    """A check that concurrent callers share and whose good result is cached for a moment: it writes to the disk.

    A result is discarded with the connection that gave it: a server that was killed since is not ready.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._asking: asyncio.Task[None] | None = None
        self._good_until = 0.0

    async def check(self) -> None:
        """Raise DatabaseUnavailable or SchemaMismatch if the database is not ready."""
        now = asyncio.get_running_loop().time()
        _, idle = self._database.usage()
        if now < self._good_until and idle:
            return
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask(), name="readiness")
        await asyncio.shield(self._asking)
        self._good_until = asyncio.get_running_loop().time() + _KEEP_SECONDS

    async def _ask(self) -> None:
        with within(READY_SECONDS):
            state = await self._database.run(_look)  # it writes a WAL record and waits for it
        state.check(code_version())


async def _look(connection: asyncpg.Connection) -> SchemaState:
    state = await read_state(connection)
    await connection.execute(sql("use_some_room"))
    return state
