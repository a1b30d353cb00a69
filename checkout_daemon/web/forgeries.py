"""Slows down whoever sends deliveries that nobody signed. What is signed is never slowed, wherever it comes from."""

from __future__ import annotations

import asyncio

from aiohttp import web

from checkout_daemon.web.limits import Clients, TokenBuckets

FREE_A_MINUTE = 120
WAIT_SECONDS = 0.25
# More than this are answered at once: who waits holds a connection.
_MOST_WAITING = 50


class Forgeries:
    """Counts refused signatures by address, in this process; with `waits` off nobody is slowed, only the log spared."""

    def __init__(self, clients: Clients, *, waits: bool = True) -> None:
        self._clients = clients
        self._waits = waits
        self._buckets = TokenBuckets(FREE_A_MINUTE)
        self._waiting = 0

    async def refused(self, request: web.Request) -> bool:
        """Count one and return whether it is worth a line in the log; one of too many waits a moment."""
        if not self._buckets.take(self._clients.keys(request)[0][0]):
            return True
        if self._waits and self._waiting < _MOST_WAITING:
            self._waiting += 1
            try:
                await asyncio.sleep(WAIT_SECONDS)
            finally:
                self._waiting -= 1
        return False
