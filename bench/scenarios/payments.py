"""All events of a payment in Stripe's usual order, among 32 payments at a time, compared with first events alone.

An endpoint of `checkout webhook create` gets no payment_intent.created and no charge.updated.
"""

from __future__ import annotations

from bench.scenarios.webhooks import send_new
from bench.support.events import PAYMENT, deliveries, interleaved
from bench.support.rows import Row
from bench.support.targets import Target
from bench.support.visits import Phase, Run, interleave, visiting

SCENARIO = "payments"
FIRST_EVENTS, WHOLE = "first events", "whole payments"
AT_ONCE = 32
WARM_UP = 4 * AT_ONCE
REFUNDED = "verify_payments.sql"


async def measure(run: Run) -> list[Row]:
    """Measure the daemons."""
    first = Phase(FIRST_EVENTS, AT_ONCE, run.seconds)
    whole = Phase(WHOLE, AT_ONCE, run.seconds, block=AT_ONCE * len(PAYMENT), check=REFUNDED)

    async def visit(number: int, target: Target) -> list[Row]:
        blocks = 1 + whole.most(target) // whole.block
        async with visiting(
            run, SCENARIO, number, target, 2 * WARM_UP + first.most(target) + blocks * AT_ONCE
        ) as visit:
            await visit.send(list(deliveries(visit.take(WARM_UP))))
            await visit.send(list(interleaved(visit.take(WARM_UP), PAYMENT, AT_ONCE)), check=REFUNDED)
            await send_new(visit, first, duplicates=0.0)
            await visit.measure(whole, list(interleaved(visit.take(blocks * AT_ONCE), PAYMENT, AT_ONCE)))
        return visit.rows

    return await interleave(run.rounds, run.daemons, visit)
