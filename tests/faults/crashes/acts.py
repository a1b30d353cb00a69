"""What a process does until it is killed: an act of a shopper, of Stripe, of a job or of an operator."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import aiohttp

from checkout_daemon.bank import reading
from checkout_daemon.checkout.placing import retry_checkout, start_checkout
from checkout_daemon.database import leases
from checkout_daemon.disputes import request_store
from checkout_daemon.jobs.runner import run_once
from checkout_daemon.jobs.table import JOBS
from checkout_daemon.ledger.intake import Intake
from checkout_daemon.messages import delivering
from checkout_daemon.orders import refunding
from checkout_daemon.runtime import Runtime, open_runtime
from checkout_daemon.settings import load_settings
from checkout_daemon.stripe_api import client
from checkout_daemon.stripe_sync import catching_up
from tests.faults.crashes.points import Points
from tests.support.shopping import a_request
from tests.support.stripe_events import signed

KINDS = ("checkout", "retry", "intake", "job", "command")
LEASE_SECONDS = 1.0
"""How long everything is leased by a process that will be frozen."""
CALL_SECONDS = 0.5
"""How long it waits for an answer: as in the product, a lease outlasts the calls that are made under it."""


@dataclass(frozen=True, slots=True)
class Act:
    """An act. `arguments` are the order of a retry, the bodies of deliveries, a job's name or a command's words."""

    kind: str
    arguments: tuple[Any, ...] = ()

    @property
    def job(self) -> str | None:
        """The name of the job that it runs."""
        return str(self.arguments[0]) if self.kind == "job" else None


@dataclass(frozen=True, slots=True)
class Task:
    """An act in a process of its own that gets a signal at the point `stop_at`, if that is a number."""

    act: Act
    directory: Path
    environ: Mapping[str, str]
    stop_at: int | None
    signal: int
    short_leases: bool = False

    @property
    def points(self) -> Path:
        """Where the process leaves the names of its points if nothing stopped it."""
        return self.directory / "points"

    @property
    def answered(self) -> Path:
        """Where the process notes what it has answered, as it does so."""
        return self.directory / "answered"

    @property
    def log(self) -> Path:
        return self.directory / "log"


@contextmanager
def impatient() -> Iterator[None]:
    """Have nothing wait for an age or a pace, as if half a minute had passed between everything, and log nothing."""
    logger = logging.getLogger("checkout_daemon")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    with (
        patch.object(catching_up, "_UNDER_WAY", timedelta()),
        patch.object(catching_up, "_CALLS_PER_SECOND", 10_000.0),
        patch.object(reading, "_CALLS_PER_SECOND", 10_000.0),
    ):
        try:
            yield
        finally:
            logger.setLevel(level)


def perform(task: Task) -> None:
    """Run a task in this process, which does nothing else, and exit with the code that the act ends with."""
    _move_to(task)
    if task.short_leases:
        _shorten_leases()
    points = Points(task.stop_at, task.signal)
    points.install()
    with impatient():
        if task.act.kind == "command":
            from cli import run

            code = run([str(word) for word in task.act.arguments])
        else:
            asyncio.run(_act(task))
            code = 0
    task.points.write_text("\n".join(points.names), encoding="utf-8")
    sys.stdout.flush()
    os._exit(code)


def _shorten_leases() -> None:
    """Make the product's limits of minutes and seconds shorter, all of them, so that a freeze can be short."""
    leases.LEASE = refunding.RESUME_AFTER = request_store.RESUME_AFTER = timedelta(seconds=LEASE_SECONDS)
    delivering.LEASE_SECONDS = LEASE_SECONDS
    delivering.SEND_SECONDS = client.DEADLINE_SECONDS = CALL_SECONDS
    init = aiohttp.TCPConnector.__init__

    def forgetful(self: Any, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **(kwargs | {"keepalive_timeout": CALL_SECONDS}))

    aiohttp.TCPConnector.__init__ = forgetful  # type: ignore[method-assign]


def _move_to(task: Task) -> None:
    os.chdir(task.directory)
    for name in [name for name in os.environ if name.startswith(("CHECKOUT_", "STRIPE_", "DATABASE_"))]:
        del os.environ[name]
    os.environ.update(task.environ)
    log = os.open(task.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    # The objects of this process may write to the descriptors of another.
    sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)


async def _act(task: Task) -> None:
    async with open_runtime(load_settings()) as runtime:
        match task.act.kind:
            case "checkout":
                await check_out(runtime, *task.act.arguments)
            case "retry":
                await retry_checkout(runtime, *task.act.arguments)
            case "intake":
                await _take(runtime, task)
            case "job":
                (name,) = task.act.arguments
                await run_once(runtime, next(job for job in JOBS if job.name == name))
            case kind:
                raise ValueError(kind)


async def check_out(runtime: Runtime, code: str | None) -> None:
    """Send the request that a storefront repeats until it is answered."""
    request = a_request(discount_code=code, insist=True)
    await start_checkout(runtime, request, idempotency_key="the shopper's")


async def _take(runtime: Runtime, task: Task) -> None:
    """Take deliveries at once, as the webhook's route does, and note which were answered."""
    intake = Intake(runtime.database, lambda: runtime.settings.webhook_secrets)
    await intake.start()
    note = os.open(task.answered, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    async def deliver(number: int, body: bytes) -> None:
        await intake.receive(body, signed(body))
        os.write(note, f"{number}\n".encode())

    await asyncio.gather(*(deliver(number, body) for number, body in enumerate(task.act.arguments)))
    await intake.close()
