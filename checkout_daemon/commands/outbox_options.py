"""The filter options of `checkout outbox`."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

import click

from checkout_daemon.commands.options import (
    combine,
    order_option,
    read_times,
    since_option,
    status_option,
    until_option,
)
from checkout_daemon.commands.typed import TERM, OneOf
from checkout_daemon.model.messages import Channel, MessageKind
from checkout_daemon.present.text import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from checkout_daemon.database.reading import Readable
    from checkout_daemon.outbox.outbox_store import MessageFilter, MessageLine
    from checkout_daemon.settings import Settings

MESSAGE_STATUSES = ("queued", "sent", "failed", "dead", "skipped", "dismissed")
"""As the constraint outbox_status_known lists them."""

message_filters = combine(
    status_option(MESSAGE_STATUSES, metavar="STATUS"),
    click.option(
        "--channel", "channels", multiple=True, type=OneOf(list(Channel)), help="Select this channel (repeatable)."
    ),
    click.option(
        "--kind",
        "kinds",
        type=TERM,
        multiple=True,
        metavar="KIND",
        help="Select this kind, such as order.completed (repeatable).",
    ),
    order_option("Select messages about this order: its number, id, …"),
    click.option(
        "--fingerprint",
        type=TERM,
        metavar="FINGERPRINT",
        help="Select this fingerprint of a channel and an error, as `outbox list` prints it.",
    ),
    since_option,
    until_option,
)


@dataclass(frozen=True, slots=True)
class MessageOptions:
    """The filter options as typed."""

    statuses: tuple[str, ...]
    channels: tuple[str, ...]
    kinds: tuple[str, ...]
    order: str | None
    fingerprint: str | None
    since: str | None
    until: str | None

    def __bool__(self) -> bool:
        """Return whether any filter was given."""
        return any(astuple(self))

    async def read(self, database: Readable, settings: Settings) -> MessageFilter:
        """Return the filter of these options. Raise UsageError, NotFound or AmbiguousOrder."""
        from checkout_daemon.orders.lookup import find_order
        from checkout_daemon.outbox.outbox_store import MessageFilter

        for kind in self.kinds:
            if kind not in list(MessageKind):
                raise click.UsageError(f"--kind {kind!r} is not one of {', '.join(MessageKind)}")
        since, until = read_times(self.since, self.until, settings.time_zone)
        return MessageFilter(
            statuses=self.statuses,
            kinds=self.kinds,
            channels=self.channels,
            order_id=None if self.order is None else (await find_order(database, self.order)).id,
            since=since,
            until=until,
            fingerprint=self.fingerprint,
        )


def error_counts(found: Sequence[MessageLine]) -> list[str]:
    """Return a line with the count, fingerprint and text of each error, the most frequent first."""
    from collections import Counter

    errors = Counter((message.fingerprint, message.last_error) for message in found if message.fingerprint)
    return [f"{count} × {name}  {plain(error or '')}" for (name, error), count in errors.most_common()]
