"""Fetches from Stripe the events that were not delivered, and merges them on the daemon's own path; may run twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from checkout_daemon.errors import CheckoutError
from checkout_daemon.ledger.apply import Applied, ReceivedEvent, apply_batch
from checkout_daemon.ledger.event_store import held_events
from checkout_daemon.ledger.event_types import EVENT_TYPES
from checkout_daemon.ledger.translate.envelope import parse_event
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api.events import KEPT, events_since

OVERLAP = timedelta(minutes=5)
"""How far before the asked time it begins: an event can be listed a while after it was made."""


_BATCH = 25  # events that share a transaction


class TooLongAgo(CheckoutError):
    """Stripe no longer lists events of that time."""

    code = "too_long_ago"
    title = "Stripe keeps events for 30 days"


@dataclass(frozen=True, slots=True)
class Backfilled:
    """How many events Stripe had, and of those: new here, held already, and new but failed."""

    scanned: int = 0
    new: int = 0
    held: int = 0
    failed: int = 0

    def __add__(self, other: Backfilled) -> Backfilled:
        return Backfilled(
            self.scanned + other.scanned,
            self.new + other.new,
            self.held + other.held,
            self.failed + other.failed,
        )


async def backfill(
    runtime: Runtime,
    since: datetime,
    *,
    until: datetime | None = None,
    types: Sequence[str] = tuple(EVENT_TYPES),
    patience_seconds: float = 0.0,
    tell: Callable[[Applied], None] = lambda _: None,
    progress: Callable[[Backfilled], None] = lambda _: None,
) -> Backfilled:
    """Merge what Stripe has of these types from a time on (it keeps 30 days) and we do not; `tell` each that was new.

    `progress` is told of each page.
    `patience_seconds`: how long a delivery that is under way is given to arrive by itself.
    What was merged before a failure stays. Raises StripeUnavailable, StripeRejected and DatabaseUnavailable.
    """
    begin = int((since - OVERLAP).timestamp())
    end = None if until is None else int(until.timestamp())
    total = Backfilled()
    async for page in events_since(runtime.gateway, types, begin, end):
        done = await _merge_page(runtime, page, patience_seconds, tell)
        progress(done)
        total += done
    return total


def refuse_too_long_ago(since: datetime, now: datetime) -> None:
    """Raises TooLongAgo, which names what else there is."""
    if since < now - KEPT:
        raise TooLongAgo(
            "Stripe keeps events for 30 days, and what it made before can no longer be fetched: "
            f"`checkout reconcile --since {(now - since).days + 1}d` compares the orders themselves with Stripe"
        )


async def _merge_page(
    runtime: Runtime, page: Sequence[dict[str, Any]], patience_seconds: float, tell: Callable[[Applied], None]
) -> Backfilled:
    missing = await _missing(runtime, page)
    if missing and patience_seconds:
        await asyncio.sleep(patience_seconds)
        missing = await _missing(runtime, missing)
    applied: list[Applied] = []
    oldest_first = missing[::-1]
    for place in range(0, len(oldest_first), _BATCH):
        now = datetime.now(UTC)
        batch = [
            ReceivedEvent(parse_event(msgspec.json.encode(each)), now) for each in oldest_first[place : place + _BATCH]
        ]
        ends = [each for each in await apply_batch(runtime.database, batch) if each.status != "duplicate"]
        applied += ends
        for each in ends:
            tell(each)
    failed = sum(each.status == "failed" for each in applied)
    return Backfilled(len(page), len(applied), len(page) - len(applied), failed)


async def _missing(runtime: Runtime, events: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    # Confirmed, because events that are held are skipped, and so acknowledged.
    held = await runtime.database.run(held_events, {each["id"] for each in events})
    return [each for each in events if each["id"] not in held]
