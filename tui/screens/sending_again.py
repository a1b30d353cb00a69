"""Sends messages again as a batch, which keeps who asked for it and when."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing

from checkout_daemon.audit.operators import this_operator
from checkout_daemon.batches.planning import plan_ids, start_batch
from checkout_daemon.batches.records import BatchAct, ItemStatus
from checkout_daemon.batches.running import run_batch

from ..context import AppContext


async def send_again(context: AppContext, message_ids: Sequence[str], statuses: Sequence[str]) -> list[str | None]:
    """Queue messages that still have one of the statuses, in a batch.

    Return for each why it was not queued, such as `is sent by now`, or None if it was. If the terminal is killed
    meanwhile, a daemon finishes the batch. Raise as `start_batch` and `run_batch` do.
    """
    plan = plan_ids(BatchAct.REPLAY_MESSAGES, message_ids, statuses)
    started = await start_batch(context.runtime, plan, operator=this_operator())
    outcomes: list[str | None] = []
    ended = run_batch(context.runtime, started.number, started.holder, stop_when_cancelled=False)
    async with aclosing(ended) as groups:
        async for group in groups:
            outcomes += [None if one.item.status == ItemStatus.DONE else one.item.outcome for one in group]
    return outcomes
