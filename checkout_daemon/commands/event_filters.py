"""Which events: what the options of several commands mean."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from checkout_daemon.commands.times import read_time
from checkout_daemon.services.lookup import find_order
from checkout_daemon.settings import Settings
from checkout_daemon.store.database import Database
from checkout_daemon.store.event_reads import EventFilter


@dataclass(frozen=True, slots=True)
class EventOptions:
    """As typed."""

    statuses: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    order: str | None = None
    fingerprint: str | None = None
    since: str | None = None
    until: str | None = None

    def __bool__(self) -> bool:
        return self != EventOptions()


async def read_filter(database: Database, settings: Settings, options: EventOptions) -> EventFilter:
    """Raises UsageError, NotFound or AmbiguousOrder."""
    now = datetime.now(UTC)
    zone = settings.time_zone
    return EventFilter(
        statuses=options.statuses,
        types=options.types,
        order_id=None if options.order is None else (await find_order(database, options.order)).id,
        since=None if options.since is None else read_time(options.since, "--since", now, zone),
        until=None if options.until is None else read_time(options.until, "--until", now, zone),
        fingerprint=options.fingerprint,
    )
