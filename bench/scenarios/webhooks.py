"""Webhooks as fast as they are answered: new events, 5 % of them delivered twice, over 32, 128 and 1 connections."""

from __future__ import annotations

from bench.support.events import deliveries, with_duplicates
from bench.support.rows import Row
from bench.support.targets import BARE, FLASK, GROUP_COMMIT, Target
from bench.support.visits import Phase, Run, Visit, interleave, visiting

SCENARIO = "webhooks"
MANY, MORE, ONE = "32 connections", "128 connections", "1 connection"
DUPLICATES = 0.05
WARM_UP = 300


async def measure(run: Run) -> list[Row]:
    """Measure the daemons and their peers."""
    phases = [Phase(MANY, 32, run.seconds), Phase(MORE, 128, run.seconds), Phase(ONE, 1, run.seconds)]

    async def visit(number: int, target: Target) -> list[Row]:
        orders = WARM_UP + sum(phase.most(target) for phase in phases)
        async with visiting(run, SCENARIO, number, target, orders) as visit:
            await visit.send(list(deliveries(visit.take(WARM_UP))))
            for phase in phases:
                await send_new(visit, phase)
        return visit.rows

    return await interleave(run.rounds, (FLASK, GROUP_COMMIT, BARE, *run.daemons), visit)


async def send_new(visit: Visit, phase: Phase, duplicates: float = DUPLICATES) -> Row:
    """Measure a phase of new events, some of them delivered twice."""
    new = list(deliveries(visit.take(phase.most(visit.target))))
    return await visit.measure(phase, with_duplicates(new, duplicates, near=phase.connections))
