"""One turn of a job, as the daemon runs it."""

from __future__ import annotations

from checkout_daemon.jobs.runner import run_once
from checkout_daemon.jobs.table import JOBS
from checkout_daemon.runtime import Runtime


async def run_job(runtime: Runtime, name: str) -> int:
    """Run the job of this name once, if its condition holds."""
    return await run_once(runtime, next(job for job in JOBS if job.name == name))
