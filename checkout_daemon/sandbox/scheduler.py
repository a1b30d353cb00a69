"""The loop that runs what is due: debits settle, sessions expire, disputes open, refunds fail, webhooks are sent."""

from __future__ import annotations

import asyncio
import contextlib
import logging

from checkout_daemon.sandbox.box import Advance, Box, Origin
from checkout_daemon.sandbox.clock import now
from checkout_daemon.sandbox.resources import TIMERS
from checkout_daemon.sandbox.webhooks.deliveries import Deliverer

_logger = logging.getLogger(__name__)
_LONGEST_SLEEP = 60.0


async def run_scheduler(box: Box, deliverer: Deliverer) -> None:
    """Run what is due until cancelled."""
    deliverer.recover()
    while True:
        box.wake.clear()
        while box.advances:
            await _advance(box, deliverer, box.advances.pop(0))
        run_due_timers(box)
        deliverer.start_due()
        due = box.storage.next_due()
        pause = _LONGEST_SLEEP if due is None else min(max(due - now(), 0.0), _LONGEST_SLEEP)
        if pause == 0.0 and not deliverer.full:
            await asyncio.sleep(0)
            continue
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LONGEST_SLEEP if deliverer.full else pause):
                await box.wake.wait()


async def _advance(box: Box, deliverer: Deliverer, advance: Advance) -> None:
    """Advance from one due time to the next, so that everything happens in order and at its time."""
    try:
        while True:
            run_due_timers(box)
            deliverer.start_due()
            await deliverer.settled()
            due = box.storage.next_due()
            reached = now() >= advance.target
            if reached and (due is None or due > now()):
                break
            if due is None or due > advance.target:
                due = advance.target
            box.storage.set_clock(box.storage.clock.offset + max(due - now(), 0.0))
    except BaseException:
        advance.done.cancel()
        raise
    if not advance.done.done():
        advance.done.set_result(None)


def run_due_timers(box: Box) -> None:
    """Run the timers that are due, each in its own transaction. One that fails is logged and removed."""
    box.origin = Origin(base_url=box.origin.base_url)
    while timer := box.storage.due_timer():
        try:
            with box.storage.transaction():
                box.storage.remove_timer(timer.id)
                TIMERS[timer.kind](box, timer.payload)
        except Exception:
            _logger.exception("the timer %s %s failed", timer.kind, timer.payload)
            box.storage.remove_timer(timer.id)
