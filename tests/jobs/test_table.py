"""Every background job of the daemon can run against a shop with a paid order."""

from __future__ import annotations

import pytest

from checkout_daemon.jobs.table import JOBS
from checkout_daemon.runtime import Runtime
from tests.support.jobs import run_job
from tests.support.shopping import paid_order


@pytest.mark.usefixtures("connection")
@pytest.mark.parametrize("name", [job.name for job in JOBS])
async def test_every_job_runs_and_counts_its_work(runtime: Runtime, name: str) -> None:
    await paid_order(runtime, discount_code="TEN")
    assert await run_job(runtime, name) >= 0
