"""Webhooks over 1 to 256 connections, by one process and by two."""

from __future__ import annotations

from dataclasses import replace

from bench.scenarios.webhooks import WARM_UP, send_new
from bench.support.events import deliveries
from bench.support.rows import Row
from bench.support.targets import GROUP_COMMIT, Target
from bench.support.visits import Phase, Run, interleave, visiting

SCENARIO = "scaling"
CONNECTIONS = (1, 4, 16, 32, 64, 128, 256)
_MOST_SECONDS = 2.0


async def measure(run: Run) -> list[Row]:
    """Measure this checkout's daemon and the group commit."""
    phases = [Phase(str(number), number, min(run.seconds, _MOST_SECONDS)) for number in CONNECTIONS]
    one = run.daemons[0]
    two = replace(one, name=f"{one.name}, 2 workers", command=(*one.command, "--workers", "2"))

    async def visit(number: int, target: Target) -> list[Row]:
        orders = WARM_UP + sum(phase.most(target) for phase in phases)
        async with visiting(run, SCENARIO, number, target, orders) as visit:
            await visit.send(list(deliveries(visit.take(WARM_UP))))
            for phase in phases:
                await send_new(visit, phase)
        return visit.rows

    return await interleave(run.rounds, (GROUP_COMMIT, one, two), visit)
