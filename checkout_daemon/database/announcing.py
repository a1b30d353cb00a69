"""Notifies a channel after commits, once for many of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextvars import Context

from checkout_daemon.errors import DatabaseUnavailable

log = logging.getLogger(__name__)

PAUSE_SECONDS = 0.02
"""The least time between two notifications of one channel."""
_CLOSE_SECONDS = 1.0


class Announcements:
    """Notifies channels in the background with `notify(channel)`: at once, then again after a pause if asked meanwhile.

    A transaction that notifies makes every other one that does wait until it is on disk, so a checkout does not notify
    in its own. A notification is lost if this process dies before it is sent; whoever listens must also poll.
    """

    def __init__(self, notify: Callable[[str], Awaitable[None]]) -> None:
        self._notify = notify
        self._wanted: set[str] = set()
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def soon(self, channel: str) -> None:
        """Notify the channel soon."""
        self._wanted.add(channel)
        if channel not in self._tasks:
            # In a context of its own: it outlives the request, and its deadline.
            self._tasks[channel] = asyncio.create_task(self._run(channel), name="announcements", context=Context())

    async def close(self) -> None:
        """Wait briefly until everything is announced."""
        tasks = list(self._tasks.values())
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=_CLOSE_SECONDS)
            for task in late:
                task.cancel()

    async def _run(self, channel: str) -> None:
        try:
            while channel in self._wanted:
                self._wanted.discard(channel)
                try:
                    await self._notify(channel)
                except DatabaseUnavailable as error:
                    log.debug("a change was not announced: %s", error.detail)
                except Exception:  # the next one may succeed
                    log.exception("a change was not announced")
                await asyncio.sleep(PAUSE_SECONDS)
        finally:
            del self._tasks[channel]
