"""Runs jobs one beside the other until cancelled; a job that fails is tried again at its next turn."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from checkout_daemon.errors import DatabaseUnavailable, StripeUnavailable
from checkout_daemon.runtime import Runtime
from checkout_daemon.services.leases import LeaseLost

log = logging.getLogger(__name__)

_LONGEST_PAUSE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Job:
    """A piece of work that is looked for every so often; `run` answers how many pieces it did."""

    name: str
    every_seconds: float
    run: Callable[[Runtime], Awaitable[int]]


async def run_jobs(runtime: Runtime, jobs: Sequence[Job]) -> None:
    """Runs until cancelled. A job killed half-way loses nothing: it claims work in the transaction that does it."""
    async with asyncio.TaskGroup() as group:
        for job in jobs:
            group.create_task(_repeat(runtime, job), name=f"job-{job.name}")


async def _repeat(runtime: Runtime, job: Job) -> None:
    failures = 0
    while True:
        try:
            done = await job.run(runtime)
        except (DatabaseUnavailable, StripeUnavailable, LeaseLost) as error:
            failures += 1
            log.warning("job %s waits: %s", job.name, error.detail)
        except Exception:
            failures += 1
            log.exception("job %s failed and is tried again", job.name)
        else:
            failures = 0
            if done:
                log.info("job %s did %d", job.name, done)
        pause = job.every_seconds
        if failures:
            pause = max(pause, min(2.0**failures, _LONGEST_PAUSE_SECONDS))
        # Daemons that started together should not all look at the same moment.
        await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311
