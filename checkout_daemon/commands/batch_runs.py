"""Run a batch in a command: print its items as they end, show the progress, and report the result."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from dataclasses import is_dataclass
from typing import Any

from checkout_daemon.batches.listing import show_batch
from checkout_daemon.batches.records import BatchItem, BatchStatus
from checkout_daemon.batches.running import EndedItem, claim_batch, run_batch
from checkout_daemon.checkout.resending import Resent
from checkout_daemon.commands.output import Progress, answer, keys, print_json_lines, say
from checkout_daemon.commands.reconcile import still_differ
from checkout_daemon.database.leases import LeaseLost
from checkout_daemon.errors import CheckoutError
from checkout_daemon.present.text import counted, plain
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_sync.comparing import Synced

Show = Callable[[list[EndedItem], bool], None]


async def follow_batch(
    runtime: Runtime,
    number: int,
    holder: str | None,
    *,
    as_json: bool,
    take_over: bool = False,
    show: Show | None = None,
) -> int:
    """Run a batch that the holder has claimed, or resume it, and print its items as they end. Return the exit code.

    It is 1 also if an order was compared with Stripe and something is left for a person.
    """
    holder = holder or await claim_batch(runtime, number, take_over=take_over)
    batch = (await show_batch(runtime.database, number)).batch
    ended = run_batch(runtime, number, holder, stop_when_cancelled=True)
    say(f"Batch {number}: {counted(batch.waiting, 'item')}. `checkout batches stop {number}` stops it.")
    unfixed = 0  # orders
    interrupted = True
    try:
        with Progress(f"Batch {number}", batch.waiting) as progress:
            async with aclosing(ended):
                async for items in ended:
                    (show or show_items)(items, as_json)
                    unfixed += sum(isinstance(one.result, Synced) and not one.result.is_fixable for one in items)
                    progress.step(len(items))
        interrupted = False
    except LeaseLost:
        interrupted = False
        raise
    finally:
        if interrupted:
            say(f"Batch {number} is not finished. To continue it: checkout batches resume {number}")
    code = await report_batch(runtime, number)
    if not unfixed:
        return code
    say(f"error: {still_differ(unfixed)}: `checkout todo` shows what needs a person")
    return 1


async def report_batch(runtime: Runtime, number: int) -> int:
    """Print what became of a batch. Return 1 if an item failed or it is not finished, else 0."""
    view = await show_batch(runtime.database, number)
    batch = view.batch
    say(f"Batch {number}: {batch.counts}.")
    for kind, count in view.failures:
        say(f"{count} × {plain(kind)}")
    if batch.status == BatchStatus.STOPPED:
        say(f"error: stopped: {plain(batch.why or '')}. To continue after it: checkout batches resume {number}")
    elif batch.status == BatchStatus.RUNNING:
        runner = batch.runner or "a daemon"
        say(f"error: {plain(runner)} took it over and continues it: checkout batches show {number}")
    elif batch.failed:
        say(f"error: {counted(batch.failed, 'item')} failed: checkout batches show {number} --status failed")
    return 1 if batch.failed or batch.status != BatchStatus.FINISHED else 0


def show_items(ended: list[EndedItem], as_json: bool) -> None:
    """Print items that have just ended, in one write."""
    if as_json:
        print_json_lines(record(one) for one in ended)
    else:
        answer("\n".join([_line(one) for one in ended]))


def record(ended: EndedItem) -> dict[str, Any]:
    """Return an item as a JSON object: with the use case's result, or the code and text of what refused it."""
    fields = item_record(ended.item)
    if isinstance(ended.error, CheckoutError):
        fields |= {"code": ended.error.code, "error": ended.error.detail}
    if is_dataclass(ended.result):
        fields |= {name: value for name, value in keys(ended.result).items() if name not in fields}
    return fields


def item_record(item: BatchItem) -> dict[str, Any]:
    """Return an item as a JSON object. An order's `number` is repeated as a number."""
    fields = {name: value for name, value in keys(item).items() if name not in ("id", "kind")}
    return fields | ({"number": int(item.subject)} if item.order_id is not None else {})


def _line(ended: EndedItem) -> str:
    item = ended.item
    if isinstance(ended.result, Resent):
        return f"{item.subject}  {plain(ended.result.url)}"
    return f"{item.subject}  {item.status}  {plain(item.outcome or '')}"
