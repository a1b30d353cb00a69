"""Watch the event loop for stalls, in which nobody is served."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from checkout_daemon.observability.log_throttle import Rarely

log = logging.getLogger(__name__)

TICK_SECONDS = 0.02
STALL_SECONDS = 0.05
_LOGGED_SECONDS = 0.5

OWN, MACHINE = "work", "machine"


async def watch_loop(stalled: Callable[[str, float], None]) -> None:
    """Report every stall over 50 ms with its cause and duration, until cancelled.

    The cause is "work" if this thread was computing most of the time, or "machine" if it waited for a processor, a disk
    or a memory page. A stall shows as a late tick, so up to one tick of it may be missed.
    """
    loop = asyncio.get_running_loop()
    may_log = Rarely()
    while True:
        due = loop.time() + TICK_SECONDS
        used = time.thread_time()
        await asyncio.sleep(TICK_SECONDS)
        late = loop.time() - due
        if late < STALL_SECONDS - TICK_SECONDS / 2:
            continue
        seconds = late + TICK_SECONDS / 2  # it began at some time within the tick
        cause = OWN if time.thread_time() - used > seconds / 2 else MACHINE
        stalled(cause, seconds)
        if seconds > _LOGGED_SECONDS and may_log():
            log.warning("the event loop stood still for %.2f s (%s)", seconds, cause)
