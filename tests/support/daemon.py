"""The daemon as a process that a test can kill."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

import aiohttp
import psutil

from tests.support.stripe_events import SECRET, signed


class Daemon:
    """`checkout serve` on a free port. After `kill`, `start` uses the same port again."""

    def __init__(self, database_url: str, directory: Path, *options: str, **environ: str) -> None:
        self._environ = os.environ | {
            "DATABASE_URL": database_url,
            "STRIPE_API_KEY": "sk_test_none",
            "STRIPE_API_BASE": "http://127.0.0.1:9",
            "STRIPE_WEBHOOK_SECRET": SECRET,
            **environ,
        }
        self._directory = directory
        self._options = options
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def workers(self) -> list[int]:
        """The ids of its worker processes."""
        try:
            return [child.pid for child in psutil.Process(self._process.pid).children()]
        except psutil.NoSuchProcess:
            return []

    async def start(self) -> None:
        line = await self._launch()
        assert "listening on" in line, line

    async def start_until_it_stays(self) -> None:
        """Start it as a service manager does: again after an exit, because the database may be away."""
        async with asyncio.timeout(60):
            while "listening on" not in await self._launch():
                await self._process.wait()
                self._close_pipe()
                await asyncio.sleep(0.2)

    async def _launch(self) -> str:
        """Start the program, and return its first line: empty if it has ended."""
        program = [
            "-P",
            "-m",
            "checkout_daemon",
            "serve",
            "--host",
            "127.0.0.1",
            "--port",
            str(self.port),
            *self._options,
        ]
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *program,
            cwd=self._directory,
            env=self._environ,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert self._process.stdout is not None
        async with asyncio.timeout(60):
            line = (await self._process.stdout.readline()).decode()
        if line:
            self.port = int(line.split(" (")[0].rpartition(":")[2])
        return line

    async def kill(self, *, workers: bool = False) -> None:
        """Kill it, and its workers at the same moment if asked: else they end because it does."""
        family = [self._process.pid, *(self.workers if workers else ())]
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await self._process.wait()
        self._close_pipe()

    async def stop(self) -> int:
        self._process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(30):
            status = await self._process.wait()
        self._close_pipe()
        return status

    def _close_pipe(self) -> None:
        transport = self._process._transport  # type: ignore[attr-defined]  # nothing else closes a pipe read in part
        transport.close()


async def deliver_until_taken(client: aiohttp.ClientSession, daemon: Daemon, body: bytes) -> list[int]:
    """Send an event until it is accepted, as Stripe does, and return the statuses before that (0 for no answer)."""
    answers: list[int] = []
    async with asyncio.timeout(60):
        while True:
            try:
                headers = {"Stripe-Signature": signed(body)}
                async with client.post(f"{daemon.url}/api/webhook", data=body, headers=headers) as answer:
                    if answer.status == 200:
                        return answers
                    answers.append(answer.status)
            except aiohttp.ClientError:
                answers.append(0)
            await asyncio.sleep(0.05)
