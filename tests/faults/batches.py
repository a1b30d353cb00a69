"""A batch of refunds whose processes are killed again and again: one refund of each order, and none twice.

The network before the offline Stripe counts the refunds that are asked for. At fixed counts it kills the process that
asks: before Stripe hears of it, before its answer, or after its answer and before that is stored. The next process is a
command that resumes the batch, or a daemon's job that finds it.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
from aiohttp.test_utils import TestServer

from checkout_daemon.audit.audit_log import verify
from checkout_daemon.batches.listing import show_batch
from checkout_daemon.database.migrations import migrate
from checkout_daemon.runtime import Runtime, open_runtime
from checkout_daemon.sandbox.app import create_app
from checkout_daemon.sandbox.main import SandboxSettings
from checkout_daemon.settings import load_settings
from tests.faults.report import Options, Part, Result
from tests.support.cluster import Cluster
from tests.support.fixtures import KEY
from tests.support.flaky_stripe import FlakyStripe, Request, Trouble
from tests.support.shopping import paid_order

REFUNDS = "/v1/refunds"
MOMENTS = ("before Stripe hears of it", "before Stripe's answer", "after Stripe's answer")
_ORDERS = 500
_KILLS = 24
_SECONDS = 120.0
_JOB = """
import asyncio
from checkout_daemon.batches.running import run_left_batches
from checkout_daemon.runtime import open_runtime
from checkout_daemon.settings import load_settings

async def main():
    async with open_runtime(load_settings()) as runtime:
        await run_left_batches(runtime)

asyncio.run(main())
"""


@dataclass
class Killer:
    """Kills `process` at the next of `counts` of refunds that were asked for, at each moment in turn."""

    stripe: FlakyStripe
    connection: asyncpg.Connection
    blocker: asyncpg.Connection
    counts: list[int]
    process: asyncio.subprocess.Process | None = None
    kills: Counter[str] = field(default_factory=Counter)
    asked: int = 0

    def plan(self, _: int, request: Request) -> Trouble | None:
        """Kill before Stripe hears of a request."""
        if not _is_refund(request):
            return None
        self.asked += 1
        if self._due() == MOMENTS[0]:
            self._kill(MOMENTS[0])
            return "lose_request"
        return None

    async def before_answer(self, request: Request) -> None:
        """Kill before Stripe's answer, or once it cannot be stored because the orders are locked."""
        if not _is_refund(request) or (moment := self._due()) is None:
            return
        if moment == MOMENTS[1]:
            self._kill(moment)
            return
        self.counts.pop(0)
        await self.blocker.execute("BEGIN")
        await self.blocker.execute("SELECT FROM orders FOR UPDATE")
        self._waiting = asyncio.create_task(self._kill_when_it_waits())

    async def _kill_when_it_waits(self) -> None:
        while not await self.connection.fetchval(  # noqa: ASYNC110 - another process
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        ):
            await asyncio.sleep(0.02)
        self._kill(MOMENTS[2], taken=True)

    def _due(self) -> str | None:
        if self.process is None or not self.counts or self.asked < self.counts[0]:
            return None
        return MOMENTS[self.kills.total() % len(MOMENTS)]

    def _kill(self, moment: str, *, taken: bool = False) -> None:
        if not taken:
            self.counts.pop(0)
        assert self.process is not None
        self.process.kill()
        self.process = None
        self.kills[moment] += 1

    async def settle(self) -> None:
        """Release what was locked for a kill."""
        if self.blocker.is_in_transaction():
            await self.blocker.execute("ROLLBACK")


async def refund_through_kills(
    runtime: Runtime,
    stripe: FlakyStripe,
    connection: asyncpg.Connection,
    database_url: str,
    numbers: Sequence[int],
    kills: int,
    folder: Path,
) -> Counter[str]:
    """Refund the orders in one batch through so many kills, until it is finished. Return the kills by moment."""
    file = folder / "orders.txt"
    file.write_text("".join(f"{number}\n" for number in numbers), encoding="utf-8")
    blocker: asyncpg.Connection = await asyncpg.connect(database_url)
    counts = [1 + len(numbers) * place // kills for place in range(kills)]
    killer = Killer(stripe, connection, blocker, counts)
    stripe.plan, stripe.before_answer = killer.plan, killer.before_answer
    environ = {"DATABASE_URL": database_url, "STRIPE_API_KEY": KEY, "STRIPE_API_BASE": stripe.base}
    checkout = ("-m", "checkout_daemon")
    processes: list[tuple[str, ...]] = [(*checkout, "orders", "refund", "--from-file", str(file), "--yes")]
    code: int | None = None
    try:
        while code != 0:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", *processes[-1]),
                cwd=folder,
                env={"PATH": "/usr/bin:/bin", **environ},
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
            )
            killer.process = process
            async with asyncio.timeout(_SECONDS):
                _, said = await process.communicate()
            code = process.returncode
            assert code in (0, -9), said.decode()
            await killer.settle()
            if len(processes) % 3:
                processes.append((*checkout, "batches", "resume", "1", "--yes"))
            else:  # as if two minutes had passed
                await connection.execute("UPDATE batches SET leased_until = now() - interval '1 second'")
                processes.append(("-c", _JOB))
    finally:
        stripe.plan, stripe.before_answer = (lambda number, request: None), None
        await blocker.close()
    return killer.kills


async def differences(runtime: Runtime, connection: asyncpg.Connection, orders: int) -> list[str]:
    """Return what is not as if nothing had been killed: one refund of each order, in every record of it."""
    listed: list[dict[str, str]] = []
    after: dict[str, str] = {}
    while True:
        page = await runtime.gateway.call("list", partial(_list_refunds, after))
        listed += page.object["data"]
        if not page.object["has_more"]:
            break
        after = {"starting_after": listed[-1]["id"]}
    batch = (await show_batch(runtime.database, 1)).batch
    states = await connection.fetch("SELECT status, count(*) FROM orders GROUP BY status")
    asked = await connection.fetch("SELECT kind, count(*) FROM operator_log GROUP BY kind ORDER BY kind")
    found = {
        "refunds at Stripe": len(listed),
        "payments refunded": len({refund["payment_intent"] for refund in listed}),
        "items done": batch.done,
        "status of the batch": batch.status,
        "why it stopped": batch.why,
        "orders": [tuple(row) for row in states],
        "entries": [tuple(row) for row in asked],
        "faults of the audit log": list((await verify(runtime.database)).faults),
    }
    wanted = {
        "refunds at Stripe": orders,
        "payments refunded": orders,
        "items done": orders,
        "status of the batch": "finished",
        "why it stopped": None,
        "orders": [("refunded", orders)],
        "entries": [("refund.made", orders), ("refund.requested", orders)],
        "faults of the audit log": [],
    }
    return [f"{name}: {found[name]}, not {value}" for name, value in wanted.items() if found[name] != value]


def _list_refunds(after: dict[str, str], client: Any) -> Awaitable[Any]:
    listed: Awaitable[Any] = client.v1.refunds.list_async(params={"limit": 100, **after})
    return listed


def _is_refund(request: Request) -> bool:
    return request.path == REFUNDS and request.method == "POST"


async def _run(options: Options) -> list[Result]:
    cluster = Cluster(prepare=migrate)
    await asyncio.to_thread(cluster.start)
    server = TestServer(create_app(SandboxSettings(state_dir=options.directory / "stripe", port=0, settle_seconds=0.1)))
    await server.start_server()
    stripe = FlakyStripe(str(server.make_url("")).rstrip("/"))
    stripe.base = await stripe.start()
    url = await asyncio.to_thread(cluster.take)
    connection: asyncpg.Connection = await asyncpg.connect(url)
    await connection.execute(
        "INSERT INTO products (sku, name, unit_amount, currency) VALUES"
        " ('NOTE', 'Notebook', 1200, 'eur'), ('PEN', 'Pen', 333, 'eur')"
    )
    environ = {"DATABASE_URL": url, "STRIPE_API_KEY": KEY, "STRIPE_API_BASE": stripe.base}
    try:
        async with open_runtime(load_settings(environ, cwd=options.directory)) as runtime:
            numbers = [(await paid_order(runtime)).number for _ in range(_ORDERS)]
            kills = await refund_through_kills(runtime, stripe, connection, url, numbers, _KILLS, options.directory)
            found = await differences(runtime, connection, _ORDERS)
    finally:
        await connection.close()
        await stripe.stop()
        await server.close()
        await asyncio.to_thread(cluster.stop)
    if kills.total() != _KILLS:
        found.append(f"{kills.total()} of {_KILLS} kills happened")
    counts = {"orders": _ORDERS, **{f"kills {moment}": count for moment, count in kills.items()}}
    return [Result("a batch of refunds makes each once, whatever is killed", counts, tuple(found))]


PART = Part("batches", "500 refunds in a batch whose processes are killed", _run)
