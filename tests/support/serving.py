"""`checkout serve` as a process whose output is kept, and clients for it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from time import monotonic

import aiohttp
import psutil
import pytest

from tests.support.stripe_events import SECRET, event_body, signed

START_SECONDS = 120.0
_LISTENING = re.compile(r'"message": "(listening on [^"]*)"')
OURS = ("CHECKOUT_", "STRIPE_", "DATABASE_")


class Serving:
    """A started `checkout serve`; `address` is known once it listens."""

    def __init__(self, process: asyncio.subprocess.Process, stderr: Path) -> None:
        self._process = process
        self._stderr = stderr
        self.address = ""
        self.announced = ""

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def log(self) -> str:
        """Return what it has written to stderr so far."""
        return self._stderr.read_text()

    def workers(self) -> list[int]:
        """Return the ids of its child processes."""
        return [child.pid for child in psutil.Process(self.pid).children()]

    async def listening(self) -> None:
        assert self._process.stdout is not None
        line = asyncio.ensure_future(self._process.stdout.readline())
        async with asyncio.timeout(START_SECONDS):
            while not line.done() and (logged := _LISTENING.search(self.log())) is None:
                await asyncio.wait([line], timeout=0.05)
        # With CHECKOUT_LOG_FORMAT=json it is a line of the log.
        self.announced = line.result().decode() if line.done() else logged[1] if logged else ""
        line.cancel()
        assert self.announced.startswith("listening on "), (self.announced, self.log())
        self.address = self.announced.split()[2]

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    async def ended(self, timeout_seconds: float = START_SECONDS) -> int:
        """Wait until it ends, and return its exit status."""
        async with asyncio.timeout(timeout_seconds):
            return await self._process.wait()

    async def close(self) -> None:
        """Kill it and its workers, and close the pipe to it."""
        if self._process.returncode is None:
            workers = self.workers()
            self._process.kill()
            await self._process.wait()
            await until(lambda: not any(alive(pid) for pid in workers))
        self._process._transport.close()  # type: ignore[attr-defined]  # nothing else closes a pipe read in part


async def start(directory: Path, environ: Mapping[str, str], *options: str, pass_fds: tuple[int, ...] = ()) -> Serving:
    """Start it in a directory with only these settings in its environment."""
    stderr = directory / f"stderr-{len(list(directory.glob('stderr-*')))}.log"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    with stderr.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "checkout_daemon", "serve", "--host", "127.0.0.1", "--port", "0", *options),
            cwd=directory,
            env={**kept, **environ},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=file,
            pass_fds=pass_fds,
        )
    return Serving(process, stderr)


def enough(database_url: str) -> dict[str, str]:
    """Return the settings that it needs to start."""
    return {
        "DATABASE_URL": database_url,
        "STRIPE_API_KEY": "sk_test_serve0123456789",
        "STRIPE_API_BASE": "http://127.0.0.1:9",
        "STRIPE_WEBHOOK_SECRET": SECRET,
    }


def broken_package(directory: Path) -> dict[str, str]:
    """Return the environment of a daemon that cannot import a package which only its background work needs at once."""
    (directory / "broken").mkdir()
    (directory / "broken" / "email_validator.py").write_text("raise ZeroDivisionError('planted')\n")
    return {"PYTHONPATH": str(directory / "broken")}


def alive(pid: int) -> bool:
    """Return whether the process runs; a zombie does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def until(holds: Callable[[], bool], timeout_seconds: float = 20.0) -> None:
    """Wait until the condition holds. Raises TimeoutError."""
    deadline = monotonic() + timeout_seconds
    while not holds():
        if monotonic() >= deadline:
            raise TimeoutError
        await asyncio.sleep(0.02)


Serve = Callable[..., Awaitable[Serving]]
ONE_OR_TWO = pytest.mark.parametrize("options", [(), ("--workers", "2")], ids=["one process", "two workers"])


@pytest.fixture
async def serve(tmp_path: Path) -> AsyncIterator[Serve]:
    """Start `checkout serve`, wait until it listens, and end it after the test."""
    started: list[Serving] = []

    async def begin(environ: dict[str, str], *options: str, pass_fds: tuple[int, ...] = ()) -> Serving:
        serving = await start(tmp_path, environ, *options, pass_fds=pass_fds)
        started.append(serving)
        await serving.listening()
        return serving

    yield begin
    for serving in started:
        await serving.close()


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:
        yield session


async def refusal(directory: Path, environ: dict[str, str], *options: str) -> tuple[int, list[str]]:
    """Return the exit status and the log lines of a daemon that does not start."""
    serving = await start(directory, environ, *options)
    try:
        status = await serving.ended()
    finally:
        await serving.close()
    return status, serving.log().splitlines()


async def ready(http: aiohttp.ClientSession, serving: Serving) -> None:
    """Wait until it is ready: on a busy machine, the database may not answer it in time at first."""
    async with asyncio.timeout(START_SECONDS):
        while (await get(http, serving, "/readyz"))[0] != 200:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.1)


async def get(http: aiohttp.ClientSession, serving: Serving, path: str) -> tuple[int, str]:
    async with http.get(serving.address + path) as answer:
        return answer.status, await answer.text()


async def deliver(http: aiohttp.ClientSession, serving: Serving, secret: str = SECRET) -> int:
    body = event_body("customer.created", {"id": "cus_1"})
    headers = {"Stripe-Signature": signed(body, secret), "Connection": "close"}
    async with http.post(f"{serving.address}/api/webhook", data=body, headers=headers) as answer:
        return answer.status


@contextlib.asynccontextmanager
async def connected(serving: Serving) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", serving.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def answered_by(http: aiohttp.ClientSession, serving: Serving, processes: int) -> None:
    """Ask over new connections until this many processes have answered: the kernel spreads them."""
    prefixes: set[str] = set()
    async with asyncio.timeout(20):
        while len(prefixes) < processes:
            async with http.get(f"{serving.address}/healthz", headers={"Connection": "close"}) as answer:
                prefixes.add(answer.headers["X-Request-Id"][:10])
