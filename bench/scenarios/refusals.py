"""Deliveries that change nothing: events that are held already, and bad signatures. Compared with new events."""

from __future__ import annotations

from itertools import cycle, islice

from bench.scenarios.webhooks import WARM_UP, send_new
from bench.support.events import deliveries
from bench.support.rows import Row
from bench.support.targets import Target
from bench.support.visits import COMPLETED, Phase, Run, interleave, visiting

SCENARIO = "refusals"
NEW, DUPLICATE, FORGED = "new events", "duplicates", "bad signatures"
CONNECTIONS = 32
_MOST_PER_SECOND = 12_000
_FORGED = 1000


async def measure(run: Run) -> list[Row]:
    """Measure the daemons."""
    new = Phase(NEW, CONNECTIONS, run.seconds)
    again = Phase(DUPLICATE, CONNECTIONS, run.seconds)
    forged = Phase(FORGED, CONNECTIONS, run.seconds, expected="4")
    count = int(_MOST_PER_SECOND * run.seconds)

    async def visit(number: int, target: Target) -> list[Row]:
        async with visiting(run, SCENARIO, number, target, WARM_UP + new.most(target) + _FORGED) as visit:
            await visit.send(list(deliveries(visit.take(WARM_UP))))
            await send_new(visit, new, duplicates=0.0)
            held = visit.delivered[COMPLETED]
            await visit.measure(again, list(islice(cycle(held), count)))
            false = list(deliveries(visit.take(_FORGED), secret="whsec_another"))
            await visit.measure(forged, list(islice(cycle(false), count)))
        return visit.rows

    return await interleave(run.rounds, run.daemons, visit)
