"""Measure a first visit on a slow phone: slow 4G and a CPU four times slower, in a real browser with an empty cache.

Starts a shop of its own unless CHECKOUT_E2E_URL names one; frontend/bench/storefront.bench.ts drives the browser. Exits
with 1 over budget. Typing is judged by each round's longest task in processor time, which other work on the machine
lengthens far less than wall time, and by the median of the rounds; on an idle machine both agree.

    .venv/bin/python -m bench.storefront [--rounds 5]
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
    """One measured figure: how to read it from a round, and its budget, judged over all rounds."""

    name: str
    of: Callable[[Round], float]
    digits: int = 0
    budget: float | None = None
    judge: Callable[[Sequence[float]], float] = statistics.median


FIGURES = (
    Figure("first contentful paint, ms", lambda measured: measured["firstContentfulPaint"], budget=2000),
    Figure("largest contentful paint, ms", lambda measured: measured["largestContentfulPaint"]),
    Figure("products shown, ms", lambda measured: measured["productsShown"]),
    Figure("typing: longest task, processor ms", lambda measured: measured["typing"]["processor"], 1, budget=50),
    Figure("typing: longest task, wall ms", lambda measured: measured["typing"]["wall"], 1),
    Figure("typing: slowest key to picture, ms", lambda measured: measured["slowestKey"]),
    Figure("layout shift", lambda measured: measured["layoutShift"], 3, budget=0.05, judge=max),
    Figure("bytes on the wire, KB", lambda measured: measured["bytes"] / 1000, 1),
)


def measure(rounds: int) -> dict[str, Any]:
    """Return what the browser measured. Raise CalledProcessError if it could not be driven."""
    with tempfile.TemporaryDirectory(prefix="checkout-bench-") as folder:
        report = Path(folder) / "storefront.json"
        environ = os.environ | {"CHECKOUT_BENCH_REPORT": str(report), "CHECKOUT_BENCH_ROUNDS": str(rounds)}
        command = ["npm", "--prefix", str(FRONTEND), "run", "--silent", "bench"]
        subprocess.run(command, env=environ, check=True, timeout=TIMEOUT_SECONDS, stdout=sys.stderr)
        found: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
        return found


def report(found: dict[str, Any]) -> bool:
    """Print the figures, and return whether all are within budget."""
    rounds: list[Round] = found["rounds"]
    print(f"{machine()}; Chromium {found['chromium']}; slow 4G (562 ms, 1.47 Mbit/s), CPU / 4; {len(rounds)} rounds")
    print(f"{'':36} {'least':>9} {'median':>9} {'most':>9} {'budget':>9}")
    within = True
    for figure in FIGURES:
        values = [figure.of(one) for one in rounds]
        over = figure.budget is not None and figure.judge(values) > figure.budget
        within &= not over
        shown = [f"{value:9.{figure.digits}f}" for value in (min(values), statistics.median(values), max(values))]
        held_to = "" if figure.budget is None else f"{figure.budget:9g} {'most' if figure.judge is max else 'median'}"
        print(f"{figure.name:36} {' '.join(shown)} {held_to}{'  OVER' if over else ''}")
    return within


def machine() -> str:
    """Describe this machine and its load."""
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
