"""A private PostgreSQL for one run, with durable settings, whose databases are copied from prepared ones."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from bench.support.processes import cpu_seconds
from checkout_daemon.dev.postgres import EmbeddedPostgres

# No checkpoint by chance during a measurement. fsync and synchronous_commit stay on: without them a figure would answer
# another question.
SETTINGS = {"shared_buffers": "256MB", "max_wal_size": "4GB", "checkpoint_timeout": "30min"}


class Cluster:
    """A running server."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self._server = server
        self._templates: set[str] = set()

    async def template(self, name: str, prepare: Callable[[str], Awaitable[None]]) -> str:
        """Return the name of a database that is prepared once in a run. `prepare` gets its URL."""
        if name not in self._templates:
            await self._execute(f'CREATE DATABASE "{name}"')
            await prepare(self._server.url(name))
            await execute(self._server.url(name), "VACUUM (ANALYZE)")
            self._templates.add(name)
        return name

    @asynccontextmanager
    async def copy(self, template: str) -> AsyncIterator[str]:
        """Yield the URL of a fresh copy whose pages are on disk, and drop it afterwards."""
        name = f"copy_of_{template}"
        await self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        try:
            await self._execute("CHECKPOINT")
            yield self._server.url(name)
        finally:
            await self._execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    def url(self, database: str) -> str:
        """Return the URL of a database."""
        return self._server.url(database)

    def cpu_seconds(self) -> float:
        """Return the CPU seconds that all its processes have used."""
        return cpu_seconds(self._server.pid or 0)

    async def _execute(self, statement: str) -> None:
        await execute(self._server.url(), statement)


@asynccontextmanager
async def running_cluster(**settings: str) -> AsyncIterator[tuple[Cluster, Path]]:
    """Start a server, and yield it with a directory for logs; both are removed afterwards."""
    directory = make_state_dir()
    server = EmbeddedPostgres(directory, settings=SETTINGS | settings)
    try:
        await server.start()
        yield Cluster(server), directory
    finally:
        await server.stop()
        shutil.rmtree(directory, ignore_errors=True)


def make_state_dir() -> Path:
    """Create a directory that the user who runs PostgreSQL can enter."""
    path = Path(tempfile.mkdtemp(prefix="checkout-bench-"))
    path.chmod(0o755)
    return path


async def count(url: str, question: str) -> int:
    """Return the number that a question has for an answer."""
    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval(question, timeout=3600))
    finally:
        await connection.close()


async def execute(url: str, statements: str) -> None:
    """Run statements in one transaction."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statements, timeout=3600)
    finally:
        await connection.close()
