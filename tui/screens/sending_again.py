"""Sends messages again as a batch, which keeps who asked for it and when."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing, suppress

from checkout_daemon.audit.operators import this_operator
from checkout_daemon.batches.listing import all_items, show_batch
from checkout_daemon.batches.planning import plan_ids, start_batch
from checkout_daemon.batches.records import BatchAct, BatchStatus, ItemStatus
from checkout_daemon.batches.running import run_batch
from checkout_daemon.database.leases import LeaseLost
from checkout_daemon.errors import DatabaseUnavailable

from ..context import AppContext

LEFT = "is left in batch"
"""How the outcome of a message begins that the batch has not queued yet."""


async def send_again(context: AppContext, message_ids: Sequence[str], statuses: Sequence[str]) -> list[str | None]:
    """Queue messages that still have one of the statuses, in a batch.

    Return for each why it was not queued, such as `is sent by now`, or None if it was. If the terminal is killed or the
    database goes away meanwhile, a daemon finishes the batch. Raise as `start_batch` and `run_batch` do, but neither
    DatabaseUnavailable nor LeaseLost once the batch is stored.
    """
    plan = plan_ids(BatchAct.REPLAY_MESSAGES, message_ids, statuses)
    started = await start_batch(context.runtime, plan, operator=this_operator())
    ended = run_batch(context.runtime, started.number, started.holder, stop_when_cancelled=False)
    with suppress(DatabaseUnavailable, LeaseLost):
        async with aclosing(ended):
            async for _ in ended:
                pass  # an item may have ended although the database's answer was lost
    try:
        return await _outcomes(context, started.number)
    except DatabaseUnavailable:
        return [_left(started.number, BatchStatus.RUNNING)] * len(plan.items)


async def _outcomes(context: AppContext, number: int) -> list[str | None]:
    items = [item async for page in all_items(context.database, number) for item in page]
    left = _left(number, (await show_batch(context.database, number)).batch.status)
    outcomes = {ItemStatus.DONE.value: None, ItemStatus.WAITING.value: left}
    return [outcomes.get(item.status, item.outcome) for item in items]


def _left(number: int, status: str) -> str:
    return f"{LEFT} {number}, which {'a daemon continues' if status == BatchStatus.RUNNING else f'is {status}'}"
