"""PgBouncer in transaction mode, in front of a server of this machine."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from checkout_daemon.dev.ports import free_port
from tests.faults.report import MissingPackage

SERVER_CONNECTIONS = 4  # few, so that clients share them
_START_SECONDS = 20.0
_CONFIGURATION = """\
[databases]
{name} = host={host} port={port} dbname={name}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {users}
pool_mode = transaction
default_pool_size = {connections}
max_client_conn = 200
server_login_retry = 1
{user}
"""


@asynccontextmanager
async def running_pgbouncer(folder: Path, url: str) -> AsyncIterator[str]:
    """Run PgBouncer in an empty folder, and yield the URL of the same database through it. Raise MissingPackage."""
    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if program is None:
        raise MissingPackage("apt-get install pgbouncer")
    server, listen = urlsplit(url), free_port()
    users, file = folder / "users.txt", folder / "pgbouncer.ini"
    users.write_text(f'"{server.username}" "{server.password}"\n')
    file.write_text(
        _CONFIGURATION.format(
            name=server.path[1:], host=server.hostname, port=server.port, listen=listen, users=users,
            connections=SERVER_CONNECTIONS, user="user = postgres" if os.geteuid() == 0 else "",
        )
    )  # fmt: skip
    with (folder / "pgbouncer.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(program, str(file), stdout=log, stderr=log)
    through = url.replace(f":{server.port}/", f":{listen}/")
    try:
        end = time.monotonic() + _START_SECONDS
        while True:
            with suppress(OSError, asyncpg.PostgresError):
                (await asyncpg.connect(through, timeout=2)).terminate()
                break
            assert time.monotonic() < end, (folder / "pgbouncer.log").read_text()[-2000:]
            await asyncio.sleep(0.1)
        yield through
    finally:
        process.terminate()
        await process.wait()


async def left_in_sessions(url: str) -> list[str]:
    """Return the settings that somebody left in the server's connections, for other clients to find."""
    clients = [await asyncpg.connect(url, statement_cache_size=0) for _ in range(SERVER_CONNECTIONS)]
    transactions = [client.transaction() for client in clients]
    found: set[str] = set()
    try:
        for transaction in transactions:  # each holds a connection of its own
            await transaction.start()
        for client in clients:
            rows = await client.fetch("SELECT name, setting FROM pg_settings WHERE source = 'session'")
            found |= {f"{row['name']} = {row['setting']}" for row in rows}
    finally:
        for client in clients:
            client.terminate()
    return sorted(found - _OF_POOLER)


_OF_POOLER = {"client_encoding = UTF8"}  # what a client asked for when it connected, as every client does
