"""`checkout reconcile`."""

from __future__ import annotations

import click

from checkout_daemon.commands.options import json_option, note_option
from checkout_daemon.commands.typed import TERM, Number


@click.command()
@click.option(
    "--since",
    type=TERM,
    default="24h",
    show_default=True,
    metavar="WHEN",
    help="Orders made or changed from: 30m, 24h or 7d ago, a date, or an RFC 3339 time.",
)
@click.option("--apply", is_flag=True, help="Merge what Stripe says; without it nothing is changed.")
@click.option("--anew", is_flag=True, help="Begin again where an earlier run was cut off.")
@click.option(
    "--rate",
    type=Number(0.5, 90),
    default=20.0,
    show_default=True,
    metavar="CALLS",
    help="How many calls of Stripe a second, at most.",
)
@note_option
@json_option
def reconcile(since: str, apply: bool, anew: bool, rate: float, note: str, as_json: bool) -> int:
    """Compare orders with Stripe, field by field.

    All that are open or need attention, and those made or changed lately: their sessions, payments, refunds and
    disputes. A run that was cut off is gone on with. Exit code 1 where something still differs.

    \b
    Example:
      checkout reconcile --since 7d
      checkout reconcile --since 7d --apply
    """
    from checkout_daemon.commands import reconcile as body

    return body.reconcile(since, note, rate, apply=apply, anew=anew, as_json=as_json)
