"""The options of `checkout orders list` and `export` as the filter that the use cases take."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from checkout_daemon.commands.times import read_time
from checkout_daemon.domain.customer import email_form
from checkout_daemon.services.reading import searching
from checkout_daemon.store.database import Database
from checkout_daemon.store.order_reads import OrderFilter


@dataclass(frozen=True, slots=True)
class OrderOptions:
    statuses: tuple[str, ...]
    email: str | None
    since: str | None
    until: str | None
    flagged: bool
    search: str | None


async def order_filter(database: Database, options: OrderOptions, now: datetime, time_zone: str) -> OrderFilter:
    """Build the filter of the options. Raises UsageError for a time that cannot be read."""
    since, until = options.since, options.until
    wanted = OrderFilter(
        statuses=options.statuses,
        email=None if options.email is None else email_form(options.email),
        since=None if since is None else read_time(since, "--since", now, time_zone),
        until=None if until is None else read_time(until, "--until", now, time_zone),
        attention=options.flagged,
    )
    return wanted if options.search is None else await searching(database, wanted, options.search)
