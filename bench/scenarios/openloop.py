"""Latency at a load that every target can carry: events fall due at a fixed rate, however slow the answers are.

A connection of the daemon remakes its plans when it is 1, 4, 16 and 64 s old, and so on, and from then on once an hour
(database/connection.py). What is measured is a daemon that has run for a while: before the phases, events are sent at
a low rate until the renewals at 1 and 4 s are over. Phases of 4 s, the default, end before the next one. Longer ones
include it, and so show more of renewals than there is in a daemon that runs for hours. All targets get the same events.
"""

from __future__ import annotations

from bench.scenarios.webhooks import WARM_UP
from bench.support.events import deliveries
from bench.support.rows import Row
from bench.support.targets import GROUP_COMMIT, Target
from bench.support.visits import Phase, Run, interleave, visiting

SCENARIO = "openloop"
SLOW, FAST = "200 a second", "1,000 a second"
CONNECTIONS = 64
SETTLE_RATE, SETTLE_SECONDS = 100, 5
_FEW_CONNECTIONS = 8  # each takes a moment to open, and the next renewal comes nearer


async def measure(run: Run) -> list[Row]:
    """Measure the daemons and the group commit."""
    seconds = max(2.0, run.seconds)
    phases = [Phase(SLOW, CONNECTIONS, seconds, rate=200), Phase(FAST, CONNECTIONS, seconds, rate=1000)]
    settling = SETTLE_RATE * SETTLE_SECONDS

    async def visit(number: int, target: Target) -> list[Row]:
        orders = 2 * WARM_UP + settling + sum(phase.most(target) for phase in phases)
        async with visiting(run, SCENARIO, number, target, orders) as visit:
            # Made before the daemon opens its connections, whose age counts.
            warm_up, slow, many, *measured = (
                list(deliveries(visit.take(count)))
                for count in (WARM_UP, settling, WARM_UP, *(phase.most(target) for phase in phases))
            )
            await visit.send(warm_up)
            await visit.send(slow, _FEW_CONNECTIONS, rate=SETTLE_RATE)
            # At the low rate one lane of the daemon does all the work: now the other one's plans are renewed as well.
            await visit.send(many)
            for phase, events in zip(phases, measured, strict=True):
                await visit.measure(phase, events)
        return visit.rows

    return await interleave(run.rounds, (GROUP_COMMIT, *run.daemons), visit)
