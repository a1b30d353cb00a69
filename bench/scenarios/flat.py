"""What an event costs on the database of a shop of some years, and on an empty one: 500 a second."""

from __future__ import annotations

from functools import partial

import asyncpg

from bench.scenarios.webhooks import WARM_UP, send_new
from bench.support.cluster import execute
from bench.support.events import deliveries
from bench.support.rows import Row
from bench.support.targets import ROOT, Store, Target
from bench.support.visits import Phase, Run, say, serving

SCENARIO = "flat"
EMPTY, FULL = "without history", "with history"
RATE = 500
CONNECTIONS = 64
_MORE_ROUNDS = 2
_MOST_PAYLOADS = 1_000_000
_HOUR = 3600.0
FILL = ROOT / "bench/sql/fill.sql"


async def measure(run: Run) -> list[Row]:
    """Measure this checkout's daemon on both databases, which are made once."""
    target, rounds, rows = run.daemons[0], run.rounds + _MORE_ROUNDS, []
    seconds = max(2.0, run.seconds)
    waiting = rounds * (WARM_UP + int(RATE * seconds))
    databases = {
        EMPTY: await _database(run, target, 0, waiting),
        FULL: await _database(run, target, run.orders, waiting),
    }
    for number in range(rounds):
        names = (EMPTY, FULL) if number % 2 == 0 else (FULL, EMPTY)
        for name in names:
            await execute(databases[name], "CHECKPOINT")
            async with serving(run, SCENARIO, number, target, databases[name]) as visit:
                assert target.store is not None
                visit.orders = await target.store.orders(databases[name], waiting)
                await visit.send(list(deliveries(visit.take(WARM_UP))))
                await send_new(visit, Phase(name, CONNECTIONS, seconds, rate=RATE), duplicates=0.0)
            rows += visit.rows
            say(visit.rows[-1], rounds)
    return rows


async def _database(run: Run, target: Target, history: int, waiting: int) -> str:
    """Return the URL of a database with so many old orders, and orders that wait to be paid."""
    assert target.store is not None
    name = await run.cluster.template(f"flat_{history}", partial(_fill, target.store, history, waiting))
    return run.cluster.url(name)


async def _fill(store: Store, history: int, waiting: int, url: str) -> None:
    await store.prepare(url, 0)
    if history:
        await add_history(url, history)
    await store.seed(url, waiting)


async def add_history(url: str, orders: int) -> None:
    """Add orders with three events each; the last tenth of the events, a million at most, has payloads."""
    connection = await asyncpg.connect(url)
    try:
        sizes = {"orders": orders, "events": 3 * orders, "payloads": min(3 * (orders // 10), _MOST_PAYLOADS)}
        for name, size in sizes.items():
            await connection.execute(f"SET fill.{name} = '{size}'")
        await connection.execute("SET maintenance_work_mem = '1GB'")
        await connection.execute(FILL.read_text("utf-8"), timeout=3 * _HOUR)
    finally:
        await connection.close()
