"""The programs that `checkout dev` runs besides PostgreSQL: start them, wait until they are ready, stop them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import aiohttp

from checkout_daemon.dev.processes import log_tail
from checkout_daemon.errors import CheckoutError
from checkout_daemon.private_files import open_log
from checkout_daemon.settings import PARENT_PIPE

READY_TIMEOUT_SECONDS = 60.0
_POLL_SECONDS = 0.03


class ChildEnded(CheckoutError):
    """A program ended although `checkout dev` still runs; the message has the end of its log."""


@dataclass(frozen=True, slots=True)
class Child:
    """A running program and its log."""

    name: str
    process: asyncio.subprocess.Process
    log: Path
    log_begin: int

    async def wait(self) -> str:
        """Wait until the program ends, and return a message with its status and the end of its log."""
        status = await self.process.wait()
        return self.report(f"was killed by signal {-status}" if status < 0 else f"ended with status {status}")

    def report(self, problem: str) -> str:
        """Return a message with the problem and the end of the log."""
        return f"{self.name} {problem}; the end of {self.log}:\n{log_tail(self.log, self.log_begin)}"

    async def stop(self, timeout_seconds: float) -> None:
        """Send SIGTERM, and at the timeout SIGKILL to the program and its workers."""
        if self.process.returncode is None:
            self.process.terminate()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_seconds):
                    await self.process.wait()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        await self.process.wait()


async def start_child(
    name: str, arguments: Sequence[str], *, log: Path, env: Mapping[str, str], parent_pipe: int
) -> Child:
    """Start `checkout ARGUMENTS` in its own session, so that Ctrl-C reaches only us: we stop the programs in order."""
    with open_log(log) as file:
        begin = file.tell()
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # do not import from the working directory, which may have modules of these names
            "-m",
            "checkout_daemon",
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=file.fileno(),
            stderr=asyncio.subprocess.STDOUT,
            env={**env, PARENT_PIPE: str(parent_pipe)},
            pass_fds=(parent_pipe,),
            start_new_session=True,
        )
    return Child(name, process, log, begin)


async def wait_until_ready(child: Child, http: aiohttp.ClientSession, url: str, headers: Mapping[str, str]) -> None:
    """Ask until the program answers 200. Raise ChildEnded if it ends, or is not ready in time."""
    deadline = monotonic() + READY_TIMEOUT_SECONDS
    while monotonic() < deadline:
        if child.process.returncode is not None:
            raise ChildEnded(await child.wait())
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            async with http.get(url, headers=headers) as answer:
                if answer.status == 200:
                    return
        await asyncio.sleep(_POLL_SECONDS)
    raise ChildEnded(child.report(f"was not ready after {READY_TIMEOUT_SECONDS:.0f} s"))
