"""A shop at half the sustainable rate for as long as `--seconds`: what daemon and database use must not grow.

How many orders a second this machine sustains, with Stripe, shoppers and PostgreSQL on it, is measured first. Reported
are memory by hour, descriptors, threads, connections, dead rows. The first quarter warms up. Descriptors are compared
at rest, before and after: while shoppers come, they are as many as connections are open. Orders are compared with
Stripe once it has delivered everything.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections import Counter

from tests.faults.report import Options, Part, Result
from tests.faults.weather.restore import Sales, noticed
from tests.faults.weather.world import World, running_world

DELIVERIES_PER_SECOND = 20
SHOPPERS = 16
"""How many come again at once when the sustainable rate is measured."""
MEASURED_SECONDS = 30.0
_PAUSE_SECONDS = 1.0
MOST_MB_AN_HOUR = 30.0
LONG_SECONDS = 1800.0  # a shorter run shows what a warm-up takes, not what an hour does
MOST_MORE_DESCRIPTORS = 40
MOST_DEAD_SHARE = 0.5
_SAMPLE_SECONDS = 2.0
REST_SECONDS = 90.0
"""After so long, connections that nobody uses are closed."""
DELIVERY_SECONDS = 1800.0
"""How long the offline Stripe may still deliver after the last order."""

Sample = tuple[float, dict[str, float]]


async def sustainable(world: World, seed: int, seconds: float) -> float:
    """Return how many orders a second are sold and, where they are paid, completed. Some may be refused meanwhile."""
    begun = time.monotonic()
    sales = Sales(world, seed)

    async def shopper() -> None:
        while time.monotonic() < begun + seconds:
            if not await sales.sell():
                await asyncio.sleep(_PAUSE_SECONDS)

    await asyncio.gather(*(shopper() for _ in range(SHOPPERS)))
    async with asyncio.timeout(seconds + 60):
        while await _paid(world) < sales.counts["paid"]:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.1)
    if not sales.counts["orders"]:
        raise RuntimeError(f"no order could be placed: {dict(sales.counts)}")
    return sales.counts["orders"] / (time.monotonic() - begun)


async def _delivered(world: World) -> float:
    """Wait until Stripe has delivered everything, and return how many seconds that took."""
    begun = time.monotonic()
    async with asyncio.timeout(DELIVERY_SECONDS):
        while world.undelivered():  # noqa: ASYNC110 - another process
            await asyncio.sleep(1.0)
    return time.monotonic() - begun


async def _at_rest(world: World, most: float = 0.0) -> dict[str, float]:
    """Return what the daemon uses when nobody comes, as soon as it has `most` descriptors."""
    end = time.monotonic() + REST_SECONDS
    while (used := world.usage())["descriptors"] > most and time.monotonic() < end:  # noqa: ASYNC110 - another process
        await asyncio.sleep(_SAMPLE_SECONDS)
    return used


async def _paid(world: World) -> int:
    [row] = await world.rows("SELECT count(*) FROM orders WHERE paid_at IS NOT NULL")
    return int(row[0])


async def _deliver(world: World, end: float, statuses: Counter[int], held: set[str]) -> None:
    async def one() -> None:
        event, answer = await world.deliver()
        statuses[answer.status] += 1
        if answer.status == 200:
            held.add(event)

    async with asyncio.TaskGroup() as group:
        while time.monotonic() < end:
            group.create_task(one())
            await asyncio.sleep(1 / DELIVERIES_PER_SECOND)


async def _sample(world: World, end: float, samples: list[Sample]) -> None:
    while time.monotonic() < end:
        used = world.usage()
        [row] = await world.rows("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'")
        samples.append((time.monotonic(), used | {"connections": row[0] - 1}))
        await asyncio.sleep(_SAMPLE_SECONDS)


def slope(samples: list[Sample], name: str) -> float:
    """Return by how much a figure grows in an hour, in the last three quarters of the samples."""
    kept = samples[len(samples) // 4 :]
    line = statistics.linear_regression([at for at, _ in kept], [used[name] for _, used in kept])
    return line.slope * 3600


async def run(options: Options) -> list[Result]:
    """Use the shop, then judge what it used."""
    async with running_world(options.directory) as world:
        sales = Sales(world, options.seed)
        statuses: Counter[int] = Counter()
        held: set[str] = set()
        samples: list[Sample] = []
        rate = await sustainable(world, options.seed, min(MEASURED_SECONDS, options.seconds / 4))
        await _delivered(world)
        before = await _at_rest(world)
        end = time.monotonic() + options.seconds
        async with asyncio.TaskGroup() as group:
            group.create_task(sales.go_on(options.seconds, rate / 2))
            group.create_task(_deliver(world, end, statuses, held))
            group.create_task(_sample(world, end, samples))
        # What was measured in hours is not lost if judging it fails.
        lines = (json.dumps({"seconds": round(at - samples[0][0], 1)} | used) for at, used in samples)
        (options.directory / "soak-samples.jsonl").write_text("".join(f"{line}\n" for line in lines))
        delivered = await _delivered(world)
        after = await _at_rest(world, before["descriptors"] + MOST_MORE_DESCRIPTORS)
        wrong = await noticed(world, [])
        known = {row["id"] for row in await world.rows("SELECT id FROM stripe_events")}
        wrong += [f"event {event} was acknowledged and is not held" for event in held - known]
        wrong += [f"deliveries were answered {status}" for status in statuses if status != 200]
        wrong += [f"checkouts were {answer}" for answer in sales.counts if answer.startswith("answered")]
        stripes, repeated = world.delivered_by_stripe()
        if repeated:
            wrong.append(f"{repeated} of Stripe's deliveries had to be repeated")
        early, late = samples[len(samples) // 4][1], samples[-1][1]
        [bloat] = await world.rows(
            "SELECT sum(n_dead_tup)::bigint AS dead, sum(n_live_tup)::bigint AS live, "
            "pg_database_size(current_database()) AS bytes "
            "FROM pg_stat_user_tables"
        )
        grown = round(slope(samples, "mb"), 1)
        used = {
            "sustainable_orders_a_second": round(rate, 1), "orders": sales.counts["orders"],
            "stripes_deliveries": stripes, "others": statuses[200], "mb": round(late["mb"], 1),
            "mb_an_hour": grown, "descriptors": f"{early['descriptors']:.0f} to {late['descriptors']:.0f}",
            "descriptors_at_rest": f"{before['descriptors']:.0f} to {after['descriptors']:.0f}",
            "seconds_until_all_was_delivered": round(delivered),
            "threads": f"{early['threads']:.0f} to {late['threads']:.0f}",
            "connections": f"{early['connections']:.0f} to {late['connections']:.0f}",
            "dead_rows": bloat["dead"], "live_rows": bloat["live"], "database_mb": round(bloat["bytes"] / 2**20),
        }  # fmt: skip
        growing = []
        if options.seconds >= LONG_SECONDS and grown > MOST_MB_AN_HOUR:
            growing.append(f"memory grows by {grown} MB an hour")
        if after["descriptors"] > before["descriptors"] + MOST_MORE_DESCRIPTORS:
            growing.append(f"descriptors grew to {after['descriptors']:.0f}")
        if options.seconds >= LONG_SECONDS and bloat["dead"] > MOST_DEAD_SHARE * bloat["live"]:
            growing.append(f"{bloat['dead']} of {bloat['live']} rows are dead")
        return [
            Result("everything is answered, and every order as at Stripe", dict(sales.counts), tuple(wrong)),
            Result("nothing that is used grows", used, tuple(growing)),
        ]


PART = Part("soak", "a shop at half the sustainable rate: memory, descriptors, connections, dead rows", run)
