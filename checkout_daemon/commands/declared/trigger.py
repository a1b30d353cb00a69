"""`checkout trigger` and `checkout listen`: the official Stripe CLI, told and watched."""

from __future__ import annotations

import click

from checkout_daemon.commands.options import complete_event_types, json_option, order_option, timeout_option
from checkout_daemon.commands.typed import TERM, Number, Whole


@click.command()
@click.argument("event", type=TERM, required=False, shell_complete=complete_event_types)
@order_option("Have it happen to this order: its number, id, …, or `new` to make one.")
@click.option("--amount", type=Whole(1), metavar="MINOR", help="Refund this much, in minor units.  [default: all]")
@timeout_option
@click.option("--list", "listing", is_flag=True, help="List the events that the daemon understands.")
@json_option
def trigger(
    event: str | None, order: str | None, amount: int | None, timeout_seconds: float, listing: bool, as_json: bool
) -> int:
    """Have Stripe create EVENT, and follow its effects.

    Runs the official Stripe CLI, against the offline Stripe or a real account in test mode. With --order it happens to
    that order: its own session is paid, failed or expired, its own payment refunded or disputed.

    \b
    Example:
      checkout trigger checkout.session.completed --order 1001
    """
    from checkout_daemon.commands import trigger

    if listing:
        return trigger.list_events(as_json=as_json)
    if event is None:
        raise click.UsageError("name an EVENT; `checkout trigger --list` shows which there are")
    return trigger.trigger_event(event, order, amount, timeout_seconds, as_json=as_json)


@click.command()
@click.option(
    "--forward-to", type=TERM, metavar="URL", help="The daemon's webhook.  [default: CHECKOUT_PUBLIC_URL/api/webhook]"
)
@click.option(
    "--check",
    "check_seconds",
    type=Number(0.1),
    default=15.0,
    show_default=True,
    metavar="SECONDS",
    help="How often to look for what was missed.",
)
@json_option
def listen(forward_to: str | None, check_seconds: float, as_json: bool) -> int:
    """Forward Stripe's events to this machine, until Ctrl-C.

    Runs `stripe listen` and starts it again when it ends; what it missed is fetched from Stripe. The secret it signs
    with is made known to the daemon of this folder, else the line to set is printed.

    \b
    Example:
      checkout listen
    """
    from checkout_daemon.commands import listen

    return listen.listen_to_stripe(forward_to, check_seconds, as_json=as_json)
