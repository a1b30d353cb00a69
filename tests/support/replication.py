"""A primary with a standby that confirms its commits: real servers, which a test can freeze, kill and promote."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import psutil

from checkout_daemon.database.migrations import migrate
from checkout_daemon.dev.cluster import is_ready
from checkout_daemon.dev.placement import Account, Binaries, find_account, find_binaries
from checkout_daemon.dev.ports import free_port
from tests.support.waiting import until

WAIT_SECONDS = 60.0


@dataclass(slots=True)
class Server:
    """One PostgreSQL server on 127.0.0.1 without passwords."""

    account: Account
    binaries: Binaries
    data: Path
    port: int
    environ: Mapping[str, str] = field(default_factory=dict)
    process: asyncio.subprocess.Process | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"postgresql://checkout@{self.address}/checkout"

    async def start(self, **settings: str) -> None:
        command: list[str | Path] = ["/usr/bin/env", *(f"{name}={value}" for name, value in self.environ.items())]
        command += [self.binaries.directory / "postgres", "-D", str(self.data), "-p", str(self.port)]
        fixed = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "dynamic_shared_memory_type": "mmap",
            "fsync": "off",
        }
        for name, value in (fixed | settings).items():
            command += ["-c", f"{name}={value}"]
        self.process = await self.account.spawn(
            command, stdin=asyncio.subprocess.DEVNULL, output=asyncio.subprocess.DEVNULL
        )
        async with asyncio.timeout(WAIT_SECONDS):
            while not is_ready(self.data, self.process.pid):
                assert self.process.returncode is None, "PostgreSQL ended"
                await asyncio.sleep(0.05)

    async def tool(self, name: str, *arguments: str) -> None:
        status, printed = await self.account.run([self.binaries.directory / name, *arguments])
        assert status == 0, printed

    async def run(self, *statements: str) -> None:
        connection = await asyncpg.connect(self.url, timeout=WAIT_SECONDS)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            connection.terminate()

    async def value(self, query: str, *arguments: object) -> object:
        connection = await asyncpg.connect(self.url, timeout=WAIT_SECONDS)
        try:
            return await connection.fetchval(query, *arguments)
        finally:
            connection.terminate()

    async def until(self, condition: str) -> None:
        """Wait until the query returns true."""

        async def holds() -> bool:
            return bool(await self.value(condition))

        await until(holds)

    async def create(self, **settings: str) -> None:
        """Make an empty cluster, start it, and create the database."""
        await self.tool(
            "initdb", "-D", str(self.data), "-U", "checkout", "--auth=trust", "-N", "--locale=C", "-E", "UTF8"
        )
        await self.start(**{"wal_sender_timeout": "0", **settings})
        await self.tool("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "checkout", "checkout")

    async def follow(self, primary: Server, **settings: str) -> None:
        """Become the standby of a primary, from a copy of it, and have its commits wait for this server."""
        shutil.rmtree(self.data, ignore_errors=True)
        await self.tool(
            "pg_basebackup", "-h", "127.0.0.1", "-p", str(primary.port), "-U", "checkout", "-D", str(self.data),
            "-X", "stream", "-c", "fast", "-R", "-N",
        )  # fmt: skip
        await self.start(**{"wal_sender_timeout": "0", **settings})
        await primary.until("SELECT count(*) = 1 FROM pg_stat_replication WHERE state = 'streaming'")
        await primary.run("ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()")
        await primary.until("SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync'")

    async def promote(self) -> None:
        await self.tool("pg_ctl", "promote", "-w", "-D", str(self.data))

    def freeze(self) -> None:
        """Stop every process of the server: connections stay open, and nothing answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    async def kill(self) -> None:
        """Kill every process, as if the machine had lost power, except that its port refuses connections."""
        process, self.process = self.process, None
        if process is not None:
            for member in _family(process.pid):
                with contextlib.suppress(psutil.NoSuchProcess):
                    member.kill()
            await process.wait()

    def _signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        for member in _family(self.process.pid):
            with contextlib.suppress(psutil.NoSuchProcess):
                member.send_signal(number)


def _family(pid: int) -> list[psutil.Process]:
    try:
        postmaster = psutil.Process(pid)
        return [postmaster, *postmaster.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


@asynccontextmanager
async def new_server(directory: Path, name: str) -> AsyncIterator[Server]:
    """Yield a server with an empty directory, and kill it at the end."""
    account = find_account()
    home = directory / name
    home.mkdir(mode=0o700)
    os.chown(home, account.uid, account.gid)
    server = Server(account, await find_binaries(account), home / "data", free_port())
    try:
        yield server
    finally:
        await server.kill()
        shutil.rmtree(home)


@asynccontextmanager
async def primary_and_standby(directory: Path) -> AsyncIterator[tuple[Server, Server]]:
    """Yield a primary with the schema, whose commits wait for the standby, and that standby."""
    async with new_server(directory, "primary") as primary, new_server(directory, "standby") as standby:
        await primary.create()
        await migrate(primary.url)
        await standby.follow(primary)
        yield primary, standby
