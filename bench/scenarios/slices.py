"""This checkout's daemon and another one side by side: both run at once, and short slices of events go to them in turn.

Their ratio hardly depends on what else the machine does, so it shows a few per cent. 30 rounds or more.
"""

from __future__ import annotations

from contextlib import AsyncExitStack

from bench.scenarios.webhooks import WARM_UP
from bench.support.events import deliveries
from bench.support.rows import Row
from bench.support.targets import GROUP_COMMIT
from bench.support.visits import Phase, Run, Visit, say, visiting

SCENARIO = "slices"
EVENTS = 1000
"""In a slice; of those over one connection and at a low rate, a fifth."""
PHASES = (
    Phase("32 connections", 32, None),
    Phase("128 connections", 128, None),
    Phase("1 connection", 1, None),
    Phase("200 a second", 64, None, rate=200),
    Phase("1,000 a second", 64, None, rate=1000),
)


async def measure(run: Run) -> list[Row]:
    """Measure the daemons and the group commit."""
    counts = [EVENTS // 5 if phase.connections == 1 or phase.rate == 200 else EVENTS for phase in PHASES]
    targets = (GROUP_COMMIT, *run.daemons)
    async with AsyncExitStack() as stack:
        visits: dict[str, Visit] = {}
        for target in targets:
            orders = WARM_UP + run.rounds * sum(counts)
            visit = await stack.enter_async_context(visiting(run, SCENARIO, 0, target, orders))
            await visit.send(list(deliveries(visit.take(WARM_UP))))
            visits[target.name] = visit
        for number in range(run.rounds):
            for phase, count in zip(PHASES, counts, strict=True):
                first = number % len(targets)
                for target in (*targets[first:], *targets[:first]):
                    visit = visits[target.name]
                    visit.round = number
                    say(await visit.measure(phase, list(deliveries(visit.take(count)))), run.rounds)
    return [row for visit in visits.values() for row in visit.rows]
