#!/usr/bin/env python3
"""Measure what order terminals cost: CPU of the daemon and PostgreSQL per webhook, with terminals open and without.

Sends webhooks at a fixed rate (open loop) to `checkout serve`. In every other round, real `checkout tui` processes
follow them in pseudo-terminals. Goal: with five terminals at 500 webhooks a second, at most 1.10 times the CPU.

    .venv/bin/python bench/terminals.py [--rounds 7] [--terminals 5] [--rate 500] [--seconds 8]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import statistics
import sys
from pathlib import Path
from uuid import uuid4

import asyncpg
import psutil
from support import load
from support.machine import calm, machine
from terminal import Screen, open_terminal
from webhooks import SECRET, SEED, TOTAL, make_requests, make_state_dir, wait_for

from checkout_daemon.database.migrations import migrate
from checkout_daemon.dev.ports import free_port
from checkout_daemon.dev.postgres import EmbeddedPostgres

GOAL = 1.10
CONNECTIONS = 32
OLD_ORDERS = 5000


def cpu(*roots: psutil.Process) -> float:
    """Return the CPU seconds of these processes and their children, including children that have ended."""
    total = 0.0
    for root in roots:
        times = root.cpu_times()
        total += times.user + times.system + times.children_user + times.children_system
        for child in root.children():
            try:
                total += cpu(child)
            except psutil.NoSuchProcess:
                continue  # between the two readings it went over to its parent's
    return total


async def measure(
    url: str, directory: Path, daemon: int, port: int, options: argparse.Namespace, *, watched: bool
) -> float:
    """Return the microseconds of CPU per webhook."""
    connection = await asyncpg.connect(url)
    order_ids = [str(uuid4()) for _ in range(int(options.rate * options.seconds))]
    await connection.execute(SEED, order_ids, TOTAL)
    requests = make_requests(order_ids)
    newest = await connection.fetchval("SELECT max(number) FROM orders")
    postmaster = await connection.fetchval("SELECT pg_backend_pid()")
    server = psutil.Process(postmaster).parent()
    assert server is not None
    screens: list[Screen] = []
    try:
        if watched:
            screens = [open_terminal(url, directory) for _ in range(options.terminals)]
            for screen in screens:
                await screen.shows(str(newest).encode())
        await calm()
        before = cpu(psutil.Process(daemon), server)
        async with machine() as lateness:
            result = await load.run_at(port, requests, CONNECTIONS, options.rate)
        await asyncio.sleep(1)  # what the last ones cause belongs to them
        used = cpu(psutil.Process(daemon), server) - before
        if watched:
            print("   terminals themselves: " + ", ".join(f"{cpu(psutil.Process(s.pid)):.1f} s" for s in screens))
    finally:
        for screen in screens:
            await screen.end()
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


async def main(options: argparse.Namespace) -> int:
    """Measure and print."""
    state = make_state_dir()
    server = EmbeddedPostgres(state)
    await server.start()
    try:
        url = server.url()
        await migrate(url)
        connection = await asyncpg.connect(url)
        await connection.execute(SEED, [str(uuid4()) for _ in range(OLD_ORDERS)], TOTAL)
        await connection.close()
        port = free_port()
        environ = os.environ | {"DATABASE_URL": url, "STRIPE_WEBHOOK_SECRET": SECRET, "STRIPE_API_KEY": "sk_test_bench"}
        program = str(Path(sys.executable).parent / "checkout")
        daemon = await asyncio.create_subprocess_exec(
            *(program, "serve", "--host", "127.0.0.1", "--port", str(port), "--no-jobs"),
            env=environ,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            await wait_for(port)
            await measure(url, state, daemon.pid, port, options, watched=False)  # warms everything up
            ratios = []
            for number in range(options.rounds):
                order = (False, True) if number % 2 == 0 else (True, False)
                found = {
                    watched: await measure(url, state, daemon.pid, port, options, watched=watched) for watched in order
                }
                ratios.append(found[True] / found[False])
        finally:
            daemon.terminate()
            await daemon.wait()
    finally:
        await server.stop()
        shutil.rmtree(state, ignore_errors=True)
    ratio = statistics.median(ratios)
    print(
        f"{options.terminals} terminals, {options.rate:.0f} webhooks a second: {ratio:.2f} times the CPU of none"
        f" (median of {options.rounds}, {min(ratios):.2f} to {max(ratios):.2f}); goal {GOAL:.2f}"
    )
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--terminals", type=int, default=5)
    parser.add_argument("--rate", type=float, default=500)
    parser.add_argument("--seconds", type=float, default=8)
    sys.exit(asyncio.run(main(parser.parse_args())))
