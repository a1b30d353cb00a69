"""The daemon's memory at full rate: it must not grow from one slice of time to the next."""

from __future__ import annotations

from bench.scenarios.webhooks import WARM_UP, send_new
from bench.support.events import deliveries
from bench.support.rows import Row
from bench.support.targets import Target
from bench.support.visits import Phase, Run, interleave, visiting

SCENARIO = "memory"
SLICES = tuple(f"slice {number}" for number in range(1, 6))
CONNECTIONS = 32


async def measure(run: Run) -> list[Row]:
    """Measure the daemons once: memory needs no rounds."""
    phases = [Phase(name, CONNECTIONS, run.seconds) for name in SLICES]

    async def visit(number: int, target: Target) -> list[Row]:
        orders = WARM_UP + sum(phase.most(target) for phase in phases)
        async with visiting(run, SCENARIO, number, target, orders) as visit:
            await visit.send(list(deliveries(visit.take(WARM_UP))))
            for phase in phases:
                await send_new(visit, phase)
        return visit.rows

    return await interleave(1, run.daemons, visit)
