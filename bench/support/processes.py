"""Start a server for a measurement, and read what it and its children use of the machine."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType, TracebackType

import psutil

from bench.support.load import answer_is_whole, request

_START_SECONDS = 30.0
_OWN_SETTINGS = ("CHECKOUT_", "STRIPE_", "DATABASE_", "PG", "PYTHONDONTWRITEBYTECODE")
_BYTECODE = Path(__file__).resolve().parents[2] / ".bench/bytecode"


class Server:
    """A started process that listens on a port, in a process group of its own. Entering waits until it is ready."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        port: int,
        log: Path,
        directory: Path = Path("/"),
        environ: Mapping[str, str] = MappingProxyType({}),
        ready: str = "",
    ) -> None:
        self.port, self.log, self._ready = port, log, ready
        self.started = time.perf_counter()
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [part.format(port=port) for part in command],
                cwd=directory,
                env=plain_environment() | dict(environ),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    async def __aenter__(self) -> Server:
        try:
            while not await answers(self.port, self._ready):
                if self.process.poll() is not None or time.perf_counter() > self.started + _START_SECONDS:
                    end = self.log.read_text(errors="replace")[-2000:]
                    raise RuntimeError(f"{self.process.args!r} did not start:\n{end}")
                await asyncio.sleep(0.005)
        except BaseException:
            await self.stop()
            raise
        self.ready_seconds = time.perf_counter() - self.started
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def stop(self) -> None:
        """End the processes of its group, by force after some seconds."""
        for number, patience in ((signal.SIGTERM, 10.0), (signal.SIGKILL, 5.0)):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)
            try:
                await asyncio.to_thread(self.process.wait, patience)
            except subprocess.TimeoutExpired:
                continue
            return


def plain_environment() -> dict[str, str]:
    """Return the environment without settings that a server under measurement could read.

    Python compiles a module once: a program that is installed starts like that, and one in a checkout need not.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OWN_SETTINGS)}
    return kept | {"PYTHONPYCACHEPREFIX": str(_BYTECODE)}


async def answers(port: int, path: str) -> bool:
    """Return whether a server on the port answers 200 to GET of the path, or only listens if the path is empty."""
    try:
        if not path:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return True
        return b" 200 " in (await fetch(port, path)).partition(b"\r\n")[0]
    except OSError:
        return False


async def fetch(port: int, path: str, body: bytes | None = None) -> bytes:
    """Return the whole answer to a GET, or with a body to a POST of JSON, with its head."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        headers = {"Connection": "close", "Content-Type": "application/json"}
        writer.write(request(path, body or b"", headers, "GET" if body is None else "POST"))
        answer = b""
        async with asyncio.timeout(_START_SECONDS):
            while not answer_is_whole(answer):
                if not (data := await reader.read(65_536)):
                    raise ConnectionError("the server closed the connection")
                answer += data
        return answer
    finally:
        writer.close()


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds of a process and its descendants, including those that have ended and were waited for."""
    total = 0.0
    with contextlib.suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        for process in (root, *root.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                total += times.user + times.system + times.children_user + times.children_system
    return total


def resident_mb(pid: int) -> float:
    """Return the resident memory of a process and its descendants, in MB. Shared pages count for every process."""
    total = 0
    with contextlib.suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        for process in (root, *root.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                total += process.memory_info().rss
    return total / 1e6


def busy_seconds() -> float:
    """Return the CPU seconds that all processes of the machine have used since it started."""
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system)
