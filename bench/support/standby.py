"""A standby of a private PostgreSQL, which follows it without its commits waiting."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from checkout_daemon.dev.cluster import is_ready
from checkout_daemon.dev.placement import find_account, find_binaries
from checkout_daemon.dev.ports import free_port

_PATIENCE_SECONDS = 60.0
# As many connections as the primary allows, or it does not start.
_SETTINGS = {"listen_addresses": "127.0.0.1", "max_connections": "200", "dynamic_shared_memory_type": "mmap"}


@asynccontextmanager
async def standby_of(primary: str, directory: Path) -> AsyncIterator[str]:
    """Copy the server of this URL into a new directory, have the copy follow it, and yield the standby's URL."""
    account = find_account()
    binaries = (await find_binaries(account)).directory
    home = directory / "standby"
    home.mkdir(mode=0o700)
    os.chown(home, account.uid, account.gid)
    url, data, port = urlsplit(primary), home / "data", free_port()
    status, printed = await account.run(
        [
            *(binaries / "pg_basebackup", "--host", str(url.hostname), "--port", str(url.port), "--checkpoint", "fast"),
            *("--username", str(url.username), "--no-password", "--write-recovery-conf", "--pgdata", str(data)),
        ],
        extra_env={"PGPASSWORD": str(url.password)},
    )
    if status != 0:
        raise SystemExit(f"pg_basebackup failed: {printed}")
    settings = {**_SETTINGS, "port": str(port), "unix_socket_directories": str(home)}
    process = await account.spawn(
        [binaries / "postgres", "-D", str(data), *(f"--{name}={value}" for name, value in settings.items())],
        stdin=asyncio.subprocess.DEVNULL, output=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while not is_ready(data, process.pid):
                if process.returncode is not None:
                    raise SystemExit(f"the standby ended with {process.returncode}")
                await asyncio.sleep(0.05)
        yield url._replace(netloc=f"{url.username}:{url.password}@{url.hostname}:{port}").geturl()
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
            await process.wait()
