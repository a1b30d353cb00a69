"""One PostgreSQL server for a whole test run, and a fresh copy of a prepared database for each test."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import asyncpg

from checkout_daemon.dev.postgres import EmbeddedPostgres
from tests.support.installed import VARIABLE, InstalledPostgres

T = TypeVar("T")

_PREFIX = "checkout-tests-"
_MEMORY = Path("/dev/shm")
_MEMORY_NEEDED_BYTES = 1 << 30


class Cluster:
    """A server in a thread with its own event loop, so that tests with and without a loop can use it.

    Copying a database copies files: 12 ms in memory, 120 to 330 ms on a disk. So the files are in memory if there is
    room, with every setting as in production. On a disk, fsync would take most of a run (300 ms a test) and is off.
    """

    def __init__(self, prepare: Callable[[str], Awaitable[object]]) -> None:
        """Keep `prepare`, which turns the empty database at a URL into the one that every test begins with."""
        self._prepare = prepare
        self._numbers = count(1)
        self._dropping: list[Future[None]] = []
        self._next: Future[str] | None = None

    def start(self) -> None:
        parent = roomy_directory()
        in_memory = parent == _MEMORY
        _remove_leftovers(parent)
        self.directory = Path(tempfile.mkdtemp(dir=parent, prefix=f"{_PREFIX}{os.getpid()}-"))
        self.directory.chmod(0o755)
        self._server: EmbeddedPostgres | InstalledPostgres
        if programs := os.environ.get(VARIABLE):
            self._server = InstalledPostgres(self.directory, Path(programs))
        else:
            self._server = EmbeddedPostgres(self.directory, settings={} if in_memory else {"fsync": "off"})
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="test-cluster", daemon=True)
        self._thread.start()
        try:
            self._submit(self._open()).result()
        except BaseException:
            self._end()
            raise

    def stop(self) -> None:
        try:
            for drop in self._dropping:
                drop.result()
            if self._next is not None:
                self._next.result()
            self._submit(self._close()).result()
        finally:
            self._end()

    def take(self) -> str:
        """Return the URL of a fresh copy. The next one is made while the test runs."""
        ready, self._next = self._next or self._submit(self._clone()), self._submit(self._clone())
        return ready.result()

    def take_empty(self) -> str:
        """Return the URL of a database without any schema."""
        return self._submit(self._create_empty()).result()

    def give_back(self, url: str) -> None:
        """Drop the database in the background, even if connections to it are open."""
        self._dropping.append(self._submit(self._drop(url)))

    async def _open(self) -> None:
        self._turn = asyncio.Lock()
        await self._server.start()
        await self._prepare(self._server.url())
        self._admin: asyncpg.Connection = await asyncpg.connect(self._server.url("postgres"))
        # A database with connections cannot be copied.
        await self._admin.execute("ALTER DATABASE checkout ALLOW_CONNECTIONS false")

    async def _close(self) -> None:
        await self._admin.close()
        await self._server.stop()

    async def _clone(self) -> str:
        name = f"test_{next(self._numbers)}"
        async with self._turn:
            await self._admin.execute(f"CREATE DATABASE {name} TEMPLATE checkout STRATEGY file_copy")
        url = self._server.url(name)
        copy = await asyncpg.connect(url)
        await copy.execute("UPDATE shop_identity SET id = gen_random_uuid()")  # copies share an offline Stripe
        await copy.close()
        return url

    async def _create_empty(self) -> str:
        name = f"test_{next(self._numbers)}"
        async with self._turn:
            await self._admin.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        return self._server.url(name)

    async def _drop(self, url: str) -> None:
        async with self._turn:
            await self._admin.execute(f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")

    def _submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        shutil.rmtree(self.directory)


def roomy_directory() -> Path:
    """Return a directory in memory if there is room, or else the system's temporary directory."""
    if _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free >= _MEMORY_NEEDED_BYTES:
        return _MEMORY
    return Path(tempfile.gettempdir())


def _remove_leftovers(parent: Path) -> None:
    """Remove the directories of killed runs, whose servers have stopped."""
    for path in parent.glob(f"{_PREFIX}*-*"):
        pid = path.name.removeprefix(_PREFIX).partition("-")[0]
        if pid.isdigit() and not _alive(int(pid)):
            shutil.rmtree(path, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
