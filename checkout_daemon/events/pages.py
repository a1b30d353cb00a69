"""Pages of events, and one event with its payload."""

from __future__ import annotations

from collections.abc import AsyncIterator

from checkout_daemon.database.pool import Database
from checkout_daemon.database.records import pages
from checkout_daemon.errors import NotFound
from checkout_daemon.events import event_lists
from checkout_daemon.events.event_lists import EventFilter, EventLine


def all_events(database: Database, wanted: EventFilter, *, limit: int | None = None) -> AsyncIterator[list[EventLine]]:
    """Return the pages of a list of events, newest first, up to `limit` events."""

    async def read(size: int, last: EventLine | None) -> list[EventLine]:
        async with database.connection() as connection:
            return await event_lists.list_events(connection, wanted, limit=size, cursor=last)

    return pages(read, limit)


async def show_event(database: Database, event_id: str) -> tuple[EventLine, str | None]:
    """Return an event and its payload, which is None once retention has deleted it. Raise NotFound."""
    async with database.connection() as connection:
        found = await event_lists.read_event(connection, event_id)
    if found is None:
        raise NotFound(f"event {event_id!r} does not exist: `checkout events list` shows the events received")
    return found
