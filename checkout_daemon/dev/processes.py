"""Processes and their logs, also of processes that an earlier `checkout dev` left behind when it was killed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from time import monotonic


async def poll(holds: Callable[[], bool], timeout_seconds: float) -> bool:
    """Wait until the condition holds and return True, or return False at the timeout."""
    deadline = monotonic() + timeout_seconds
    while not holds():
        if monotonic() >= deadline:
            return False
        await asyncio.sleep(0.02)
    return True


def command_line(pid: int) -> list[str]:
    """Return the arguments that the process was started with; an empty list if it is gone or a zombie."""
    if Path("/proc/self/cmdline").exists():
        try:
            return [os.fsdecode(part) for part in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[:-1]]
        except OSError:
            return []
    # macOS gives one line, in which a path with a space looks like two arguments; see runs_with.
    listed = subprocess.run(["ps", "-ww", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False)  # noqa: S603, S607
    return [listed.stdout.strip()] if listed.stdout.strip() else []


def runs_with(pid: int, program: str, argument: str) -> bool:
    """Return whether the process is this program with this argument: its id may have been given to another one."""
    arguments = command_line(pid)
    if len(arguments) == 1:
        return program in arguments[0] and argument in arguments[0]
    return bool(arguments) and Path(arguments[0]).name == program and argument in arguments


async def stop_foreign(pid: int | None, program: str, argument: str) -> None:
    """Stop the process if it is this program, in the end by SIGKILL. Return when it is gone, or after 25 seconds."""
    if pid is None:
        return
    for number, timeout_seconds in ((signal.SIGINT, 15.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)):
        if not runs_with(pid, program, argument):
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
        await poll(lambda: not runs_with(pid, program, argument), timeout_seconds)


def log_tail(path: Path, begin: int = 0) -> str:
    """Return the last twelve lines of a log that were written after byte `begin`."""
    with path.open("rb") as file:
        file.seek(max(begin, path.stat().st_size - 16_384))
        text = file.read().decode(errors="replace")
    return "\n".join(text.splitlines()[-12:])
