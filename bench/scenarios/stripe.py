"""`checkout events backfill` and `checkout reconcile` against the offline Stripe: how many calls they make in a second.

Both keep to a rate of calls, by default 20 a second. What falls short of it is their own work, or waiting
for one call before the next. A call returns a hundred events, and an order takes two calls.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.scenarios.replay import children_seconds, run_command
from bench.support.events import FIRST, Order, render
from bench.support.meter import Meter
from bench.support.processes import Server
from bench.support.rows import Row
from bench.support.targets import Target
from bench.support.visits import Run, Visit, interleave, visiting
from checkout_daemon.dev.ports import free_port
from checkout_daemon.sandbox.storage import FILE, Storage, Stored

SCENARIO = "stripe"
BACKFILL, BURST, RECONCILE, FASTER = "backfill", "backfill of one second", "reconcile", "reconcile at 80 a second"
CHECK = "verify_replay.sql"
_PHASES = {
    BACKFILL: (1000, ("events", "backfill", "--since", "1d")),
    BURST: (400, ("events", "backfill", "--since", "1d")),
    RECONCILE: (25, ("reconcile", "--apply", "--since", "1d")),
    FASTER: (100, ("reconcile", "--apply", "--since", "1d", "--rate", "80")),
}
"""The orders for each second of a phase, and its command."""
_TYPES = ("charge.succeeded", "payment_intent.succeeded", FIRST)


async def measure(run: Run) -> list[Row]:
    """Measure the daemons' commands."""

    async def visit(number: int, target: Target) -> list[Row]:
        rows: list[Row] = []
        for phase, (orders, command) in _PHASES.items():
            count = int(orders * run.seconds)
            async with visiting(run, SCENARIO, number, target, count) as visit:
                await _measure(run, visit, phase, visit.take(count), command)
            rows += visit.rows
        return rows

    return await interleave(min(run.rounds, 3), run.daemons, visit)


async def _measure(run: Run, visit: Visit, phase: str, orders: Sequence[Order], command: Sequence[str]) -> None:
    directory = run.directory / "stripe"
    _fill(directory, orders, seconds=1 if phase == BURST else len(orders) // 5)
    program = visit.target.command[0]
    stripe = Server(
        (program, "sandbox", "--state-dir", str(directory), "--port", "{port}"),
        port=free_port(),
        log=run.directory / "stripe.log",
    )
    async with stripe:
        meter, own = Meter(visit.server, visit.cluster, stripe), children_seconds()
        await run_command(visit, *command, stripe_port=stripe.port)
        end = time.time()
        calls = _calls(directory)
        used = meter.stop(len(calls)) | {"server_us": 1e6 * (children_seconds() - own) / len(calls)}
    shutil.rmtree(directory)
    rate = len(calls) / (end - calls[0])  # from the first call: the start of the command is not of interest here
    visit.paid(CHECK, [order.session_id for order in orders])
    row = Row(
        SCENARIO,
        phase,
        visit.target.name,
        visit.round,
        rate,
        requests=len(calls),
        ran_out=False,
        slowest=(),
        problems=(),
        **used,
    )
    visit.rows.append(row)


def _fill(directory: Path, orders: Sequence[Order], *, seconds: int) -> None:
    """Make the offline Stripe's file: all orders were paid within these last seconds, and nothing was delivered."""
    storage = Storage(directory)
    now = int(time.time())
    with storage.transaction():
        for place, order in enumerate(orders):
            for stored in _objects_of(order, now - seconds + seconds * place // len(orders)):
                storage.add(stored)
    storage.close()


def _objects_of(order: Order, created: int) -> Iterator[Stored]:
    for number, kind in enumerate(_TYPES):
        event = json.loads(render(kind, f"evt_{number}{order.session_id[-24:]}", order))
        body = event["data"]["object"]
        event["created"] = body["created"] = created
        yield Stored(body, intent=body.get("payment_intent"))
        yield Stored(event, kind=kind)


def _calls(directory: Path) -> list[float]:
    """Return when Stripe was called."""
    connection = sqlite3.connect(f"file:{directory / FILE}?mode=ro", uri=True)
    try:
        return [row[0] for row in connection.execute("SELECT at FROM requests ORDER BY seq")]
    finally:
        connection.close()
