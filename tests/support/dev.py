"""A real `checkout dev` as a child process, for tests."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from dotenv import dotenv_values

from checkout_daemon.dev.ports import free_port

READY_SECONDS = 90
OURS = (sys.executable, "-P", "-m", "checkout_daemon")
_SETTINGS = ("CHECKOUT_", "STRIPE_", "DATABASE_")


@dataclass(slots=True)
class Dev:
    """One run, with its ports and what it has printed so far."""

    state_dir: Path
    port: int
    sandbox_port: int
    process: asyncio.subprocess.Process
    printed: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def env(self) -> dict[str, str]:
        """The variables in dev.env."""
        return {name: value or "" for name, value in dotenv_values(self.state_dir / "dev.env").items()}

    @property
    def text(self) -> str:
        return "".join(self.printed)

    async def until_ready(self) -> None:
        """Read its output up to the line that reports that it is ready."""
        assert self.process.stdout is not None
        async with asyncio.timeout(READY_SECONDS):
            while line := (await self.process.stdout.readline()).decode():
                self.printed.append(line)
                if "ready" in line:
                    return
        raise AssertionError(f"checkout dev ended before it was ready:\n{self.text}")

    async def ended(self, timeout_seconds: float = READY_SECONDS) -> int:
        """Wait until it ends, and return the exit status."""
        async with asyncio.timeout(timeout_seconds):
            rest, _ = await self.process.communicate()
        self.printed.append(rest.decode())
        assert self.process.returncode is not None
        return self.process.returncode

    async def stop(self, timeout_seconds: float = 5.0) -> int:
        """Ask it to stop, and return the exit status. Raises TimeoutError if that takes longer than we promise."""
        self.process.send_signal(signal.SIGTERM)
        return await self.ended(timeout_seconds)


async def spawn_dev(
    state_dir: Path,
    *options: str,
    env: Mapping[str, str] | None = None,
    port: int = 0,
    program: Sequence[str] = OURS,
) -> Dev:
    """Start it on free ports, without the settings of our own environment."""
    port, sandbox_port = port or free_port(), free_port()
    clean = {name: value for name, value in os.environ.items() if not name.startswith(_SETTINGS)}
    process = await asyncio.create_subprocess_exec(
        *program, "dev", "--state-dir", str(state_dir), "--port", str(port), "--sandbox-port", str(sandbox_port),
        *options,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        cwd=state_dir, env={**clean, **(env or {})},
    )  # fmt: skip
    return Dev(state_dir, port, sandbox_port, process)


@asynccontextmanager
async def running_dev(
    state_dir: Path,
    *options: str,
    env: Mapping[str, str] | None = None,
    port: int = 0,
    program: Sequence[str] = OURS,
) -> AsyncIterator[Dev]:
    """Yield a run that is ready, and stop it at the end whatever the test did to it."""
    dev = await spawn_dev(state_dir, *options, env=env, port=port, program=program)
    try:
        await dev.until_ready()
        yield dev
    finally:
        if dev.process.returncode is None:
            dev.process.terminate()
            try:
                await dev.ended(20)
            finally:
                if dev.process.returncode is None:
                    dev.process.kill()
                    await dev.process.wait()


async def answers(url: str) -> bool:
    """Return whether a server answers the URL with 200."""
    try:
        async with aiohttp.ClientSession() as http, http.get(url) as response:
            return response.status == 200
    except aiohttp.ClientError:
        return False
