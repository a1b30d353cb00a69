"""Record a flame graph of the daemon at its full rate of webhooks, docs/performance/webhooks.svg, and print its table.

    .venv/bin/python -m bench.flame [--seconds 20]

The table has the CPU time of an event by what it is spent on. py-spy, in the peers' environment, reads the daemon's
stacks from outside: it needs root on most systems.
"""

from __future__ import annotations

import argparse
import asyncio
import html
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.scenarios.webhooks import WARM_UP, send_new
from bench.support.cluster import running_cluster
from bench.support.events import deliveries
from bench.support.targets import PEERS_PYTHON, ROOT, daemon
from bench.support.visits import Phase, Run, visiting

PICTURE = ROOT / "docs/performance/webhooks.svg"

_PARTS = (
    ("the signature", ("checkout_daemon/ledger/signature.py", "hmac.py")),
    ("reading the event: envelope, fields, its facts", ("checkout_daemon/ledger/translate/",)),
    ("borrowing a connection, BEGIN, COMMIT", ("checkout_daemon/database/pool.py", "asyncpg/pool.py",
                                               "asyncpg/transaction.py")),
    ("the statements: arguments, sending, rows", ("checkout_daemon/database/", "checkout_daemon/ledger/fact_store.py",
                                                  "checkout_daemon/ledger/writes.py", "asyncpg/")),
    ("joining facts and deriving the order", ("checkout_daemon/ledger/merge.py", "checkout_daemon/ledger/derive.py",
                                              "checkout_daemon/ledger/single_orders.py",
                                              "checkout_daemon/ledger/order_states.py",
                                              "checkout_daemon/ledger/updates.py", "checkout_daemon/ledger/facts.py",
                                              "checkout_daemon/model/")),
    ("queue, batches, remembered events", ("checkout_daemon/ledger/",)),
    ("metrics", ("checkout_daemon/observability/", "prometheus_client/")),
    ("HTTP: reading, answering", ("checkout_daemon/web/", "aiohttp/")),
)  # fmt: skip
"""What each file's time is spent on; the first that fits. Others belong to what called them."""
REST = "the event loop and the system's calls"
_FRAME = re.compile(
    r"<title>(?P<name>.*?) \((?P<samples>[\d,]+) samples?, [^)]*\)</title>"
    r'<rect [^>]*?y="(?P<y>\d+)"[^>]*? fg:x="(?P<x>\d+)"'
)
_FILE = re.compile(r"\(([^()]+):\d+\)$")


@dataclass(frozen=True, slots=True)
class Frame:
    """A box of the picture: `samples` wide from `x`, under its caller, which has a smaller `y`."""

    file: str
    samples: int
    x: int
    y: int


def frames(picture: str) -> Iterator[Frame]:
    """Yield the boxes of a flame graph that py-spy has drawn, callers first."""
    found = []
    for box in _FRAME.finditer(picture):
        file = _FILE.search(html.unescape(box["name"]))
        samples = int(box["samples"].replace(",", ""))
        found.append(Frame(file[1] if file else "", samples, int(box["x"]), int(box["y"])))
    yield from sorted(found, key=lambda frame: (frame.y, frame.x))


def shares(picture: str) -> dict[str, float]:
    """Return the share of each part in a flame graph, the largest first. A box counts without those that it calls."""
    parts: Counter[str] = Counter()
    above: list[tuple[Frame, str]] = []
    for frame in frames(picture):
        inside = [(caller, part) for caller, part in above if caller.x <= frame.x < caller.x + caller.samples]
        caller, callers = max(inside, key=lambda one: one[0].y, default=(None, REST))
        part = next((name for name, files in _PARTS if frame.file.startswith(files)), callers)
        parts[part] += frame.samples
        if caller is not None:
            parts[callers] -= frame.samples
        above.append((frame, part))
    total = sum(parts.values())
    return {part: samples / total for part, samples in parts.most_common()} if total else {}


async def record(seconds: float, picture: Path) -> float:
    """Run the daemon, send new events over 32 connections, and record where its time goes; return the µs of each."""
    target, phase = daemon(), Phase("recorded", 32, seconds)
    async with running_cluster() as (cluster, directory):
        run = Run(cluster, directory, 1, seconds, (target,), 0)
        async with visiting(run, "flame", 0, target, WARM_UP + phase.most(target)) as visit:
            await visit.send(list(deliveries(visit.take(WARM_UP))))
            spy = await asyncio.create_subprocess_exec(
                str(PEERS_PYTHON.with_name("py-spy")), "record", "--pid", str(visit.server.process.pid),
                "--rate", "500", "--duration", str(max(1, int(seconds))), "--function", "--gil",
                "--output", str(picture), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            )  # fmt: skip
            row = await send_new(visit, phase, duplicates=0.0)
            await spy.wait()
    print(f"{picture}: {row.per_second:.0f} events a second while it was recorded, {row.server_us:.0f} us of CPU each")
    return row.server_us


def name(picture: Path) -> None:
    """Give the picture a title. py-spy's is its command line, with the machine's paths."""
    drawn = re.sub(r'(<text id="title"[^>]*>)[^<]*', r"\1The daemon, webhooks over 32 connections", picture.read_text())
    picture.write_text(drawn)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--output", type=Path, default=PICTURE)
    given = parser.parse_args()
    given.output.parent.mkdir(exist_ok=True)
    event_us = asyncio.run(record(given.seconds, given.output))
    name(given.output)
    for part, share in shares(given.output.read_text(encoding="utf-8")).items():
        print(f"{share * event_us:6.0f} us  {100 * share:3.0f} %  {part}")
