"""Migrations of a database of a million orders do not hold up who orders or delivers: bench/migrations.py, as a part.

`--seconds` below LONG_SECONDS fills a tenth of the orders.
"""

from __future__ import annotations

from bench.migrations import LOCK_MILLISECONDS, RICH, measure
from tests.faults.report import Options, Part, Result

ORDERS = 1_000_000
LONG_SECONDS = 300.0


async def run(options: Options) -> list[Result]:
    """Measure every migration that a filled database can have."""
    orders = ORDERS if options.seconds >= LONG_SECONDS else ORDERS // 10
    results = []
    for step in await measure(orders, RICH):
        counts: dict[str, object] = {
            "orders": orders, "seconds": round(step.seconds, 1), "statements": step.shop.statements,
            "longest_wait_for_a_lock_ms": round(1000 * step.shop.longest_wait),
            "slowest_ms": {kind: round(1000 * seconds) for kind, seconds in step.shop.slowest.items()},
        }  # fmt: skip
        refused = [f"{step.shop.refused.count(kind)} x {kind} waited {LOCK_MILLISECONDS} ms for a lock"
                   for kind in sorted(set(step.shop.refused))]  # fmt: skip
        results.append(Result(step.name or "without a migration", counts, tuple(refused)))
    return results


PART = Part("locks", "how long each migration holds up orders and webhooks, with a million orders", run)
