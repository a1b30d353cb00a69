"""Follows Stripe's events as they come, and what becomes of those that failed: tried again, dead, replayed.

NOTIFY wakes us where an order changed; what changes none is found by looking every second. Events have no sequence:
those received within the last seconds are read again, for a commit can be slow, and those shown already are left out.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import asyncpg

from checkout_daemon.backoff import reconnecting
from checkout_daemon.errors import DatabaseUnavailable
from checkout_daemon.services.watching import Lost, Regained, Trouble, check_still_primary, listening, wait
from checkout_daemon.store.database import unavailable_when_away
from checkout_daemon.store.event_reads import EventCursor, EventFilter, EventLine, list_events, list_events_named
from checkout_daemon.store.reading import pages
from checkout_daemon.store.servers import read_server

POLL_SECONDS = 1.0
_OVERLAP = timedelta(seconds=20)  # longer than a delivery's transaction may take
_CLOCKS = timedelta(minutes=5)  # that a daemon's clock may be behind the database's, until the first event tells
_UNHAPPY = ("failed", "dead")
_MOST_TRACKED = 5000


@dataclass(slots=True)
class _Seen:
    """The events of the overlap and those that may still change, each as it was last read."""

    newest: datetime
    events: dict[str, EventLine] = field(default_factory=dict)

    def changed(self, events: list[EventLine]) -> list[EventLine]:
        """Those that are new, or not as they were; they are seen now."""
        changed = [each for each in events if _state(self.events.get(each.id)) != _state(each)]
        self.events |= {each.id: each for each in changed}
        self.newest = max([self.newest, *(each.received_at for each in changed)])
        begin = self.newest - _OVERLAP
        self.events = {
            name: each for name, each in self.events.items() if each.received_at >= begin or each.status in _UNHAPPY
        }
        return sorted(changed, key=lambda each: (each.received_at, each.id))

    @property
    def unhappy(self) -> list[str]:
        return [name for name, each in self.events.items() if each.status in _UNHAPPY][-_MOST_TRACKED:]


async def follow_events(
    url: str,
    wanted: EventFilter,
    *,
    on_trouble: Callable[[Trouble], None] = lambda _: None,
    on_ready: Callable[[], None] = lambda: None,
    poll_seconds: float = POLL_SECONDS,
) -> AsyncGenerator[list[EventLine], None]:
    """Batches of events that fit, from now on or since the filter's time, in the order in which they were received.

    As `watching.follow_changes`: it ends only when it is closed, and the first connection must succeed.
    """
    seen: _Seen | None = None
    lost = False
    pauses = reconnecting()
    while True:
        try:
            async with listening(url) as (connection, told):
                while True:
                    told.clear()
                    with unavailable_when_away():
                        if seen is None:
                            seen, events = await _begin(connection, wanted)
                            on_ready()
                        else:
                            events = seen.changed(await _read(connection, seen, wanted))
                    if lost:
                        on_trouble(Regained())
                        lost = False
                        pauses.reset()
                    if fitting := [each for each in events if wanted.fits(each)]:
                        yield fitting
                    check_still_primary(connection, url)
                    await wait(told, poll_seconds)
        except DatabaseUnavailable as error:
            if seen is None:
                raise
            if not lost:
                on_trouble(Lost(error.detail))
                lost = True
        await asyncio.sleep(pauses.next())


async def _begin(connection: asyncpg.Connection, wanted: EventFilter) -> tuple[_Seen, list[EventLine]]:
    """What was there before, and what of it is to be shown: all since the filter's time."""
    now = (await read_server(connection)).now
    seen = _Seen(now - _CLOCKS)
    unhappy = replace(wanted, statuses=_UNHAPPY, since=None)
    before = await list_events(connection, unhappy, limit=_MOST_TRACKED)
    recent = await _since(connection, wanted, min(wanted.since or now, seen.newest - _OVERLAP))
    known = {each.id: each for each in [*recent, *before]}
    seen.changed(list(known.values()))
    if wanted.since is None:
        return seen, []
    return seen, sorted(known.values(), key=lambda each: (each.received_at, each.id))


async def _read(connection: asyncpg.Connection, seen: _Seen, wanted: EventFilter) -> list[EventLine]:
    recent = await _since(connection, wanted, seen.newest - _OVERLAP)
    tracked = await list_events_named(connection, seen.unhappy)
    return list({each.id: each for each in [*tracked, *recent]}.values())


async def _since(connection: asyncpg.Connection, wanted: EventFilter, since: datetime) -> list[EventLine]:
    """Read the events since a time, with any status and fingerprint: those may change later."""
    broad = replace(wanted, statuses=(), fingerprint=None, since=since)

    async def read(size: int, last: EventLine | None) -> list[EventLine]:
        return await list_events(
            connection, broad, limit=size, cursor=None if last is None else EventCursor.after(last)
        )

    return [event async for page in pages(read) for event in page]


def _state(event: EventLine | None) -> tuple[str, int] | None:
    return None if event is None else (event.status, event.attempts)
