"""From the start of `checkout serve` on a migrated database to /readyz, compared with Python's imports alone."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time

from bench.support.processes import plain_environment
from bench.support.rows import Row
from bench.support.targets import Target
from bench.support.visits import Run, say, visiting

SCENARIO = "start"
PHASE = "until ready"
IMPORTS = "imports alone"
COMMAND = (sys.executable, "-c", "import aiohttp, asyncpg, uvloop, msgspec")
_MORE_ROUNDS = 3


async def measure(run: Run) -> list[Row]:
    """Measure the daemons and the imports, in more rounds than other scenarios: one takes a second."""
    rounds, rows = _MORE_ROUNDS * run.rounds, []
    for number in range(-1, rounds):  # the first one reads the files from the disk
        times = {IMPORTS: await asyncio.to_thread(_imports)}
        for target in run.daemons:
            times[target.name] = await _until_ready(run, number, target)
        if number >= 0:
            rows += [_row(number, name, seconds) for name, seconds in times.items()]
    for row in rows[-len(run.daemons) - 1 :]:
        say(row, rounds)
    return rows


async def _until_ready(run: Run, number: int, target: Target) -> float:
    async with visiting(run, SCENARIO, number, target) as visit:
        return visit.server.ready_seconds


def _imports() -> float:
    started = time.perf_counter()
    subprocess.run(COMMAND, check=True, cwd="/", env=plain_environment())
    return time.perf_counter() - started


def _row(number: int, target: str, seconds: float) -> Row:
    return Row(SCENARIO, PHASE, target, number, 1 / seconds, p50_ms=1000 * seconds, p99_ms=1000 * seconds, requests=1)
