"""Group commit: deliveries that arrive during a commit share the next one, and are answered after it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from checkout_daemon.database.pool import Database
from checkout_daemon.errors import DatabaseUnavailable, ServerBusy
from checkout_daemon.ledger import signature
from checkout_daemon.ledger.apply import Applied, ReceivedEvent, apply_batch, confirm_held
from checkout_daemon.ledger.recent_events import RecentEvents
from checkout_daemon.ledger.translate.envelope import parse_event
from checkout_daemon.observability.tracing import span

log = logging.getLogger(__name__)

_Waiting = tuple[ReceivedEvent, asyncio.Future[None]]

LARGEST_BATCH = 256
WAIT_SECONDS = 12.0
"""How long a delivery waits for its commit and those before it; Stripe hangs up soon after."""
LANES = 2
"""Concurrent transactions: while one waits for the disk, the statements of the other run."""
SHARE = 0.8
"""While another lane is under way, a lane starts with this share of its batch or more: a commit of one event costs
almost as much as one of thirty."""
PATIENCE_SECONDS = 0.25
"""How long a lane holds others back at most: it may be waiting for a lock, or for the database."""

CROWDED_SECONDS = 1.0
"""If what is queued will take longer than this to store, further deliveries are refused: Stripe sends them again,
and all others are answered soon. How fast the database is shows in the full batches committed last, by their
median: a stall of one or two commits, as in a fail-over, does not make it look slow."""
MOST_QUEUED = 1000
"""No more wait in any case. A flood takes the processor away from what was fast a moment ago, and what it has brought
would wait for seconds; a database that stores less than this in a second shows so only after some full batches."""
_FULL_BATCHES = 7

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
        self._recent = RecentEvents()
        self._queue: deque[_Waiting] = deque()
        self._deadlines: deque[tuple[float, asyncio.Future[None]]] = deque()  # also of those that are being committed
        self._expiry: asyncio.TimerHandle | None = None
        # One at a time: every further thread that computes makes the event loop wait longer for its turn.
        self._parser = ThreadPoolExecutor(1, "parser")
        self._full_batches: deque[float] = deque(maxlen=_FULL_BATCHES)  # how many seconds the last ones took
        self._most_queued = float(MOST_QUEUED)
        self._wake = asyncio.Event()
        self._lanes: list[asyncio.Task[None]] = []
        self._under_way: dict[int, int] = {}  # the size of the batch by lane
        self._enough = 1.0  # how many deliveries a free lane starts with
        self._patience: asyncio.TimerHandle | None = None
        self._closing = False

    async def start(self) -> None:
        """Start the lanes."""
        self._lanes = [asyncio.create_task(self._work(lane), name=f"intake-{lane}") for lane in range(LANES)]

    async def receive(self, body: bytes, signature_header: str | None) -> None:
        """Verify a delivery and return once its event is committed.

        Raise InvalidSignature or MalformedJson for a delivery that is not stored. Raise ServerBusy if too many wait,
        or DatabaseUnavailable if the database does not answer in time, also while earlier batches wait for it: Stripe
        must send the event again.
        """
        if len(self._queue) >= self._most_queued:
            raise ServerBusy("more events arrive than can be stored")
        self._matched(signature.verify(body, signature_header, self._secrets(), time.time()))
        # A large body that the fast decoder refuses takes long to parse: not while all other deliveries wait.
        if len(body) <= _LARGE:
            event = parse_event(body)
        else:
            event = await asyncio.get_running_loop().run_in_executor(self._parser, parse_event, body)
        received = ReceivedEvent(event, datetime.now(UTC))
        if self._closing:
            raise DatabaseUnavailable("the daemon is stopping")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._queue.append((received, done))
        # One timer for all of them, not one each: they come in the order of their deadlines.
        self._deadlines.append((loop.time() + WAIT_SECONDS, done))
        if self._expiry is None:
            self._expiry = loop.call_at(self._deadlines[0][0], self._expire)
        self._start_or_hold()
        await done

    async def close(self) -> None:
        """Refuse new deliveries; commit and answer those that are queued."""
        self._closing = True
        self._wake.set()
        await asyncio.gather(*self._lanes)
        self._parser.shutdown(wait=False)
        for timer in (self._expiry, self._patience):
            if timer is not None:
                timer.cancel()

    def _start_or_hold(self) -> None:
        """Let a free lane take what is queued, if that is enough or has waited long enough."""
        if len(self._queue) >= self._enough:
            self._wake.set()
        elif self._patience is None:
            self._patience = asyncio.get_running_loop().call_later(PATIENCE_SECONDS, self._lose_patience)

    def _lose_patience(self) -> None:
        """Start without regard to the batches under way, which take unusually long."""
        self._patience = None
        self._under_way.clear()
        self._count_enough()
        self._wake.set()

    def _count_enough(self) -> None:
        self._enough = max(1.0, min(LARGEST_BATCH, SHARE * sum(self._under_way.values())))

    def _expire(self) -> None:
        """Give up the deliveries whose time has come."""
        self._expiry = None
        loop = asyncio.get_running_loop()
        now = loop.time()
        while self._deadlines:
            deadline, done = self._deadlines[0]
            if not done.done():
                if deadline > now:
                    self._expiry = loop.call_at(deadline, self._expire)
                    return
                done.set_exception(DatabaseUnavailable("the database did not store the event in time"))
            self._deadlines.popleft()

    async def _work(self, lane: int) -> None:
        while self._queue or not self._closing:
            if len(self._queue) < self._enough and not self._closing:
                if self._queue:
                    self._start_or_hold()
                self._wake.clear()
                await self._wake.wait()
                continue
            if self._patience is not None:
                self._patience.cancel()
                self._patience = None
            batch = [self._queue.popleft() for _ in range(min(LARGEST_BATCH, len(self._queue)))]
            if batch := [waiting for waiting in batch if not waiting[1].done()]:  # done: it waited too long
                self._under_way[lane] = len(batch)
                self._count_enough()
                await self._commit(batch)
                self._under_way.pop(lane, None)
                self._count_enough()
                while self._deadlines and self._deadlines[0][1].done():
                    self._deadlines.popleft()

    async def _commit(self, batch: list[_Waiting]) -> None:
        started = time.perf_counter()
        try:
            with span("events batch", events=len(batch)):
                applied = await self._store([received for received, _ in batch])
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
        seconds = time.perf_counter() - started
        self._count_most_queued(len(batch), seconds)
        committed = [(received, outcome) for (received, _), outcome in zip(batch, applied, strict=True)]
        try:
            self._observe(committed, seconds)
        except Exception:  # an observer must not stop the intake
            log.exception("the observer of a commit failed")

    def _count_most_queued(self, events: int, seconds: float) -> None:
        """Take a commit into account in how many deliveries may wait."""
        if events == LARGEST_BATCH:
            self._full_batches.append(seconds)
            if len(self._full_batches) == _FULL_BATCHES:
                median = sorted(self._full_batches)[_FULL_BATCHES // 2]
                self._most_queued = min(MOST_QUEUED, LARGEST_BATCH * LANES * max(1.0, CROWDED_SECONDS / median))

    async def _store(self, batch: list[ReceivedEvent]) -> list[Applied]:
        """Store the events. If this process has seen all of them stored, only make sure that they still are."""
        ids = [received.event.id for received in batch]
        applied = await confirm_held(self._database, batch) if self._recent.include(ids) else None
        if applied is None:
            applied = await apply_batch(self._database, batch)
        self._recent.add(ids)
        return applied
