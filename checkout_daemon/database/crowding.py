"""Wait for a connection that exists while the server opens no more of them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

import asyncpg

LOOK_AGAIN_SECONDS = 0.25
"""How long nobody tries to open another connection after the server has refused one."""


class Crowd:
    """Those who wait for a connection of one pool. Each that comes back is offered to the one who waits longest."""

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._full_until = 0.0

    async def acquire(self, pool: asyncpg.Pool, seconds: float, acquire: Callable[[float], Any]) -> Any:
        """Return what `acquire(seconds left)` returns. While the server is full, wait until a connection is free.

        Raise TooManyConnectionsError if the server is full until the time is over, and what `acquire` raises.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        refusal: asyncpg.TooManyConnectionsError | None = None
        while True:
            now = loop.time()
            if refusal is not None and now >= end:
                raise refusal
            if self._full_until > now and pool.get_idle_size() == 0:
                if now >= end:
                    raise asyncpg.TooManyConnectionsError("it has no connection left")
                await self._wait(min(self._full_until, end) - now)
                continue
            try:
                return await acquire(end - now)
            except asyncpg.TooManyConnectionsError as error:
                refusal = error
                self._full_until = loop.time() + LOOK_AGAIN_SECONDS
                _open_ones_first(pool)

    def returned(self) -> None:
        """Wake the one who waits longest: a connection has come back."""
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    async def _wait(self, seconds: float) -> None:
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            async with asyncio.timeout(seconds):
                await waiter
        except TimeoutError:
            return
        finally:
            if waiter in self._waiting:
                self._waiting.remove(waiter)


def _open_ones_first(pool: asyncpg.Pool) -> None:
    """Have the pool lend open connections before it tries to open others: the last one that came back is lent first."""
    places: Any = pool
    places._queue._queue.sort(key=lambda holder: holder.is_connected())
