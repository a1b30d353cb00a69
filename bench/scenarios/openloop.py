"""Latency at a load that every target can carry: events fall due at a fixed rate, however slow the answers are."""

from __future__ import annotations

from bench.scenarios.webhooks import WARM_UP, send_new
from bench.support.events import deliveries
from bench.support.rows import Row
from bench.support.targets import GROUP_COMMIT, Target
from bench.support.visits import Phase, Run, interleave, visiting

SCENARIO = "openloop"
SLOW, FAST = "200 a second", "1,000 a second"
CONNECTIONS = 64


async def measure(run: Run) -> list[Row]:
    """Measure the daemons and the group commit."""
    seconds = max(2.0, run.seconds)
    phases = [Phase(SLOW, CONNECTIONS, seconds, rate=200), Phase(FAST, CONNECTIONS, seconds, rate=1000)]

    async def visit(number: int, target: Target) -> list[Row]:
        orders = WARM_UP + sum(phase.most(target) for phase in phases)
        async with visiting(run, SCENARIO, number, target, orders) as visit:
            await visit.send(list(deliveries(visit.take(WARM_UP))))
            for phase in phases:
                await send_new(visit, phase, duplicates=0.0)
        return visit.rows

    return await interleave(run.rounds, (GROUP_COMMIT, *run.daemons), visit)
