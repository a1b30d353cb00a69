"""Follow Stripe's events as they arrive, and the later outcomes of those that failed: retried, dead or replayed.

NOTIFY reports changes of orders; events that change no order are found by polling every second. Events have no
sequence and a commit can be slow, so events of the last seconds are read again, and skipped if they were seen. The time
of an event is that of the daemon that received it, whose clock may be minutes slow: with every tenth poll, the events
of the last minutes are read again, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import asyncpg

from checkout_daemon.backoff import reconnecting
from checkout_daemon.database.away import unavailable_when_away
from checkout_daemon.database.listening import check_still_primary, listening, wait
from checkout_daemon.database.records import pages
from checkout_daemon.database.server import read_now
from checkout_daemon.errors import DatabaseUnavailable
from checkout_daemon.events.event_lists import EventFilter, list_events, list_events_named
from checkout_daemon.ledger.order_states import CHANNEL
from checkout_daemon.ledger.watching import ConnectionChange, Lost, Regained
from checkout_daemon.model.events import UNHAPPY, EventLine

POLL_SECONDS = 1.0
_OVERLAP = timedelta(seconds=20)  # longer than the transaction of a delivery may take
_CLOCKS = timedelta(minutes=5)  # how far the time of an event may be from the database's clock: see record_facts
_WIDE_POLLS = 10  # so many polls later, the events of _CLOCKS are read again
_MOST_TRACKED = 5000


@dataclass(slots=True)
class _Seen:
    """The events that are read again and those that may still change, as they were last read.

    `read_at`: when that was, by the database's clock, and `read_widely_at`: when the events of _CLOCKS were read, too.
    """

    read_at: datetime
    read_widely_at: datetime
    events: dict[str, EventLine] = field(default_factory=dict)

    def changed(self, events: list[EventLine]) -> list[EventLine]:
        """Return the events that are new or have changed, and remember them as seen."""
        changed = [event for event in events if _state(self.events.get(event.id)) != _state(event)]
        self.events |= {event.id: event for event in changed}
        begin = self.read_widely_at - _CLOCKS - _OVERLAP
        self.events = {
            event.id: event for event in self.events.values() if event.received_at >= begin or event.status in UNHAPPY
        }
        return sorted(changed, key=lambda event: (event.received_at, event.id))

    @property
    def unhappy(self) -> list[str]:
        """Return the ids of the newest failed and dead events, which may still change."""
        return [event.id for event in self.events.values() if event.status in UNHAPPY][-_MOST_TRACKED:]


async def follow_events(
    url: str,
    wanted: EventFilter,
    *,
    on_trouble: Callable[[ConnectionChange], None] = lambda _: None,
    on_ready: Callable[[], None] = lambda: None,
    poll_seconds: float = POLL_SECONDS,
) -> AsyncGenerator[list[EventLine], None]:
    """Yield batches of matching events from now on, or since the filter's time, in the order in which they arrived.

    As with `watching.follow_changes`, it ends only when it is closed, and the first connection must succeed.
    """
    seen: _Seen | None = None
    lost = False
    pauses = reconnecting()
    while True:
        try:
            async with listening(url, CHANNEL) as (connection, news):
                while True:
                    news.clear()
                    with unavailable_when_away():
                        if seen is None:
                            seen, events = await _begin(connection, wanted)
                            on_ready()
                        else:
                            events = seen.changed(await _read(connection, seen, wanted, _WIDE_POLLS * poll_seconds))
                    if lost:
                        on_trouble(Regained())
                        lost = False
                        pauses.reset()
                    if fitting := [event for event in events if wanted.fits(event)]:
                        yield fitting
                    check_still_primary(connection, url)
                    await wait(news, poll_seconds)
        except DatabaseUnavailable as error:
            if seen is None:
                raise
            if not lost:
                on_trouble(Lost(error.detail))
                lost = True
        await asyncio.sleep(pauses.next())


async def _begin(connection: asyncpg.Connection, wanted: EventFilter) -> tuple[_Seen, list[EventLine]]:
    """Return the stored events to remember as seen, and the subset to yield: those since the filter's time."""
    now = await read_now(connection)
    seen = _Seen(now, now)
    unhappy = replace(wanted, statuses=UNHAPPY, since=None)
    before = await list_events(connection, unhappy, limit=_MOST_TRACKED)
    recent = await _since(connection, wanted, min(wanted.since or now, now - _CLOCKS - _OVERLAP))
    known = {event.id: event for event in [*recent, *before]}
    seen.changed(list(known.values()))
    if wanted.since is None:
        return seen, []
    return seen, sorted(known.values(), key=lambda event: (event.received_at, event.id))


async def _read(
    connection: asyncpg.Connection, seen: _Seen, wanted: EventFilter, wide_seconds: float
) -> list[EventLine]:
    """Read what may be new since the last reading; once in `wide_seconds`, also what slow clocks have dated back."""
    now = await read_now(connection)
    widely = (now - seen.read_widely_at).total_seconds() >= wide_seconds
    since = seen.read_widely_at - _CLOCKS if widely else seen.read_at
    recent = await _since(connection, wanted, since - _OVERLAP)
    tracked = await list_events_named(connection, seen.unhappy)
    seen.read_at = now
    if widely:
        seen.read_widely_at = now
    return list({event.id: event for event in [*tracked, *recent]}.values())


async def _since(connection: asyncpg.Connection, wanted: EventFilter, since: datetime) -> list[EventLine]:
    """Read the events since a time, with any status and fingerprint: those may change later."""
    broad = replace(wanted, statuses=(), fingerprint=None, since=since)

    async def read(size: int, last: EventLine | None) -> list[EventLine]:
        return await list_events(connection, broad, limit=size, cursor=last)

    return [event async for page in pages(read) for event in page]


def _state(event: EventLine | None) -> tuple[str, int] | None:
    return None if event is None else (event.status, event.attempts)
