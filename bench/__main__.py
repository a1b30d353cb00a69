"""Measure the daemon against its peers, print tables with ratios, and say which gates are met.

Every scenario visits all its targets in every round, in rotated order; each visit has a fresh database. Figures are
medians over the rounds, and ratios are medians of the ratios within a round: compare only within a run. Exits with 1
only if something was wrong, such as a lost event.

    .venv/bin/python -m bench [SCENARIO ...] [--quick] [--rounds 5] [--seconds 4] [--against PATH]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

from bench.gates import judge
from bench.report import gates_table, matrix, scenario_tables
from bench.scenarios import LONG, NAMES, PAIRS
from bench.support.cluster import running_cluster
from bench.support.rows import Row, Rows, cpu_us, faults, most_foreign, p50, per_second
from bench.support.targets import OTHER_DAEMON, PEERS_PYTHON, ROOT, daemon
from bench.support.visits import Run

CALM_CORES = 0.3
RESULTS = ROOT / ".bench/results.json"
SCENARIOS: dict[str, Callable[[Run], Awaitable[list[Row]]]] = {
    name: import_module(f"bench.scenarios.{name}").measure for name in NAMES
}


def main() -> int:
    """Measure and print."""
    options = arguments().parse_args()
    left_out = (*(LONG if options.quick else ()), *PAIRS)
    options.scenarios = options.scenarios or [name for name in SCENARIOS if name not in left_out]
    if not options.against and set(PAIRS) & set(options.scenarios):
        raise SystemExit(f"--against is missing: {', '.join(PAIRS)} compares two checkouts")
    options.rounds = options.rounds or (2 if options.quick else 5)
    options.orders = options.orders or (20_000 if options.quick else 100_000)
    options.seconds = options.seconds or (1.0 if options.quick else 4.0)
    if unknown := set(options.scenarios) - set(SCENARIOS):
        raise SystemExit(f"unknown scenario {', '.join(sorted(unknown))}: choose from {', '.join(SCENARIOS)}")
    if not PEERS_PYTHON.exists() and {"webhooks", "checkouts"} & set(options.scenarios):
        raise SystemExit("the Flask design is not installed: make .bench/venv/.installed")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that servers are stopped
    rows = asyncio.run(measure(options))
    cores, python = os.cpu_count(), platform.python_version()
    print(f"{options.rounds} rounds of {options.seconds:g} s, {cores} cores, Python {python}\n")
    for name in options.scenarios:
        print(tables(rows, name), end="\n\n")
    print(f"## Gates\n\n{gates_table(judge(rows, options.scenarios))}\n")
    if (busy := most_foreign(rows.rows)) > CALM_CORES:
        print(f"Other processes used up to {busy:.1f} cores: compare CPU rather than rates, or measure again.\n")
    keep(options, rows)
    wrong = faults(rows.rows)
    for fault in wrong:
        print(f"WRONG: {fault}")
    return 1 if wrong else 0


def tables(rows: Rows, scenario: str) -> str:
    """Return the tables of a scenario, or one line for each target where all phases are alike."""
    if scenario == "memory":
        return matrix(rows, scenario, "MB after each slice", lambda row: row.resident_mb, 1)
    if scenario == "scaling":
        shown = (("events a second", per_second), ("CPU per event, us", cpu_us), ("p50 ms", p50))
        return "\n\n".join(matrix(rows, scenario, f"{name}, by connections", value) for name, value in shown)
    return scenario_tables(rows, scenario)


def arguments() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    every = f"any of {', '.join(SCENARIOS)}; default: all but {', '.join(PAIRS)}"
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=every)
    parser.add_argument("--quick", action="store_true", help=f"2 rounds of 1 s, without {', '.join(LONG)}: 3 minutes")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float, help="of each measured phase")
    parser.add_argument("--orders", type=int, help="of the history in `flat`, each with three events")
    parser.add_argument("--against", type=Path, metavar="PATH", help="another checkout, with its own .venv, to compare")
    parser.add_argument("--json", type=Path, default=RESULTS, help="where every round is kept; default: %(default)s")
    return parser


async def measure(options: argparse.Namespace) -> Rows:
    """Run the scenarios."""
    daemons = [daemon()]
    if options.against:
        daemons.append(daemon(OTHER_DAEMON, options.against.resolve()))
    rows: list[Row] = []
    async with running_cluster() as (cluster, directory):
        run = Run(cluster, directory, options.rounds, options.seconds, tuple(daemons), options.orders)
        for name in options.scenarios:
            rows += await SCENARIOS[name](run)
    return Rows(tuple(rows))


def keep(options: argparse.Namespace, rows: Rows) -> None:
    """Write the gates and every round to a file."""
    kept = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cores": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()},
        "rounds": options.rounds,
        "seconds": options.seconds,
        "orders": options.orders,
        "gates": [asdict(judged) for judged in judge(rows, options.scenarios)],
        "rows": [asdict(row) for row in rows.rows],
    }
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
