"""Group commit: deliveries that arrive during a commit share the next one, and are answered after it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime

from checkout_daemon.database.pool import Database
from checkout_daemon.errors import DatabaseUnavailable
from checkout_daemon.ledger import signature
from checkout_daemon.ledger.apply import Applied, ReceivedEvent, apply_batch
from checkout_daemon.ledger.translate.envelope import parse_event

log = logging.getLogger(__name__)

LARGEST_BATCH = 64
WAIT_SECONDS = 12.0
"""How long a delivery waits for its commit and those before it; Stripe hangs up soon after."""
LANES = 2
"""Concurrent transactions: while one waits for the disk, the statements of the other run."""

_LARGE = 64 * 1024  # bytes; Stripe's events have a few thousand

Observer = Callable[[list[tuple[ReceivedEvent, Applied]], float], None]
"""Called after each commit with its events and its duration in seconds."""


def ignore(committed: list[tuple[ReceivedEvent, Applied]], seconds: float) -> None:
    """Observe nothing."""


class Intake:
    """Takes one delivery per call and commits them in batches, without waiting for a batch to fill."""

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
        self._queue: deque[tuple[ReceivedEvent, asyncio.Future[None]]] = deque()
        self._wake = asyncio.Event()
        self._lanes: list[asyncio.Task[None]] = []
        self._closing = False

    async def start(self) -> None:
        """Start the lanes."""
        self._lanes = [asyncio.create_task(self._work(), name=f"intake-{lane}") for lane in range(LANES)]

    async def receive(self, body: bytes, signature_header: str | None) -> None:
        """Verify a delivery and return once its event is committed.

        Raise InvalidSignature or MalformedJson for a delivery that is not stored. Raise DatabaseUnavailable if the
        database does not answer in time, also while earlier batches wait for it: Stripe must send the event again.
        """
        self._matched(signature.verify(body, signature_header, self._secrets(), time.time()))
        # A large body that the fast decoder refuses takes long to parse: not while all other deliveries wait.
        event = parse_event(body) if len(body) <= _LARGE else await asyncio.to_thread(parse_event, body)
        received = ReceivedEvent(event, datetime.now(UTC))
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
        """Refuse new deliveries; commit and answer those that are queued."""
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
            if batch := [(received, done) for received, done in batch if not done.done()]:  # done: it waited too long
                await self._commit(batch)

    async def _commit(self, batch: list[tuple[ReceivedEvent, asyncio.Future[None]]]) -> None:
        started = time.perf_counter()
        try:
            applied = await apply_batch(self._database, [received for received, _ in batch])
        except Exception as error:  # every request of the batch answers with the error
            if not isinstance(error, DatabaseUnavailable):
                log.exception("a batch of %d events could not be stored", len(batch))
            for _, done in batch:
                if not done.done():
                    done.set_exception(error)
                    done.exception()  # marks it as retrieved: the request may be gone
            return
        for _, done in batch:
            if not done.done():
                done.set_result(None)
        committed = [(received, outcome) for (received, _), outcome in zip(batch, applied, strict=True)]
        try:
            self._observe(committed, time.perf_counter() - started)
        except Exception:  # an observer must not stop the intake
            log.exception("the observer of a commit failed")
