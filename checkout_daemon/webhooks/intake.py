"""Group commit: deliveries that arrive while a commit is under way share the next; each is answered after its own."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime

from checkout_daemon.domain.events.envelope import parse_event
from checkout_daemon.errors import DatabaseUnavailable
from checkout_daemon.gateway import signature
from checkout_daemon.services.apply import Applied, Received, apply_batch
from checkout_daemon.store.database import Database

log = logging.getLogger(__name__)

LARGEST_BATCH = 64
WAIT_SECONDS = 12.0
"""How long a delivery waits for its commit, with those before it; Stripe hangs up not much later."""
LANES = 2
"""Transactions under way at once: while one waits for the disk, the other one's statements run."""

_LARGE = 64 * 1024  # bytes; Stripe's own events have a few thousand

Observer = Callable[[list[tuple[Received, Applied]], float], None]
"""Told after each commit: what it held and how many seconds it took."""


def ignore(committed: list[tuple[Received, Applied]], seconds: float) -> None:
    """An observer for those who want none."""


class Intake:
    """Takes deliveries, one at a time from the caller's view, and commits them in batches without an added wait."""

    def __init__(
        self,
        database: Database,
        secrets: Callable[[], tuple[str, ...]],
        *,
        observe: Observer = ignore,
        matched: Callable[[int], None] = lambda index: None,
    ) -> None:
        self._database = database
        self._secrets = secrets
        self._observe = observe
        self._matched = matched
        self._queue: deque[tuple[Received, asyncio.Future[None]]] = deque()
        self._wake = asyncio.Event()
        self._lanes: list[asyncio.Task[None]] = []
        self._closing = False

    async def start(self) -> None:
        self._lanes = [asyncio.create_task(self._work(), name=f"intake-{lane}") for lane in range(LANES)]

    async def receive(self, body: bytes, signature_header: str | None) -> None:
        """Return after the commit that holds the event.

        Raises InvalidSignature or MalformedJson, and nothing is stored; DatabaseUnavailable, also where batches before
        this one wait for a database that does not answer, and Stripe must send it again.
        """
        self._matched(signature.verify(body, signature_header, self._secrets(), time.time()))
        # A large body that the fast decoder refuses is read slowly: not while every other delivery waits.
        event = parse_event(body) if len(body) <= _LARGE else await asyncio.to_thread(parse_event, body)
        received = Received(event, datetime.now(UTC))
        if self._closing:
            raise DatabaseUnavailable("the daemon is stopping")
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append((received, done))
        self._wake.set()
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await done
        except TimeoutError as error:
            raise DatabaseUnavailable("the database did not store the event in time") from error

    async def close(self) -> None:
        """Take nothing more, commit and answer what is queued."""
        self._closing = True
        self._wake.set()
        await asyncio.gather(*self._lanes)

    async def _work(self) -> None:
        while True:
            if not self._queue:
                if self._closing:
                    return
                self._wake.clear()
                await self._wake.wait()
                continue
            batch = [self._queue.popleft() for _ in range(min(LARGEST_BATCH, len(self._queue)))]
            if batch := [each for each in batch if not each[1].done()]:  # else they have waited too long
                await self._commit(batch)

    async def _commit(self, batch: list[tuple[Received, asyncio.Future[None]]]) -> None:
        started = time.perf_counter()
        try:
            applied = await apply_batch(self._database, [received for received, _ in batch])
        except Exception as error:  # each delivery's request answers for itself
            if not isinstance(error, DatabaseUnavailable):
                log.exception("a batch of %d events could not be stored", len(batch))
            for _, done in batch:
                if not done.done():
                    done.set_exception(error)
                    done.exception()  # a request that has gone away does not come for it
            return
        for _, done in batch:
            if not done.done():
                done.set_result(None)
        committed = [(received, each) for (received, _), each in zip(batch, applied, strict=True)]
        try:
            self._observe(committed, time.perf_counter() - started)
        except Exception:  # whoever watches must not stop what is watched
            log.exception("the observer of a commit failed")
