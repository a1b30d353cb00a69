"""Two Stripe accounts on one PostgreSQL, with a schema and a daemon each, compared with one that has all the load."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from operator import itemgetter

from bench.scenarios.webhooks import WARM_UP
from bench.support.cluster import execute
from bench.support.events import deliveries
from bench.support.load import SLOWEST
from bench.support.rows import Row
from bench.support.targets import Target
from bench.support.visits import Phase, Run, Visit, say, serving
from checkout_daemon.urls import with_schema

SCENARIO = "accounts"
ONE, TWO = "one account", "two accounts"
SCHEMAS = ("account_a", "account_b")
PHASES = (Phase("32 connections", 32, None), Phase("500 a second", 64, None, rate=500))


async def measure(run: Run) -> list[Row]:
    """Measure this checkout's daemon, for one account and for two."""
    target, count = run.daemons[0], int(500 * max(2.0, run.seconds))
    rows: list[Row] = []
    for number in range(run.rounds):
        for schemas in (SCHEMAS[:1], SCHEMAS) if number % 2 == 0 else (SCHEMAS, SCHEMAS[:1]):
            rows += await _round(run, target, number, schemas, count)
    return rows


async def _round(run: Run, target: Target, number: int, schemas: Sequence[str], count: int) -> list[Row]:
    assert target.store is not None
    store, shared = target.store, count // len(schemas)
    orders = WARM_UP + len(PHASES) * shared

    async def prepare(url: str) -> None:
        for schema in schemas:
            await execute(url, f"CREATE SCHEMA {schema}")
            await store.prepare(with_schema(url, schema), orders)

    template = await run.cluster.template(f"accounts_{len(schemas)}", prepare)
    visits: list[Visit] = []
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(run.cluster.copy(template))
        for schema in schemas:
            url = with_schema(database, schema)
            visit = await stack.enter_async_context(serving(run, SCENARIO, number, target, url))
            visit.orders = await store.orders(url, orders)
            await visit.send(list(deliveries(visit.take(WARM_UP))))
            visits.append(visit)
        for phase in PHASES:
            rate = None if phase.rate is None else phase.rate / len(schemas)
            part = replace(phase, connections=phase.connections // len(schemas), rate=rate)
            await asyncio.gather(*(visit.measure(part, list(deliveries(visit.take(shared)))) for visit in visits))
    # Once the databases were checked: what they lack is in the last rows.
    rows = [_together(parts) for parts in zip(*(visit.rows for visit in visits), strict=True)]
    for row in rows:
        say(row, run.rounds)
    return rows


def _together(parts: Sequence[Row]) -> Row:
    """Return what daemons did at the same time as one row. Each part has counted the time of the whole PostgreSQL."""
    count = len(parts)
    slowest = sorted((one for part in parts for one in part.slowest), key=itemgetter(1), reverse=True)
    return replace(
        parts[0],
        target=ONE if count == 1 else TWO,
        per_second=sum(part.per_second for part in parts),
        p50_ms=max(part.p50_ms for part in parts),
        p99_ms=max(part.p99_ms for part in parts),
        server_us=sum(part.server_us for part in parts) / count,
        postgres_us=sum(part.postgres_us for part in parts) / count**2,
        requests=sum(part.requests for part in parts),
        slowest=tuple(slowest[:SLOWEST]),
        problems=tuple(problem for part in parts for problem in part.problems),
    )
