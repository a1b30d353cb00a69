"""What a job cannot do is one line of the log at each turn; only what nobody foresaw has a traceback."""

from __future__ import annotations

import asyncio
import logging

import pytest

from checkout_daemon import backoff
from checkout_daemon.errors import CheckoutError
from checkout_daemon.jobs.runner import Job, run_jobs
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api.client import StripeForbidden
from tests.support.waiting import until


@pytest.mark.parametrize(
    ("error", "level", "traced"),
    [
        (StripeForbidden("STRIPE_API_KEY lacks a permission"), logging.ERROR, False),
        (CheckoutError("the schema does not fit"), logging.ERROR, False),
        (ZeroDivisionError("one of zero"), logging.ERROR, True),
    ],
)
async def test_a_failure_that_has_a_name_has_no_traceback(
    runtime: Runtime, caplog: pytest.LogCaptureFixture, error: Exception, level: int, traced: bool
) -> None:
    async def fail(_: Runtime) -> int:
        raise error

    working = asyncio.create_task(run_jobs(runtime, [Job("compare", 0.01, fail)]))
    await until(lambda: any("job compare failed" in record.getMessage() for record in caplog.records))
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    record = next(record for record in caplog.records if "job compare failed" in record.getMessage())
    assert (record.levelno, record.exc_info is not None) == (level, traced)
    assert traced or record.getMessage().endswith(str(error))


async def test_a_job_that_has_failed_a_thousand_times_in_a_row_is_tried_again(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backoff, "_jitter", lambda low, high: 0.0)  # no pauses
    failures = 0

    async def fail(_: Runtime) -> int:
        nonlocal failures
        failures += 1
        raise CheckoutError("the schema does not fit")

    working = asyncio.create_task(run_jobs(runtime, [Job("compare", 0.01, fail)]))
    await until(lambda: failures > 1100 or working.done())
    assert not working.done()
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
