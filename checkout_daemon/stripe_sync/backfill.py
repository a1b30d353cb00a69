"""Fetch the events that were not delivered, and apply them as a delivery would. Safe to repeat."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from checkout_daemon.errors import CheckoutError
from checkout_daemon.ledger.apply import Applied, ReceivedEvent, apply_batch
from checkout_daemon.ledger.event_store import held_events
from checkout_daemon.ledger.event_types import EVENT_TYPES
from checkout_daemon.ledger.translate.envelope import parse_event
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api.events import KEPT, every_event

OVERLAP = timedelta(minutes=5)
"""How far before the given time to begin: Stripe may list an event a while after it was created."""
_BATCH = 100  # events in one transaction: a page


class TooLongAgo(CheckoutError):
    """Stripe no longer lists events of that time."""

    code = "too_long_ago"
    title = "Stripe keeps events for 30 days"


class Backfilled(msgspec.Struct, frozen=True):
    """How many events Stripe listed, and how many of them were new, were stored already, and were new but failed.

    Those that are neither new nor stored were given to the database and are not in it.
    """

    scanned: int = 0
    new: int = 0
    stored: int = msgspec.field(default=0, name="held")
    failed: int = 0

    @property
    def lost(self) -> int:
        """Return how many are not held, although they were fetched."""
        return self.scanned - self.new - self.stored

    def __add__(self, other: Backfilled) -> Backfilled:
        """Return the sum of both counts."""
        return Backfilled(
            self.scanned + other.scanned, self.new + other.new, self.stored + other.stored, self.failed + other.failed
        )


async def backfill(
    runtime: Runtime,
    since: datetime,
    *,
    until: datetime | None = None,
    types: Sequence[str] = tuple(EVENT_TYPES),
    patience_seconds: float = 0.0,
    on_event: Callable[[Applied], None] = lambda _: None,
    on_page: Callable[[Backfilled], None] = lambda _: None,
    before_new: Callable[[int], Awaitable[None]] | None = None,
    after_page: Callable[[], Awaitable[None]] | None = None,
) -> Backfilled:
    """Apply the events of these types that Stripe lists since a time, for at most 30 days, and that are not stored.

    `on_event` is called with each new event, `on_page` with the counts of each page. `before_new` is awaited with the
    number of missing events so far, before those of a page are stored, and `after_page` after each page.
    `patience_seconds` gives a delivery that is under way the time to arrive. Events applied before a failure stay
    applied.
    Raise StripeUnavailable, StripeRejected and DatabaseUnavailable.
    """
    begin = int((since - OVERLAP).timestamp())
    end = None if until is None else int(until.timestamp())
    total = Backfilled()
    async with aclosing(every_event(runtime.gateway, types, begin, end)) as pages:
        async for page in pages:
            listed = [event.object for event in page]
            missing = await _missing_for_long(runtime, listed, patience_seconds)
            if missing and before_new is not None:
                await before_new(total.new + len(missing))
            done = await _apply_page(runtime, listed, missing, on_event)
            on_page(done)
            total += done
            if after_page is not None:
                await after_page()
    return total


async def missing_events(
    runtime: Runtime, since: datetime, *, until: datetime | None = None, types: Sequence[str] = tuple(EVENT_TYPES)
) -> AsyncIterator[tuple[int, list[dict[str, Any]]]]:
    """Yield of each page how many events Stripe listed, and those that `backfill` would apply. Change nothing."""
    begin = int((since - OVERLAP).timestamp())
    end = None if until is None else int(until.timestamp())
    async with aclosing(every_event(runtime.gateway, types, begin, end)) as pages:
        async for page in pages:
            yield len(page), await _missing(runtime, [event.object for event in page])


def refuse_too_long_ago(since: datetime, now: datetime) -> None:
    """Raise TooLongAgo, which names the command to use instead, if Stripe no longer lists events of that time."""
    if since < now - KEPT:
        raise TooLongAgo(
            "Stripe keeps events for 30 days, and older ones can no longer be fetched: "
            f"`checkout reconcile --since {(now - since).days + 1}d` compares the orders themselves with Stripe"
        )


async def _missing_for_long(
    runtime: Runtime, page: Sequence[dict[str, Any]], patience_seconds: float
) -> list[dict[str, Any]]:
    missing = await _missing(runtime, page)
    if missing and patience_seconds:
        await asyncio.sleep(patience_seconds)
        missing = await _missing(runtime, missing)
    return missing


async def _apply_page(
    runtime: Runtime,
    page: Sequence[dict[str, Any]],
    missing: Sequence[dict[str, Any]],
    on_event: Callable[[Applied], None],
) -> Backfilled:
    applied: list[Applied] = []
    oldest_first = missing[::-1]
    for place in range(0, len(oldest_first), _BATCH):
        now = datetime.now(UTC)
        events = [parse_event(msgspec.json.encode(event)) for event in oldest_first[place : place + _BATCH]]
        for outcome in await apply_batch(runtime.database, [ReceivedEvent(event, now) for event in events]):
            if outcome.status != "duplicate":
                applied.append(outcome)
                on_event(outcome)
    # What counts as held is what the database has, and not what it was given.
    lost = {event["id"] for event in await _missing(runtime, missing)} if missing else set()
    new = [outcome for outcome in applied if outcome.event_id not in lost]
    failed = sum(outcome.status == "failed" for outcome in new)
    return Backfilled(len(page), len(new), len(page) - len(new) - len(lost), failed)


async def _missing(runtime: Runtime, events: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    # In a confirmed transaction: to skip an event because it is stored is to acknowledge it.
    stored = await runtime.database.run(held_events, {event["id"] for event in events})
    return [event for event in events if event["id"] not in stored]
