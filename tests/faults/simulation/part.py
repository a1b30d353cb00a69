"""Plays episodes, one seed after the other and as many at once as there are processors, until the time is up."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE
from collections import Counter
from itertools import count
from pathlib import Path
from typing import Any

from tests.faults.report import Options, Part, Result

DAYS = 30.0
"""How many days an episode simulates."""
_SUMS = ("days", "orders", "events", "deliveries", "messages_received", "statements", "lock_waits", "starts", "seconds")
_LONGEST_SECONDS = 1800.0


async def play(seed: int, days: float, directory: Path) -> dict[str, Any]:
    """Play an episode in a process of its own, and return its report."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.faults.simulation.episode",
        "--seed", str(seed), "--days", str(days), "--directory", str(directory),
        stdin=DEVNULL, stdout=PIPE, stderr=PIPE,
        env={name: value for name, value in os.environ.items()
             if not name.startswith(("CHECKOUT_", "STRIPE_", "DATABASE_"))},
    )  # fmt: skip
    async with asyncio.timeout(_LONGEST_SECONDS):
        out, errors = await process.communicate()
    if process.returncode in (0, 1) and out.strip():
        report: dict[str, Any] = json.loads(out.splitlines()[-1])
        return report
    return {"seed": seed, "faults": [f"the episode broke: {errors.decode(errors='replace')[-2000:]}"]}


async def run(options: Options) -> list[Result]:
    """Play the first seed twice and compare, then the following ones until the time is up."""
    began = time.monotonic()
    twice = await asyncio.gather(*(play(options.seed, 3.0, options.directory / f"first-{number}") for number in (1, 2)))
    traces = [report.get("trace") for report in twice]
    same = [] if traces[0] == traces[1] and traces[0] else [f"the traces of seed {options.seed} differ: {traces}"]
    results = [Result("the same seed gives the same trace", {"seed": options.seed}, tuple(same))]
    seeds = count(options.seed)
    reports: list[dict[str, Any]] = []

    async def work() -> None:
        while time.monotonic() - began < options.seconds and not any(report["faults"] for report in reports):
            seed = next(seeds)
            directory = options.directory / f"seed-{seed}"
            report = await play(seed, DAYS, directory)
            reports.append(report)
            sys.stdout.write(f"     seed {seed}: {report.get('days')} days in {report.get('seconds')} s\n")
            sys.stdout.flush()
            if not report["faults"]:
                await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)

    begun = time.monotonic()
    await asyncio.gather(*(work() for _ in range(os.cpu_count() or 1)))
    hours = (time.monotonic() - begun) / 3600
    counts: Counter[str] = Counter()
    for report in reports:
        counts.update({name: report.get(name, 0) for name in _SUMS})
    counts = Counter({name: round(value) for name, value in counts.items()})
    replay = ".venv/bin/python -m tests.faults.simulation.episode --seed"
    faults = [
        f"{fault} ({replay} {report['seed']} --days {DAYS:g})" for report in reports for fault in report["faults"]
    ]
    shown = {"seeds": len(reports), "days an hour": round(counts["days"] / hours), **counts}
    return [*results, Result("simulated days end as Stripe has them", shown, tuple(faults))]


PART = Part("simulation", "simulated days under a seed: the real programs with simulated clocks and network", run)
