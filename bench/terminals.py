"""Measure what order terminals cost: CPU of the daemon and PostgreSQL per webhook, with terminals open and without.

Sends webhooks at a fixed rate (open loop) to `checkout serve`. In every other round, real `checkout tui` processes
follow them in pseudo-terminals. Goal: with five terminals at 500 webhooks a second, at most 1.10 times the CPU.

With `--standby` the terminals have a standby as DATABASE_READ_URL, and page through its orders, two pages a second; the
CPU is that of the daemon and of the primary. Goal: 1.03 times.

    .venv/bin/python -m bench.terminals [--rounds 7] [--terminals 5] [--rate 500] [--seconds 8] [--standby]
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import shutil
import statistics
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import asyncpg

from bench.support import load
from bench.support.cluster import execute, make_state_dir
from bench.support.events import deliveries
from bench.support.machine import calm, machine
from bench.support.processes import Server, cpu_seconds
from bench.support.screens import Screen, open_terminal
from bench.support.standby import standby_of
from bench.support.targets import Store, daemon
from checkout_daemon.dev.ports import free_port
from checkout_daemon.dev.postgres import EmbeddedPostgres

GOAL, GOAL_WITH_STANDBY = 1.10, 1.03
PAGE_DOWN, END, HOME = b"\x1b[6~", b"\x1b[F", b"\x1b[H"
PAGE_SECONDS = 0.5
CONNECTIONS = 32
OLD_ORDERS = 5000


async def measure(
    url: str,
    store: Store,
    directory: Path,
    server: Server,
    postmaster: int,
    options: argparse.Namespace,
    standby: str | None,
    *,
    watched: bool,
) -> float:
    """Return the microseconds of CPU per webhook."""
    count = int(options.rate * options.seconds)
    await execute(url, store.statement("seed.sql").replace("{count}", str(count)))
    orders = (await store.orders(url, 10_000_000))[-count:]
    newest = max(order.number for order in orders)
    requests = [item.request for item in deliveries(orders)]
    order_ids = [order.id for order in orders]
    screens: list[Screen] = []
    try:
        if watched:
            screens = [open_terminal(url, directory, standby=standby) for _ in range(options.terminals)]
            for screen in screens:
                await screen.shows(str(newest))
        await calm()
        before = cpu_seconds(server.process.pid) + cpu_seconds(postmaster)
        async with machine() as lateness, paging(screens if standby is not None else ()):
            result = await load.run_at(server.port, requests, CONNECTIONS, options.rate)
        await asyncio.sleep(1)  # what the last ones cause belongs to them
        used = cpu_seconds(server.process.pid) + cpu_seconds(postmaster) - before
        if watched:
            print("   terminals themselves: " + ", ".join(f"{cpu_seconds(screen.pid):.1f} s" for screen in screens))
    finally:
        for screen in screens:
            await screen.end()
    connection = await asyncpg.connect(url)
    completed = await connection.fetchval(
        "SELECT count(*) FROM orders WHERE id = ANY($1::uuid[]) AND status = 'completed'", order_ids
    )
    await connection.close()
    if result.refused or completed != len(order_ids):
        raise SystemExit(f"{result.refused} refused, {completed} of {len(order_ids)} orders completed")
    per_webhook = 1e6 * used / len(order_ids)
    print(
        f"  {'with   ' if watched else 'without'} {per_webhook:6.0f} us a webhook; {result.per_second:.0f}/s,"
        f" p50 {result.p50_ms:.1f} ms, p99 {result.p99_ms:.1f} ms; {lateness}",
        flush=True,
    )
    return per_webhook


@asynccontextmanager
async def paging(screens: Sequence[Screen]) -> AsyncIterator[None]:
    """Page through the orders on all screens during the block: down, to the end, back to the newest."""

    async def page() -> None:
        for key in itertools.cycle((PAGE_DOWN, PAGE_DOWN, PAGE_DOWN, END, HOME)):
            for screen in screens:
                screen.press(key)
            await asyncio.sleep(PAGE_SECONDS)

    pressing = asyncio.create_task(page())
    try:
        yield
    finally:
        pressing.cancel()


async def main(options: argparse.Namespace) -> int:
    """Measure and print."""
    state = make_state_dir()
    postgres, target = EmbeddedPostgres(state), daemon()
    store = target.store
    assert store is not None
    await postgres.start()
    try:
        url = postgres.url()
        await store.prepare(url, OLD_ORDERS)
        environ = target.environment(url, stub_port=9)
        log = state / "daemon.log"
        starting = Server(
            target.command, port=free_port(), directory=Path("/"), environ=environ, log=log, ready=target.ready
        )
        async with starting as server, AsyncExitStack() as stack:
            standby = await stack.enter_async_context(standby_of(url, state)) if options.standby else None
            given = (url, store, state, server, postgres.pid or 0, options, standby)
            await measure(*given, watched=False)  # warms everything up
            ratios = []
            for number in range(options.rounds):
                order = (False, True) if number % 2 == 0 else (True, False)
                found = {watched: await measure(*given, watched=watched) for watched in order}
                ratios.append(found[True] / found[False])
    finally:
        await postgres.stop()
        shutil.rmtree(state, ignore_errors=True)
    ratio = statistics.median(ratios)
    print(
        f"{options.terminals} terminals{' that page on a standby' if options.standby else ''}, "
        f"{options.rate:.0f} webhooks a second: {ratio:.2f} times the CPU of none"
        f" (median of {options.rounds}, {min(ratios):.2f} to {max(ratios):.2f});"
        f" goal {GOAL_WITH_STANDBY if options.standby else GOAL:.2f}"
    )
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--terminals", type=int, default=5)
    parser.add_argument("--rate", type=float, default=500)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--standby", action="store_true")
    sys.exit(asyncio.run(main(parser.parse_args())))
