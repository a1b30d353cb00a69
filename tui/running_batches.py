"""Runs batches in the terminal, whichever screen is shown. What it leaves unfinished, a daemon continues."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from textual.app import App

from checkout_daemon.batches.listing import show_batch
from checkout_daemon.batches.records import BatchStatus
from checkout_daemon.batches.running import EndedItem, resume_batch, run_batch
from checkout_daemon.errors import CheckoutError
from checkout_daemon.present.text import plain

from .context import AppContext
from .failures import named_failures


def run_started(app: App[object], context: AppContext, number: int, holder: str) -> None:
    """Run a batch that was started here, in the background."""
    ended = run_batch(context.runtime, number, holder, stop_when_cancelled=False)
    app.run_worker(_run(app, context, number, ended), group="batch")


def run_resumed(app: App[object], context: AppContext, number: int) -> None:
    """Continue a batch in the background. A process that still runs it ends after its item."""
    ended = resume_batch(context.runtime, number, take_over=True, stop_when_cancelled=False)
    app.run_worker(_run(app, context, number, ended), group="batch")


async def _run(
    app: App[object], context: AppContext, number: int, ended: AsyncGenerator[list[EndedItem], None]
) -> None:
    try:
        with named_failures():
            async with aclosing(ended):
                async for _ in ended:
                    pass
            batch = (await show_batch(context.database, number)).batch
    except CheckoutError as error:
        app.notify(plain(error.detail), title=f"Batch {number}", severity="error", timeout=10, markup=False)
        return
    if batch.status == BatchStatus.FINISHED and not batch.failed:
        app.notify(batch.counts, title=f"Batch {number} is finished", timeout=5, markup=False)
    else:
        app.notify(batch.counts, title=f"Batch {number} is {batch.status}", severity="error", timeout=10, markup=False)
