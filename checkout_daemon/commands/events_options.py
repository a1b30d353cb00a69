"""The filter options of `checkout events`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from checkout_daemon.commands.completers import complete_event_types, complete_fingerprints
from checkout_daemon.commands.options import (
    combine,
    order_option,
    read_times,
    since_option,
    status_option,
    until_option,
)
from checkout_daemon.commands.typed import TERM

if TYPE_CHECKING:
    from checkout_daemon.database.reading import Readable
    from checkout_daemon.events.event_lists import EventFilter
    from checkout_daemon.settings import Settings

EVENT_STATUSES = ("applied", "ignored", "failed", "dead", "dismissed")
"""As the constraint stripe_events_status_known lists them."""

event_type_option = click.option(
    "--type",
    "types",
    type=TERM,
    multiple=True,
    metavar="TYPE",
    help="Select this type, such as charge.refunded (repeatable).",
    shell_complete=complete_event_types,
)
live_event_filters = combine(
    status_option(EVENT_STATUSES, metavar="STATUS"),
    event_type_option,
    order_option("Select events of this order: its number, id, …"),
    click.option(
        "--fingerprint",
        type=TERM,
        metavar="FINGERPRINT",
        shell_complete=complete_fingerprints,
        help="Select this fingerprint of an error, as `events list` prints it.",
    ),
    since_option,
)
event_filters = combine(live_event_filters, until_option)


@dataclass(frozen=True, slots=True)
class EventOptions:
    """The filter options as typed."""

    statuses: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    order: str | None = None
    fingerprint: str | None = None
    since: str | None = None
    until: str | None = None

    def __bool__(self) -> bool:
        """Return whether any filter was given."""
        return self != EventOptions()

    async def read(self, database: Readable, settings: Settings) -> EventFilter:
        """Return the filter of these options. Raise UsageError, NotFound or AmbiguousOrder."""
        from checkout_daemon.events.event_lists import EventFilter
        from checkout_daemon.orders.lookup import find_order

        since, until = read_times(self.since, self.until, settings.time_zone)
        order = None if self.order is None else await find_order(database, self.order)
        return EventFilter(
            statuses=self.statuses,
            types=self.types,
            order_id=None if order is None else order.id,
            since=since,
            until=until,
            fingerprint=self.fingerprint,
            number=None if order is None else order.number,
        )
