"""A PostgreSQL of another release than the embedded one, for the tests to run on."""

from __future__ import annotations

import os
from pathlib import Path

from checkout_daemon.dev.placement import Binaries, find_account
from checkout_daemon.dev.ports import free_port
from tests.support.replication import Server

VARIABLE = "CHECKOUT_TESTS_POSTGRESQL"
"""Names the directory of the programs to use instead of the embedded ones, such as /usr/lib/postgresql/15/bin."""


class InstalledPostgres:
    """A server like EmbeddedPostgres, from programs that the system has; it takes every user of this machine."""

    def __init__(self, directory: Path, programs: Path) -> None:
        self._directory, self._programs = directory, programs

    async def start(self) -> None:
        account = find_account()
        home = self._directory / "installed"
        home.mkdir(mode=0o700)
        os.chown(home, account.uid, account.gid)
        self._server = Server(account, Binaries(self._programs, ""), home / "data", free_port())
        await self._server.create(max_connections="200", timezone="UTC")

    async def stop(self) -> None:
        await self._server.kill()

    def url(self, database: str = "checkout") -> str:
        """Return the URL of a database."""
        return f"{self._server.url.rpartition('/')[0]}/{database}"
