"""Runs jobs concurrently until cancelled."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from checkout_daemon.backoff import job_pause
from checkout_daemon.database.leases import LeaseLost
from checkout_daemon.errors import CheckoutError, DatabaseUnavailable, StripeUnavailable
from checkout_daemon.observability import context
from checkout_daemon.runtime import Runtime

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """A periodic job. `run` returns how many pieces of work it did, if it counts them.

    `only_if` is asked before each run; while it returns False, the job does not run.
    """

    name: str
    every_seconds: float
    run: Callable[[Runtime], Awaitable[int | None]]
    only_if: Callable[[Runtime], Awaitable[bool]] | None = None


async def run_jobs(runtime: Runtime, jobs: Sequence[Job]) -> None:
    """Run all jobs until cancelled. A job killed halfway loses nothing: its transaction also claims its work."""
    async with asyncio.TaskGroup() as group:
        for job in jobs:
            group.create_task(_repeat(runtime, job), name=f"job-{job.name}")


async def run_once(runtime: Runtime, job: Job) -> int:
    """Run a job if its condition holds, and return how many pieces of work it did."""
    if job.only_if is not None and not await job.only_if(runtime):
        return 0
    return await job.run(runtime) or 0


async def _repeat(runtime: Runtime, job: Job) -> None:
    """Run a job at its interval. After a failure, wait longer and try again."""
    failures = 0
    while True:
        context.stripe_request.set(None)
        try:
            done = await run_once(runtime, job)
        except (DatabaseUnavailable, StripeUnavailable, LeaseLost) as error:
            failures += 1
            log.warning("job %s waits: %s", job.name, error.detail)
        except CheckoutError as error:
            failures += 1
            log.error("job %s failed and will be tried again: %s", job.name, error.detail)
        except Exception:
            failures += 1
            log.exception("job %s failed and will be tried again", job.name)
        else:
            failures = 0
            if done:
                log.info("job %s did %d", job.name, done)
        await asyncio.sleep(job_pause(job.every_seconds, failures))
