"""Measure what the machine adds to every time: CPU that the hypervisor takes, and how late a bare timer is."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import psutil

_TIMER = """
import sys, threading, time
over = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
late = []
while not over.is_set():
    due = time.perf_counter() + 0.005
    time.sleep(0.005)
    late.append(time.perf_counter() - due)
print(sorted(late)[int(len(late) * 0.99)] if late else 0.0)
"""


@dataclass
class Machine:
    """The share of CPU time `stolen` by the host, and the seconds by which an idle process woke late."""

    stolen: float = 0.0
    timer_p99: float = 0.0

    def __str__(self) -> str:
        """Return both in words."""
        late = f"a bare timer late by p99 {1000 * self.timer_p99:.0f} ms"
        return f"{100 * self.stolen:.0f} % of the CPU taken by the host, {late}"


@asynccontextmanager
async def machine() -> AsyncIterator[Machine]:
    """Measure while the block runs; the result is complete afterwards."""
    result = Machine()
    timer = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _TIMER), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    before = psutil.cpu_times()
    try:
        yield result
    finally:
        spent = [now - then for now, then in zip(psutil.cpu_times(), before, strict=True)]
        stolen = dict(zip(before._fields, spent, strict=True)).get("steal", 0.0)
        result.stolen = stolen / max(sum(spent), 1e-9)
        printed, _ = await timer.communicate(b"")
        result.timer_p99 = float(printed)


async def calm() -> None:
    """Wait until the host takes no CPU, as it does from machines that just worked hard; at most two minutes."""
    still = 0
    for _ in range(120):
        before = psutil.cpu_times()
        await asyncio.sleep(1)
        taken = getattr(psutil.cpu_times(), "steal", 0.0) - getattr(before, "steal", 0.0)
        still = still + 1 if taken < 0.02 * (psutil.cpu_count() or 1) else 0
        if still == 5:
            return
