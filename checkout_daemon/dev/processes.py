"""Processes that are not our children: what an earlier `checkout dev`, killed with -9, left behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from time import monotonic


async def poll(holds: Callable[[], bool], timeout_seconds: float, *, every_seconds: float = 0.02) -> bool:
    """Wait until the condition holds; False when it still does not at the timeout."""
    deadline = monotonic() + timeout_seconds
    while not holds():
        if monotonic() >= deadline:
            return False
        await asyncio.sleep(every_seconds)
    return True


def command_line(pid: int) -> list[str]:
    """The arguments that the process was started with; empty if there is none (or only its corpse)."""
    if Path("/proc/self/cmdline").exists():
        try:
            return [os.fsdecode(part) for part in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[:-1]]
        except OSError:
            return []
    # macOS: one line, so a path with a space in it is not told apart from two arguments; see runs_with.
    listed = subprocess.run(["ps", "-ww", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False)  # noqa: S603, S607
    return [listed.stdout.strip()] if listed.stdout.strip() else []


def runs_with(pid: int, program: str, argument: str) -> bool:
    """Whether that process is this program with this argument: the number alone may since be somebody else's."""
    arguments = command_line(pid)
    if len(arguments) == 1:
        return program in arguments[0] and argument in arguments[0]
    return bool(arguments) and Path(arguments[0]).name == program and argument in arguments


async def stop_foreign(pid: int | None, program: str, argument: str) -> None:
    """End that process if it is the one meant: politely, then harder. Returns when it is gone, or after 25 seconds."""
    if pid is None:
        return
    for number, timeout_seconds in ((signal.SIGINT, 15.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)):
        if not runs_with(pid, program, argument):
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
        await poll(lambda: not runs_with(pid, program, argument), timeout_seconds)
