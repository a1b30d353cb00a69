"""`checkout sessions`."""

from __future__ import annotations

import click

from checkout_daemon.commands.options import (
    json_option,
    limit_option,
    note_option,
    order_argument,
    since_option,
    yes_option,
)
from checkout_daemon.commands.typed import Number, OneOf

# As PAYABLE_STATUSES has them; a test compares them.
RESENDABLE = ("pending", "failed", "expired")


@click.group()
def sessions() -> None:
    """Manage the payment pages of orders.

    \b
    Example:
      checkout sessions resend 1001
    """


@sessions.command("resend")
@order_argument(required=False)
@click.option(
    "--status",
    "statuses",
    multiple=True,
    type=OneOf(RESENDABLE),
    metavar="STATUS",
    help="Instead of one ORDER all that are pending, failed or expired; repeat it.",
)
@since_option
@click.option("--dry-run", is_flag=True, help="With --status: only list the orders.")
@click.option(
    "--rate",
    type=Number(0.1, 20),
    default=4.0,
    show_default=True,
    metavar="ORDERS",
    help="With --status: how many a second, at most.",
)
@click.option("--no-email", is_flag=True, help="Mail nothing; only print the link.")
@click.option("--qr", is_flag=True, help="Draw the link in the terminal.")
@note_option
@json_option
def sessions_resend(
    order: str | None,
    statuses: tuple[str, ...],
    since: str | None,
    dry_run: bool,
    rate: float,
    no_email: bool,
    qr: bool,
    note: str,
    as_json: bool,
) -> int:
    """Give a customer a link to pay.

    The order's open session if it has an hour left, else a new one at the prices it was made with. Stripe is asked
    first: an order that was paid meanwhile is put right instead.

    \b
    Example:
      checkout sessions resend 1001 --qr
      checkout sessions resend --status expired --since 7d --dry-run
    """
    from checkout_daemon.commands import resends

    if (order is None) == (not statuses):
        raise click.UsageError("name one ORDER, or several by --status")
    if order is None:
        if qr:
            raise click.UsageError("--qr draws the link of one ORDER")
        return resends.resend_many(statuses, since, note, rate, mail=not no_email, dry_run=dry_run, as_json=as_json)
    if since is not None or dry_run:
        raise click.UsageError("--since and --dry-run go with --status, not with an ORDER")
    return resends.resend(order, note, mail=not no_email, qr=qr, as_json=as_json)


@sessions.command("expire")
@order_argument(metavar="ORDER|cs_…")
@note_option
@yes_option
@json_option
def sessions_expire(order: str, note: str, yes: bool, as_json: bool) -> int:
    """End a session, so that it cannot be paid.

    All open ones of an order, or the one that is named.

    \b
    Example:
      checkout sessions expire 1001
    """
    from checkout_daemon.commands import expiring

    return expiring.expire(order, note, yes=yes, as_json=as_json)


@sessions.command("list")
@click.option(
    "--status",
    "statuses",
    multiple=True,
    type=OneOf(("open", "expired", "complete")),
    help="Only these; repeat it.",
)
@since_option
@limit_option
@json_option
def sessions_list(statuses: tuple[str, ...], since: str | None, limit: int, as_json: bool) -> int:
    """List sessions, those of the newest orders first.

    \b
    Example:
      checkout sessions list --status open
    """
    from checkout_daemon.commands import sessions

    return sessions.list_all(statuses, since, limit, as_json=as_json)


@sessions.command("show")
@order_argument(metavar="ORDER|cs_…")
@json_option
def sessions_show(order: str, as_json: bool) -> int:
    """Show a session, or all of an order, with the link.

    \b
    Example:
      checkout sessions show 1001
    """
    from checkout_daemon.commands import sessions

    return sessions.show(order, as_json=as_json)


@sessions.command("sync")
@order_argument()
@click.option("--dry-run", is_flag=True, help="Only show what differs.")
@note_option
@json_option
def sessions_sync(order: str, dry_run: bool, note: str, as_json: bool) -> int:
    """Ask Stripe for everything about an order, and merge it.

    Its sessions, payments, refunds and disputes. What differed is shown. Exit code 1 where something is held that
    Stripe does not know.

    \b
    Example:
      checkout sessions sync 1001
    """
    from checkout_daemon.commands import sessions

    return sessions.sync(order, note, dry_run=dry_run, as_json=as_json)
