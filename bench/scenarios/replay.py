"""`checkout events replay`: how many stored events it applies again in a second, without the start of the command."""

from __future__ import annotations

import asyncio
import resource
import subprocess
import time

from bench.support.cluster import count as count_rows
from bench.support.events import deliveries
from bench.support.meter import Meter
from bench.support.processes import plain_environment
from bench.support.rows import Row
from bench.support.targets import Target
from bench.support.visits import Run, Visit, interleave, visiting

SCENARIO = "replay"
PHASE = "stored events"
_PER_SECOND = 5000  # the gate: so many take as long as a phase
_REPLAY = ("events", "replay", "--yes")
_REPLAYED = "SELECT count(*) FROM batch_items WHERE status = 'done'"


async def measure(run: Run) -> list[Row]:
    """Measure the daemons' commands."""
    count = max(1000, int(_PER_SECOND * run.seconds))

    async def visit(number: int, target: Target) -> list[Row]:
        async with visiting(run, SCENARIO, number, target, count) as visit:
            events = list(deliveries(visit.take(count)))
            await visit.send(events, check="verify_replay.sql")
            start = await run_command(visit, *_REPLAY, events[0].event_id)
            meter, own = Meter(visit.server, visit.cluster, None), children_seconds()
            seconds = await run_command(visit, *_REPLAY, "--status", "applied")
            used = meter.stop(count) | {"server_us": 1e6 * (children_seconds() - own) / count}
            rate = count / max(seconds - start, 1e-6)
            replayed = await count_rows(visit.url, _REPLAYED)
            row = Row(
                SCENARIO,
                PHASE,
                target.name,
                number,
                rate,
                requests=count,
                ran_out=False,
                slowest=(),
                problems=() if replayed == count else (f"{replayed} of {count} events were replayed",),
                **used,
            )
            visit.rows.append(row)
        return visit.rows

    return await interleave(min(run.rounds, 3), run.daemons, visit)


def children_seconds() -> float:
    """Return the CPU seconds of the commands that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


async def run_command(visit: Visit, *arguments: str, stripe_port: int = 9) -> float:
    """Run one of the daemon's commands on the database of a visit, and return its seconds."""
    environ = plain_environment() | visit.target.environment(visit.url, stripe_port)
    started = time.perf_counter()
    command = (visit.target.command[0], *arguments)
    process = await asyncio.create_subprocess_exec(
        *command, env=environ, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    _, printed = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"{command} failed: {printed.decode()[-2000:]}")
    return time.perf_counter() - started
