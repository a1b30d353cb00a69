"""`checkout events`."""

from __future__ import annotations

import click

from checkout_daemon.commands.declared.options import json_option, limit_option, since_option, timeout_option

# As the check on the column has them; a test compares them.
EVENT_STATUSES = ("applied", "ignored", "failed", "dead")


@click.group()
def events() -> None:
    """Look at what Stripe told us.

    \b
    Example:
      checkout events list --status dead
    """


@events.command("list")
@click.option("--status", "statuses", multiple=True, type=click.Choice(EVENT_STATUSES), help="Repeat it for several.")
@click.option("--type", "types", multiple=True, metavar="TYPE", help="Such as charge.refunded; repeat it for several.")
@click.option("--order", metavar="ORDER", help="About this order: its number, id, …")
@since_option
@limit_option
@json_option
def events_list(
    statuses: tuple[str, ...], types: tuple[str, ...], order: str | None, since: str | None, limit: int, as_json: bool
) -> int:
    """List events, last received first.

    \b
    Example:
      checkout events list --order 1001
    """
    from checkout_daemon.commands import events

    return events.list_events(statuses, types, order, since, limit, as_json=as_json)


@events.command("show")
@click.argument("event")
@json_option
def events_show(event: str, as_json: bool) -> int:
    """Show an event, what became of it, and its payload.

    \b
    Example:
      checkout events show evt_1Abc --json
    """
    from checkout_daemon.commands import events

    return events.show(event, as_json=as_json)


@events.command("resend")
@click.argument("event")
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
