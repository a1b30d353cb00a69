"""Record a flame graph of the daemon while it takes webhooks at full rate: docs/performance/webhooks.svg.

    .venv/bin/python -m bench.flame [--seconds 20]

py-spy, in the peers' environment, reads the daemon's stacks from outside: it needs root on most systems.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import subprocess
from pathlib import Path

from bench.scenarios.webhooks import WARM_UP, send_new
from bench.support.cluster import running_cluster
from bench.support.events import deliveries
from bench.support.targets import PEERS_PYTHON, ROOT, daemon
from bench.support.visits import Phase, Run, visiting

PICTURE = ROOT / "docs/performance/webhooks.svg"


async def record(seconds: float, picture: Path) -> None:
    """Run the daemon, send new events over 32 connections, and record where its time goes."""
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
    asyncio.run(record(given.seconds, given.output))
    name(given.output)
