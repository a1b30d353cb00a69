#!/usr/bin/env python3
"""Measure webhooks per second: the daemon against what most shops run, in interleaved rounds on one machine.

The reference (bench/support/reference.py) stores the event and updates the order; the daemon also keeps facts, links,
the change log and the outbox. Both run on the same embedded PostgreSQL with durable settings. After each round every
order is counted.

    .venv/bin/python bench/webhooks.py [--rounds 3] [--events 4000] [--connections 32]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import asyncpg
from support import load

from checkout_daemon.database.migrations import migrate
from checkout_daemon.dev.ports import free_port
from checkout_daemon.dev.postgres import EmbeddedPostgres
from checkout_daemon.ledger.signature import sign

HERE = Path(__file__).resolve().parent
SECRET = "whsec_bench"
TOTAL = 4200
WARM_UP = 300
SEED = """
INSERT INTO orders (id, currency, amount_subtotal, amount_discount, amount_total, customer_name, customer_email,
                    customer_phone, livemode)
SELECT unnest($1::uuid[]), 'usd', $2, 0, $2, 'N', 'n@example.com', '+15555550123', false
"""


@dataclass(frozen=True, slots=True)
class Round:
    """The load generator's result, and the server's CPU per webhook in microseconds."""

    result: load.Result
    cpu_us: float


def make_requests(order_ids: list[str]) -> list[bytes]:
    """Return a signed checkout.session.completed of 3.7 KB for each order."""
    requests = []
    for order_id in order_ids:
        tag = uuid4().hex
        session = {
            "id": f"cs_test_{tag}",
            "object": "checkout.session",
            "client_reference_id": order_id,
            "metadata": {"order_id": order_id, "filler": "x" * 2900},
            "payment_intent": f"pi_{tag}",
            "status": "complete",
            "payment_status": "paid",
            "amount_total": TOTAL,
            "currency": "usd",
            "livemode": False,
        }
        event = {
            "id": f"evt_{tag}",
            "object": "event",
            "type": "checkout.session.completed",
            "created": int(time.time()),
            "livemode": False,
            "api_version": "2026-10-28.endive",
            "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None},
            "data": {"object": session},
        }
        body = json.dumps(event).encode()
        headers = {"Content-Type": "application/json", "Stripe-Signature": sign(body, SECRET, int(time.time()))}
        requests.append(load.request("/api/webhook", body, headers))
    return requests


async def measure(url: str, command: list[str], events: int, connections: int) -> Round:
    """Start the server, send the events, and count the completed orders."""
    connection = await asyncpg.connect(url)
    order_ids = [str(uuid4()) for _ in range(events + WARM_UP)]
    await connection.execute(SEED, order_ids, TOTAL)
    port = free_port()
    environ = os.environ | {
        "DATABASE_URL": url,
        "STRIPE_WEBHOOK_SECRET": SECRET,
        "STRIPE_API_KEY": "sk_test_bench",
        "CHECKOUT_LOG_FORMAT": "json",
    }
    process = await asyncio.create_subprocess_exec(
        *[word.format(port=port) for word in command],
        env=environ,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await wait_for(port)
        requests = make_requests(order_ids)
        await load.run(port, requests[:WARM_UP], connections)
        before = cpu_seconds(process.pid)
        result = await load.run(port, requests[WARM_UP:], connections)
        cpu = cpu_seconds(process.pid) - before
    finally:
        process.terminate()
        await process.wait()
    completed = await connection.fetchval(
        "SELECT count(*) FROM orders WHERE id = ANY($1::uuid[]) AND status = 'completed'", order_ids
    )
    await connection.close()
    if result.refused or completed != len(order_ids):
        raise SystemExit(f"{result.refused} refused, {completed} of {len(order_ids)} orders completed")
    return Round(result, 1e6 * cpu / result.requests)


def make_state_dir() -> Path:
    """Create a directory that the user who runs PostgreSQL can enter."""
    path = Path(tempfile.mkdtemp(prefix="checkout-bench-"))
    path.chmod(0o755)
    return path


async def wait_for(port: int) -> None:
    """Wait until a server listens on the port. Exit after 20 s."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
    raise SystemExit("the server did not start")


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def main(rounds: int, events: int, connections: int) -> None:
    """Measure and print."""
    commands = {
        "reference": [sys.executable, str(HERE / "support/reference.py"), "{port}"],
        "checkout serve": [
            str(Path(sys.executable).parent / "checkout"),
            "serve",
            "--host",
            "127.0.0.1",
            "--port",
            "{port}",
            "--no-jobs",
        ],
    }
    state = make_state_dir()
    server = EmbeddedPostgres(state)
    await server.start()
    try:
        await migrate(server.url())
        found: dict[str, list[Round]] = {name: [] for name in commands}
        for number in range(rounds):
            names = list(commands) if number % 2 == 0 else list(reversed(commands))
            for name in names:
                found[name].append(await measure(server.url(), commands[name], events, connections))
    finally:
        await server.stop()
        shutil.rmtree(state, ignore_errors=True)
    report(found, connections)


def report(found: dict[str, list[Round]], connections: int) -> None:
    """Print the medians of all servers."""
    print(f"{connections} connections, closed loop, 3.7 KB signed checkout.session.completed; medians of rounds")
    print(f"{'server':16} {'per s':>8} {'ratio':>6} {'p50 ms':>8} {'p99 ms':>8} {'server us':>10}")
    base = found["reference"]
    for name, rounds in found.items():
        ratio = statistics.median(
            one.result.per_second / other.result.per_second for one, other in zip(rounds, base, strict=True)
        )
        print(
            f"{name:16} {statistics.median(x.result.per_second for x in rounds):8.0f} {ratio:6.2f}"
            f" {statistics.median(x.result.p50_ms for x in rounds):8.2f}"
            f" {statistics.median(x.result.p99_ms for x in rounds):8.2f}"
            f" {statistics.median(x.cpu_us for x in rounds):10.0f}"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--events", type=int, default=4000)
    parser.add_argument("--connections", type=int, default=32)
    options = parser.parse_args()
    asyncio.run(main(options.rounds, options.events, options.connections))
