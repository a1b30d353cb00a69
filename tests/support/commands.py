"""Run `checkout …` as a process in the folder of a running demo, as an operator does."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass
from typing import Any

from tests.support.dev import Dev

_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Ran:
    """The exit status and output of a command."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The objects that it printed with --json."""
        return [json.loads(line) for line in self.out.splitlines()]


def environment(dev: Dev, **settings: str) -> dict[str, str]:
    """Return an environment that only names the demo's state directory."""
    return {"PATH": "/usr/bin:/bin", "CHECKOUT_STATE_DIR": str(dev.state_dir), **settings}


async def run_command(dev: Dev, *arguments: object, **settings: str) -> Ran:
    """Run a command to its end, with these settings besides the demo's."""
    process = await start_command(dev, *arguments, **settings)
    async with asyncio.timeout(_SECONDS):
        out, err = await process.communicate()
    assert process.returncode is not None
    return Ran(process.returncode, out.decode(), err.decode())


async def start_command(dev: Dev, *arguments: object, **settings: str) -> asyncio.subprocess.Process:
    """Start a command that runs until it is stopped."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "checkout_daemon", *map(str, arguments)),
        cwd=dev.state_dir,
        env=environment(dev, **settings),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
