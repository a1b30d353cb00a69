"""`checkout events`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from checkout_daemon.commands.options import (
    complete_event_types,
    json_option,
    limit_option,
    note_option,
    order_option,
    since_option,
    timeout_option,
    yes_option,
)
from checkout_daemon.commands.typed import TERM, OneOf

# As the check on the column has them; a test compares them.
EVENT_STATUSES = ("applied", "ignored", "failed", "dead")


def _filters(command: Callable[..., Any]) -> Callable[..., Any]:
    until = click.option(
        "--until", type=TERM, metavar="WHEN", help="Received before: 24h ago, a date, or an RFC 3339 time."
    )
    return _kinds(until(command))


def _kinds(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        since_option,
        click.option(
            "--fingerprint", type=TERM, metavar="CAUSE", help="Failed for this cause, as `events list` names it."
        ),
        order_option("About this order: its number, id, …"),
        _type_option,
        click.option("--status", "statuses", multiple=True, type=OneOf(EVENT_STATUSES), help="Repeat it for several."),
    ):
        command = option(command)
    return command


def _type_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--type",
        "types",
        type=TERM,
        multiple=True,
        metavar="TYPE",
        help="Such as charge.refunded; repeat it for several.",
        shell_complete=complete_event_types,
    )(command)


@click.group()
def events() -> None:
    """Inspect, replay and backfill events from Stripe.

    \b
    Example:
      checkout events list --status dead
    """


@events.command("list")
@_filters
@limit_option
@json_option
def events_list(limit: int, as_json: bool, **filters: Any) -> int:
    """List events, last received first.

    What failed for the same cause has the same fingerprint.

    \b
    Example:
      checkout events list --order 1001
    """
    from checkout_daemon.commands import events
    from checkout_daemon.commands.event_filters import EventOptions

    return events.list_events(EventOptions(**filters), limit, as_json=as_json)


@events.command("show")
@click.argument("event", type=TERM)
@json_option
def events_show(event: str, as_json: bool) -> int:
    """Show an event, what became of it, and its payload.

    \b
    Example:
      checkout events show evt_1Abc --json
    """
    from checkout_daemon.commands import events

    return events.show(event, as_json=as_json)


@events.command("tail")
@_kinds
@json_option
def events_tail(as_json: bool, **filters: Any) -> int:
    """Follow events as they come, until Ctrl-C.

    Those that failed appear again when they are tried again, are given up, or are replayed.

    \b
    Example:
      checkout events tail --status failed --status dead --json
    """
    from checkout_daemon.commands import event_tail
    from checkout_daemon.commands.event_filters import EventOptions

    return event_tail.tail(EventOptions(**filters), as_json=as_json)


@events.command("resend")
@click.argument("event", type=TERM)
@timeout_option
@json_option
def events_resend(event: str, timeout_seconds: float, as_json: bool) -> int:
    """Have Stripe send an event again.

    Through the official Stripe CLI, to the daemon's webhook endpoint, else to whoever runs `checkout listen`.

    \b
    Example:
      checkout events resend evt_1Abc
    """
    from checkout_daemon.commands import events

    return events.resend(event, timeout_seconds, as_json=as_json)


@events.command("replay")
@click.argument("event_ids", type=TERM, metavar="[EVENT]...", nargs=-1)
@_filters
@note_option
@yes_option
@json_option
def events_replay(event_ids: tuple[str, ...], note: str, yes: bool, as_json: bool, **filters: Any) -> int:
    """Apply events again, as they were received.

    Those named, or all that fit the options: one first, then the rest, until one fails again. What was applied before
    changes nothing.

    \b
    Example:
      checkout events replay --status dead --fingerprint 5f3a90c1
    """
    from checkout_daemon.commands import event_replays
    from checkout_daemon.commands.event_filters import EventOptions

    return event_replays.replay(event_ids, EventOptions(**filters), note, yes=yes, as_json=as_json)


@events.command("backfill")
@click.option(
    "--since",
    type=TERM,
    default="24h",
    show_default=True,
    metavar="WHEN",
    help="Made from: 30m, 24h or 7d ago, a date, or an RFC 3339 time.",
)
@click.option("--until", type=TERM, metavar="WHEN", help="Made before: 24h ago, a date, or an RFC 3339 time.")
@_type_option
@json_option
def events_backfill(since: str, until: str | None, types: tuple[str, ...], as_json: bool) -> int:
    """Fetch from Stripe the events that never arrived.

    Safe to run twice, and while daemons run. Stripe keeps events for 30 days; for what is older there is
    `checkout reconcile`. Exit code 1 if it is in doubt that all is applied.

    \b
    Example:
      checkout events backfill --since 7d --type checkout.session.completed
    """
    from checkout_daemon.commands import backfills

    return backfills.backfill_events(since, until, types, as_json=as_json)
