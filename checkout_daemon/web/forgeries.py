"""Slow down clients that send deliveries with invalid signatures. Signed deliveries are never slowed."""

from __future__ import annotations

import asyncio

from aiohttp import web

from checkout_daemon.web.limits import Clients, TokenBuckets

FREE_A_MINUTE = 120
WAIT_SECONDS = 0.25
# Further ones are answered at once: every waiting client holds a connection.
_MOST_WAITING = 50


class Forgeries:
    """Counts refused signatures by address, in this process. Without `waits` it limits only logging."""

    def __init__(self, clients: Clients, *, waits: bool = True) -> None:
        self._clients = clients
        self._waits = waits
        self._buckets = TokenBuckets(FREE_A_MINUTE)
        self._waiting = 0

    async def refused(self, request: web.Request) -> bool:
        """Count a refused signature, and wait a moment if there were too many. Return whether to log it."""
        if not self._buckets.take(self._clients.keys(request)[0][0]):
            return True
        if self._waits and self._waiting < _MOST_WAITING:
            self._waiting += 1
            try:
                await asyncio.sleep(WAIT_SECONDS)
            finally:
                self._waiting -= 1
        return False
