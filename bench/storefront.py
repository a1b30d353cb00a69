#!/usr/bin/env python3
"""A first visit on a slow phone: slow 4G and a CPU four times slower, in a real browser with an empty cache.

Starts a shop of its own unless CHECKOUT_E2E_URL names one; frontend/bench/storefront.bench.ts drives the browser. Exits
with 1 over budget. Typing is judged by each round's longest task in processor time, which other work on the machine
lengthens far less than wall time, and by the median of the rounds; on a machine left alone both say the same.

    .venv/bin/python bench/storefront.py [--rounds 5]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FRONTEND = Path(__file__).resolve().parents[1] / "frontend"
TIMEOUT_SECONDS = 600

Round = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Figure:
    name: str
    of: Callable[[Round], float]
    digits: int = 0
    budget: float | None = None
    judge: Callable[[Sequence[float]], float] = statistics.median


FIGURES = (
    Figure("first contentful paint, ms", lambda each: each["firstContentfulPaint"], budget=2000),
    Figure("largest contentful paint, ms", lambda each: each["largestContentfulPaint"]),
    Figure("products shown, ms", lambda each: each["productsShown"]),
    Figure("typing: longest task, processor ms", lambda each: each["typing"]["processor"], 1, budget=50),
    Figure("typing: longest task, wall ms", lambda each: each["typing"]["wall"], 1),
    Figure("typing: slowest key to picture, ms", lambda each: each["slowestKey"]),
    Figure("layout shift", lambda each: each["layoutShift"], 3, budget=0.05, judge=max),
    Figure("bytes on the wire, KB", lambda each: each["bytes"] / 1000, 1),
)


def measure(rounds: int) -> dict[str, Any]:
    """What the browser saw. Raises CalledProcessError where it could not be driven."""
    with tempfile.TemporaryDirectory(prefix="checkout-bench-") as folder:
        report = Path(folder) / "storefront.json"
        environ = os.environ | {"CHECKOUT_BENCH_REPORT": str(report), "CHECKOUT_BENCH_ROUNDS": str(rounds)}
        command = ["npm", "--prefix", str(FRONTEND), "run", "--silent", "bench"]
        subprocess.run(command, env=environ, check=True, timeout=TIMEOUT_SECONDS, stdout=sys.stderr)
        found: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
        return found


def report(found: dict[str, Any]) -> bool:
    """Print the figures; whether all are within budget."""
    rounds: list[Round] = found["rounds"]
    print(f"{machine()}; Chromium {found['chromium']}; slow 4G (562 ms, 1.47 Mbit/s), CPU / 4; {len(rounds)} rounds")
    print(f"{'':36} {'least':>9} {'median':>9} {'most':>9} {'budget':>9}")
    within = True
    for figure in FIGURES:
        values = [figure.of(each) for each in rounds]
        over = figure.budget is not None and figure.judge(values) > figure.budget
        within &= not over
        shown = [f"{each:9.{figure.digits}f}" for each in (min(values), statistics.median(values), max(values))]
        held_to = "" if figure.budget is None else f"{figure.budget:9g} {'most' if figure.judge is max else 'median'}"
        print(f"{figure.name:36} {' '.join(shown)} {held_to}{'  OVER' if over else ''}")
    return within


def machine() -> str:
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [
            line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")
        ]
        model = names[0] if names else model
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return f"{model}, {os.cpu_count()} cores{load}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    sys.exit(0 if report(measure(parser.parse_args().rounds)) else 1)
