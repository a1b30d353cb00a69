"""The application's background tasks: a failure of one is logged with its traceback, and reported."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import pytest
from aiohttp.test_utils import TestServer

from checkout_daemon.app import create_app
from checkout_daemon.jobs.runner import Job
from checkout_daemon.runtime import Runtime
from checkout_daemon.settings import Settings, load_settings
from tests.support.stripe_events import SECRET


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    environ = {
        "DATABASE_URL": database_url,
        "STRIPE_API_KEY": "sk_test_none",
        "STRIPE_API_BASE": "http://127.0.0.1:9",
        "STRIPE_WEBHOOK_SECRET": SECRET,
    }
    return load_settings(environ, cwd=tmp_path)


def absent() -> Sequence[Job]:
    raise ImportError("a module of the jobs is missing")


def odd() -> Sequence[Job]:
    """Return a job whose pause cannot be computed, which ends all of them."""

    async def nothing(_: Runtime) -> int:
        return 0

    return [Job("odd", cast("float", "soon"), nothing)]


@pytest.mark.parametrize(("jobs", "error"), [(absent, "a module of the jobs is missing"), (odd, "TypeError")])
async def test_a_background_task_that_fails_is_logged_and_reported(
    settings: Settings,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    jobs: Callable[[], Sequence[Job]],
    error: str,
) -> None:
    failed = asyncio.Event()
    app = create_app(settings, storefront=tmp_path / "not-built", jobs=jobs, on_failure=failed.set)
    async with TestServer(app), asyncio.timeout(30):
        await failed.wait()
    (record,) = [record for record in caplog.records if record.levelno == logging.CRITICAL]
    assert record.getMessage().startswith("the background task jobs has failed")
    assert record.exc_info is not None
    assert error in caplog.text


async def test_an_application_that_is_closed_reports_no_failure(settings: Settings, tmp_path: Path) -> None:
    failed = asyncio.Event()
    app = create_app(settings, storefront=tmp_path / "not-built", on_failure=failed.set)
    async with TestServer(app):
        pass
    assert not failed.is_set()
