"""`checkout sessions resend`, `expire` and `sync`: the commands that change sessions and their orders."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from checkout_daemon.commands.base import Command
from checkout_daemon.commands.options import (
    json_option,
    note_option,
    order_argument,
    read_time,
    since_option,
    yes_option,
)
from checkout_daemon.commands.output import answer, confirm, print_json, print_json_lines, print_result, say
from checkout_daemon.commands.running import with_runtime
from checkout_daemon.commands.typed import Number, OneOf
from checkout_daemon.model.orders import PAYABLE_STATUSES, OrderStatus
from checkout_daemon.present.text import counted, words

if TYPE_CHECKING:
    from checkout_daemon.checkout.expiring import Expired
    from checkout_daemon.checkout.resending import Resent
    from checkout_daemon.errors import CheckoutError
    from checkout_daemon.model.orders import Order
    from checkout_daemon.runtime import Runtime
    from checkout_daemon.settings import Settings
    from checkout_daemon.stripe_sync.comparing import Synced

_REFUSED_BY_STATE = 4


@click.command("resend", cls=Command)
@order_argument(required=False)
@click.option(
    "--status",
    "statuses",
    multiple=True,
    type=OneOf([status for status in OrderStatus if status in PAYABLE_STATUSES]),
    metavar="STATUS",
    help="Resend every order with this status instead of one ORDER (repeatable).",
)
@since_option
@click.option("--dry-run", is_flag=True, help="With --status: only list the orders.")
@click.option(
    "--rate",
    type=Number(0.1, 20),
    default=4.0,
    show_default=True,
    metavar="ORDERS",
    help="With --status: resend at most this many orders a second.",
)
@click.option("--no-email", is_flag=True, help="Send no email; only print the link.")
@click.option("--qr", is_flag=True, help="Draw the link as a QR code in the terminal.")
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
    """Send a customer a link to pay.

    Reuses the order's open session if it is valid for another hour; otherwise creates a new one at the order's
    original prices. Asks Stripe first: an order that was paid in the meantime is corrected instead. STATUS is pending,
    failed or expired.

    Example:
      checkout sessions resend 1001 --qr
      checkout sessions resend --status expired --since 7d --dry-run
    """
    if (order is None) == (not statuses):
        raise click.UsageError("name one ORDER, or select several with --status")
    if order is None:
        if qr:
            raise click.UsageError("--qr needs one ORDER")
        return _resend_many(statuses, since, note, rate, mail=not no_email, dry_run=dry_run, as_json=as_json)
    if since is not None or dry_run:
        raise click.UsageError("--since and --dry-run go with --status, not with an ORDER")
    return _resend_one(order, note, mail=not no_email, qr=qr, as_json=as_json)


def _resend_one(text: str, note: str, *, mail: bool, qr: bool, as_json: bool) -> int:
    from checkout_daemon.audit.operators import this_operator
    from checkout_daemon.checkout.resending import mail_status, resend_session
    from checkout_daemon.orders.lookup import find_order
    from checkout_daemon.present.times import clock

    async def work(runtime: Runtime) -> tuple[Resent, Settings]:
        order = await find_order(runtime.database, text)
        resent = await resend_session(runtime, order.id, operator=this_operator(), note=note, mail=mail)
        return resent, runtime.settings

    resent, settings = with_runtime(work)
    if as_json:
        print_json(resent)
    else:
        answer(resent.url)
        say(f"Order {resent.number} can be paid there until {clock(resent.expires_at, settings.time_zone)}.")
        if resent.mailed:
            say(mail_status(settings))
    if qr:
        import segno

        # On stderr, because stdout has the link as data.
        segno.make(resent.url, error="l", micro=False).terminal(out=sys.stderr, compact=True)
    return 0


def _resend_many(
    statuses: tuple[str, ...], since: str | None, note: str, rate: float, *, mail: bool, dry_run: bool, as_json: bool
) -> int:
    from contextlib import aclosing

    from checkout_daemon.audit.operators import this_operator
    from checkout_daemon.checkout.resending import Resent, mail_status, resend_many
    from checkout_daemon.commands.output import Progress
    from checkout_daemon.orders.order_lists import OrderFilter
    from checkout_daemon.orders.order_pages import all_orders

    async def work(runtime: Runtime) -> int:
        settings = runtime.settings
        wanted = OrderFilter(statuses=statuses, since=read_time(since, "--since", settings.time_zone))
        # Read all of them first: an order that was resent no longer has its status.
        orders = [order async for page in all_orders(runtime.database, wanted) for order in page]
        if dry_run:
            _list_orders(orders, as_json=as_json)
            return 0
        sent = refused = failed = 0
        with Progress("Resending", len(orders)) as progress:
            outcomes = resend_many(runtime, orders, operator=this_operator(), note=note, mail=mail, rate=rate)
            async with aclosing(outcomes):
                async for order, outcome in outcomes:
                    _print_outcome(order, outcome, as_json=as_json)
                    progress.step()
                    if isinstance(outcome, Resent):
                        sent += 1
                    elif outcome.exit_code == _REFUSED_BY_STATE:
                        refused += 1
                    else:
                        failed += 1
        say(f"{sent} resent, {refused} can no longer be paid, {failed} failed.")
        if sent and mail:
            say(mail_status(settings))
        return 1 if failed else 0

    return with_runtime(work)


def _list_orders(orders: list[Order], *, as_json: bool) -> None:
    if as_json:
        print_json_lines(orders)
        return
    for order in orders:
        answer(f"{order.number}  {words(order.status)}")
    say(f"{counted(len(orders), 'order')}: a dry run, nothing was sent.")


def _print_outcome(order: Order, outcome: Resent | CheckoutError, *, as_json: bool) -> None:
    from checkout_daemon.checkout.resending import Resent

    if isinstance(outcome, Resent):
        print_result(outcome, f"{order.number}  {outcome.url}", as_json=as_json)
    elif as_json:
        print_json({"order_id": order.id, "number": order.number, "code": outcome.code, "error": outcome.detail})
    else:
        say(outcome.detail)


@click.command("expire", cls=Command)
@order_argument(metavar="ORDER|cs_…")
@note_option
@yes_option
@json_option
def sessions_expire(order: str, note: str, yes: bool, as_json: bool) -> int:
    """Expire a session, so that it can no longer be paid.

    Expires every open session of an order, or only the one that is named.

    Example:
      checkout sessions expire 1001
    """
    from checkout_daemon.audit.operators import this_operator
    from checkout_daemon.checkout.expiring import expire_sessions
    from checkout_daemon.orders.lookup import find_order

    async def work(runtime: Runtime) -> Expired:
        holder = await find_order(runtime.database, order)
        session_id = session_id_of(order)
        what = session_id or "every open session"
        confirm(f"Expire {what} of order {holder.number}? It can no longer be paid there.", yes=yes)
        return await expire_sessions(runtime, holder.id, session_id, operator=this_operator(), note=note)

    done = with_runtime(work)
    if as_json:
        order_keys = {"order_id": done.order.id, "number": done.order.number, "status": done.order.status}
        print_json(order_keys | {"session_ids": done.session_ids})
    else:
        for session_id in done.session_ids:
            answer(session_id)
        say(f"Expired. Order {done.order.number} is {words(done.order.status)}.")
    return 0


@click.command("sync", cls=Command)
@order_argument()
@click.option("--dry-run", is_flag=True, help="Show the differences, and change nothing.")
@note_option
@json_option
def sessions_sync(order: str, dry_run: bool, note: str, as_json: bool) -> int:
    """Update one order from Stripe.

    Reads its sessions, payments, refunds and disputes from Stripe, merges them and shows what differed. Exit code 1 if
    this database has an object that Stripe does not have.

    Example:
      checkout sessions sync 1001
    """
    from checkout_daemon.audit.operators import this_operator
    from checkout_daemon.commands.reconcile import print_differences, synced_object
    from checkout_daemon.orders.lookup import find_order
    from checkout_daemon.stripe_sync.comparing import sync_order

    async def work(runtime: Runtime) -> Synced:
        found = await find_order(runtime.database, order)
        return await sync_order(
            runtime, found.id, cause="session.sync", actor=this_operator(), note=note, apply=not dry_run
        )

    done = with_runtime(work)
    if as_json:
        print_json(synced_object(done))
    else:
        print_differences(done)
        if not done.differences:
            say(f"Order {done.number} agrees with Stripe: {words(done.status)}.")
        elif dry_run:
            say("A dry run: nothing was changed.")
    return 1 if done.applied and done.left else 0


def session_id_of(text: str) -> str | None:
    """Return the session that was named instead of an order."""
    wanted = text.strip()
    return wanted if wanted.startswith("cs_") else None
