"""Measure the order terminal on a million orders: its start, changes on screen, keys, memory, and what it sends.

Runs a real `checkout tui` in a pseudo-terminal of 80x24, and reads what it writes. Times are from the commit, or the
key, to the bytes. Goals: first rows within 1 s, a change on screen within 150 ms (p99) at 200 changes a second, a key
answered within 50 ms (p99) meanwhile, 150 MB.

Every sort of the list and what is to do are read as the terminal reads them, with a thousand orders that need a person:
each statement within 50 ms (p99).

It also counts what each screen sends at 200x60 while nothing changes. More than 1,000 bytes a second is a failure
(exit 1): this is a count, so it does not depend on the machine. `--idle-only` measures nothing else,
and `--busy-only` everything else.

    .venv/bin/python -m bench.terminal [--orders 1000000] [--seconds 20] [--rate 200] [--idle-only | --busy-only]
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import re
import shutil
import statistics
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import psutil

from bench.support.cluster import make_state_dir
from bench.support.machine import calm, machine
from bench.support.screens import PATIENCE_SECONDS, open_terminal
from bench.support.timed import OneConnection
from checkout_daemon.database.connection import PLANNER, settle
from checkout_daemon.database.migrations import migrate
from checkout_daemon.dev.postgres import EmbeddedPostgres
from checkout_daemon.model.order_rows import SORTS, read_sort
from checkout_daemon.orders.order_filter import OrderFilter
from checkout_daemon.orders.sorted_orders import OrderList
from checkout_daemon.orders.todo import read_todo
from checkout_daemon.settings import load_settings

WIDE = (60, 200)  # of the idle screens
IDLE_SECONDS = 12.0
IDLE_GATE = 1000.0  # bytes a second
IDLE_SCREENS = {
    "Orders": (b"", "Customer"),
    "Order": (b"\r", "Sessions"),
    "Events": (b"e", "Reason"),
    "Event": (b"e\r", "attempt"),
    "Dead letters": (b"ed", "What failed"),
    "Health": (b"H", "messages/min"),
    "Trigger": (b"T", "Stripe creates its own objects"),
    "To do": (b"D", "to do"),
    "Batches": (b"B", "No batches"),
}
"""Each screen's keys, and a text that shows that it is there."""
TOP = 8  # orders that change: all in view, also below a line of troubles
STARTS = 3
KEY_EVERY_SECONDS = 0.1
READS = 20  # of each list
READ_GATE = 50.0  # milliseconds in the database, p99

ORDERS = """
INSERT INTO orders (id, status, currency, amount_subtotal, amount_discount, amount_total, customer_name, customer_email,
                    customer_phone, livemode, created_at, paid_at)
SELECT gen_random_uuid(), status, 'eur', 1000 + n % 9000, 0, 1000 + n % 9000,
       'Buyer ' || n % 5000, 'buyer' || n % 250000 || '@example.com', '+4930901820', false, made,
       CASE WHEN status IN ('completed', 'refunded') THEN made END
FROM (
    SELECT n, now() - (($1 - n) * interval '30 seconds') AS made,
           (ARRAY['completed', 'completed', 'completed', 'completed', 'completed', 'completed', 'completed', 'pending',
                  'refunded', 'expired'])[1 + n % 10] AS status
    FROM generate_series(1, $1::integer) AS n
) AS numbered
"""
TEXTS = "INSERT INTO order_texts SELECT id, lower(customer_name || E'\\n' || customer_email) FROM orders"
EVENTS = """
WITH paid AS (SELECT id, created_at FROM orders ORDER BY created_at DESC LIMIT 200),
events AS (
    INSERT INTO stripe_events (id, type, status, livemode, order_id, created_at, received_at, applied_at, body_hash)
    SELECT 'evt_bench' || row_number() OVER (), 'checkout.session.completed',
           (ARRAY['applied', 'applied', 'applied', 'dead'])[1 + row_number() OVER () % 4], false, id, created_at,
           created_at, created_at, '' FROM paid
)
INSERT INTO checkout_sessions (id, livemode, order_id, status, outcome, expires_at)
SELECT 'cs_bench' || row_number() OVER (), false, id, 'open', 'unpaid', created_at + interval '1 day' FROM paid
"""
CHANGE = """
WITH changed AS (
    UPDATE orders SET customer_name = $2 WHERE id = $1 RETURNING id, status
)
INSERT INTO order_changes (order_id, from_status, to_status, cause, actor)
SELECT id, status, status, 'bench', 'bench' FROM changed
"""


@dataclass
class Changes:
    """Commits that are not on the screen yet. A newer value of the same order also counts for the older ones."""

    waiting: dict[int, list[tuple[int, float]]] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)

    def committed(self, slot: int, number: int, at: float) -> None:
        """Note a commit."""
        self.waiting.setdefault(slot, []).append((number, at))

    def seen(self, text: str, now: float) -> None:
        """Note which commits are on the screen now."""
        for found in re.finditer(r"c(\d\d)x(\d{6})", text):
            slot, number = int(found[1]), int(found[2])
            left = self.waiting.get(slot, [])
            self.seconds += [now - at for shown, at in left if shown <= number]
            self.waiting[slot] = [(shown, at) for shown, at in left if shown > number]


async def measure_changes(
    url: str, directory: Path, rate: int, seconds: float
) -> tuple[list[float], list[float], float]:
    """Return the seconds from commit to screen, the seconds from key to screen, and the megabytes at the end."""
    writer = await asyncpg.connect(url)
    ids = [row["id"] for row in await writer.fetch("SELECT id FROM orders ORDER BY created_at DESC LIMIT $1", TOP)]
    numbers = [
        row["number"] for row in await writer.fetch("SELECT number FROM orders ORDER BY created_at DESC LIMIT $1", TOP)
    ]
    screen = open_terminal(url, directory)
    await screen.shows(str(numbers[-1]))
    await asyncio.sleep(3)  # counts and figures of the start are not what is measured
    changes, keys = Changes(), []
    pressed: dict[str, float] = {}

    def seen(text: str, now: float) -> None:
        changes.seen(text, now)
        for wanted, at in list(pressed.items()):
            if wanted in text:
                keys.append(now - at)
                del pressed[wanted]

    screen.seen = seen
    begun, before = time.perf_counter(), screen.received
    next_key, place = begun + KEY_EVERY_SECONDS, 0
    number = 0
    while (now := time.perf_counter()) - begun < seconds:
        slot = number % TOP
        async with writer.transaction():
            await writer.execute(CHANGE, ids[slot], f"c{slot:02}x{number:06}")
            await writer.execute("NOTIFY checkout_changes")
        changes.committed(slot, number, time.perf_counter())
        number += 1
        if now >= next_key and not pressed:
            next_key = now + KEY_EVERY_SECONDS
            down = place < TOP - 2
            place = place + 1 if down else 0
            pressed[f"orders show {numbers[place]}"] = time.perf_counter()
            screen.press(b"\x1b[B" if down else b"\x1b[H")
        await asyncio.sleep(max(0.0, begun + number / rate - time.perf_counter()))
    deadline = time.perf_counter() + PATIENCE_SECONDS
    while any(changes.waiting.values()) and time.perf_counter() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    missing = sum(map(len, changes.waiting.values()))
    print(f"  {number} changes in {seconds:.0f} s, {missing} never on the screen")
    print(f"sent while busy           {(screen.received - before) / number:.0f} bytes a change, two flashes included")
    memory = psutil.Process(screen.pid).memory_info().rss / 1e6
    await screen.end()
    await writer.close()
    return changes.seconds, keys, memory


async def measure_start(url: str, directory: Path, newest: int) -> float:
    """Return the seconds from the start to the first rows."""
    started = time.perf_counter()
    screen = open_terminal(url, directory)
    shown = await screen.shows(str(newest))
    await asyncio.sleep(1)
    await screen.end()
    return shown - started


async def measure_walk(url: str, directory: Path, newest: int, oldest: int) -> tuple[float, float]:
    """Return the seconds to the oldest order, and to the result of a search that finds few."""
    screen = open_terminal(url, directory)
    await screen.shows(str(newest))
    await asyncio.sleep(3)
    started = time.perf_counter()
    screen.press(b"\x1b[F")
    end = await screen.shows(f"{oldest:>7}") - started
    started = time.perf_counter()
    screen.press(b"/")
    await asyncio.sleep(0.2)
    screen.press(b"buyer4711@example")
    search = await screen.shows("Buyer 4711") - started - 0.2
    await screen.end()
    return end, search


async def measure_reads(url: str) -> dict[str, list[float]]:
    """Return the milliseconds of the statements that each sort takes, and what is to do."""
    connection = await asyncpg.connect(url)
    await settle(connection, PLANNER)
    await connection.execute("UPDATE orders SET attention = '{paid_twice}' WHERE number % 1000 = 0")
    await connection.execute("ANALYZE orders (attention)")
    database, found = OneConnection(connection), {}
    gc.disable()  # a collection in this process is no time of the database, and the terminal freezes what is old
    settings = load_settings({"DATABASE_URL": url, "STRIPE_API_KEY": "sk_test_0123456789abcdef"}, cwd=Path("/"))
    for text in [sign + name for name in SORTS for sign in ("", "-")]:
        sort = read_sort(text)
        assert sort is not None
        for _ in range(READS):
            await OrderList(database, OrderFilter(), sort).page(None, 50)
        await asyncio.sleep(0)  # the loop notes the last statement in its next pass
        found[f"sort {text}"], database.taken = database.taken, []
    for _ in range(READS):
        await read_todo(database, settings)
    await asyncio.sleep(0)
    found["to do"] = database.taken
    gc.enable()
    await connection.close()
    return found


def report_reads(found: dict[str, list[float]]) -> None:
    """Print the slowest sorts and what is to do."""
    ranked = sorted(found, key=lambda name: -p(found[name], 0.99) / 1000)
    for name in dict.fromkeys([*ranked[:3], "to do"]):
        taken = [one / 1000 for one in found[name]]
        verdict = "" if p(taken, 0.99) <= READ_GATE else f"   SLOW: more than {READ_GATE:.0f} ms"
        print(f"{name:<25} p50 {p(taken, 0.5):.1f} ms, p99 {p(taken, 0.99):.1f} ms a statement{verdict}")


async def measure_idle(url: str, directory: Path, newest: int, keys: bytes, shows: str) -> float:
    """Return the bytes a second that a screen sends while nothing changes."""
    screen = open_terminal(url, directory, WIDE)
    await screen.shows(str(newest))
    await asyncio.sleep(3)  # counts and figures of the start
    for key in keys:
        screen.press(bytes([key]))
        await asyncio.sleep(1)
    await screen.shows(shows)
    await asyncio.sleep(4)
    before, started = screen.received, time.perf_counter()
    await asyncio.sleep(IDLE_SECONDS)
    sent = (screen.received - before) / (time.perf_counter() - started)
    await screen.end()
    return sent


async def report_idle(url: str, directory: Path, newest: int) -> bool:
    """Measure every screen, print, and return whether all of them are quiet enough."""
    quiet = True
    for name, (keys, shows) in IDLE_SCREENS.items():
        sent = await measure_idle(url, directory, newest, keys, shows)
        verdict = "" if sent <= IDLE_GATE else f"   SHORT: more than {IDLE_GATE:.0f}"
        print(f"idle at 200x60            {sent:.0f} bytes/s on {name}{verdict}", flush=True)
        quiet = quiet and not verdict
    return quiet


def p(values: list[float], share: float) -> float:
    """Return a percentile in milliseconds."""
    return 1000 * sorted(values)[min(int(len(values) * share), len(values) - 1)]


async def main(options: argparse.Namespace) -> int:
    """Measure, print, and return the exit code."""
    directory = make_state_dir()
    server = EmbeddedPostgres(directory)
    try:
        await server.start()
        url = server.url()
        await migrate(url)
        connection = await asyncpg.connect(url)
        started = time.perf_counter()
        await connection.execute("SET synchronous_commit = off; SET maintenance_work_mem = '512MB'")
        # All at once rather than one by one: the search's texts and their index.
        index = await connection.fetchval("SELECT pg_get_indexdef('order_texts_search'::regclass)")
        await connection.execute("DROP INDEX order_texts_search; ALTER TABLE orders DISABLE TRIGGER orders_text_kept")
        await connection.execute(ORDERS.replace("$1", str(options.orders)))
        await connection.execute(TEXTS)
        await connection.execute(EVENTS)
        await connection.execute(f"{index}; ALTER TABLE orders ENABLE TRIGGER orders_text_kept")
        await connection.execute("VACUUM ANALYZE")
        newest = await connection.fetchval("SELECT max(number) FROM orders")
        await connection.close()
        print(f"{options.orders:,} orders made in {time.perf_counter() - started:.0f} s; {os.cpu_count()} cores")
        await calm()
        quiet = options.busy_only or await report_idle(url, directory, newest)
        if options.idle_only:
            return 0 if quiet else 1
        starts = [await measure_start(url, directory, newest) for _ in range(STARTS)]
        print(f"start to first rows       {statistics.median(starts):.2f} s, median of {STARTS}")
        end, search = await measure_walk(url, directory, newest, newest - options.orders + 1)
        print(f"to the oldest order       {1000 * end:.0f} ms")
        print(f"search that finds few     {1000 * search:.0f} ms after the first letter of 17")
        await calm()
        async with machine() as lateness:
            changes, keys, memory = await measure_changes(url, directory, options.rate, options.seconds)
        print(f"change to screen          p50 {p(changes, 0.5):.0f} ms, p99 {p(changes, 0.99):.0f} ms")
        print(f"key to screen             p50 {p(keys, 0.5):.0f} ms, p99 {p(keys, 0.99):.0f} ms of {len(keys)} keys")
        print(f"memory                    {memory:.0f} MB")
        report_reads(await measure_reads(url))
        print(f"meanwhile                 {lateness}")
        return 0 if quiet else 1
    finally:
        await server.stop()
        shutil.rmtree(directory)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rate", type=int, default=200)
    parser.add_argument("--idle-only", action="store_true")
    parser.add_argument("--busy-only", action="store_true", help="leave out what idle screens send")
    sys.exit(asyncio.run(main(parser.parse_args())))
