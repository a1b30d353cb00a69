"""`checkout orders`."""

from __future__ import annotations

import click

from checkout_daemon.commands.declared.options import json_option, limit_option, since_option

# Written out, because the enumeration's module costs more than click; a test compares them.
STATUSES = (
    "pending",
    "processing",
    "completed",
    "partially_refunded",
    "refunded",
    "disputed",
    "failed",
    "expired",
    "canceled",
)


@click.group()
def orders() -> None:
    """Find, show and watch orders.

    \b
    Example:
      checkout orders list --status completed --since 24h
    """


@orders.command("list")
@click.option(
    "--status",
    "statuses",
    multiple=True,
    type=click.Choice(STATUSES),
    metavar="STATUS",
    help="In this status; repeat it for several.",
)
@click.option("--email", help="Of this customer; upper and lower case are the same.")
@since_option
@click.option("--until", metavar="WHEN", help="Made before: 24h ago, a date, or an RFC 3339 time.")
@click.option("--attention", "flagged", is_flag=True, help="Only those that a person must look at.")
@click.option("--search", metavar="TEXT", help="In numbers, ids, names, emails, session and payment ids.")
@limit_option
@json_option
def orders_list(
    statuses: tuple[str, ...],
    email: str | None,
    since: str | None,
    until: str | None,
    flagged: bool,
    search: str | None,
    limit: int,
    as_json: bool,
) -> int:
    """List orders, newest first.

    STATUS is pending, processing, completed, partially_refunded, refunded, disputed, failed, expired or canceled.

    \b
    Example:
      checkout orders list --status failed --status expired --since 7d
    """
    from checkout_daemon.commands import orders

    return orders.list_orders(statuses, email, since, until, search, limit, flagged=flagged, as_json=as_json)


@orders.command("show")
@click.argument("order")
@json_option
def orders_show(order: str, as_json: bool) -> int:
    """Show all there is about one order.

    ORDER is a number, an id or its beginning, a cs_…, pi_… or ch_… of Stripe's, or the customer's email.

    \b
    Example:
      checkout orders show 1001
    """
    from checkout_daemon.commands import orders

    return orders.show(order, as_json=as_json)


@orders.command("watch")
@since_option
@json_option
def orders_watch(since: str | None, as_json: bool) -> int:
    """Follow orders as they change, until Ctrl-C.

    Each change once and none missed, also while the database restarts.

    \b
    Example:
      checkout orders watch --since 1h --json
    """
    from checkout_daemon.commands import orders

    return orders.watch(since, as_json=as_json)
