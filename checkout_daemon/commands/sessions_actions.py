"""`checkout sessions resend`, `expire` and `sync`: the commands that change sessions and their orders."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from checkout_daemon.commands.asking import confirm
from checkout_daemon.commands.base import Command
from checkout_daemon.commands.options import (
    dry_run_option,
    json_option,
    note_option,
    quiet_option,
    yes_option,
)
from checkout_daemon.commands.output import answer, print_json, say, say_dry_run
from checkout_daemon.commands.running import with_runtime
from checkout_daemon.commands.several import PAYABLE, session_id_of, several_orders
from checkout_daemon.commands.typed import Number
from checkout_daemon.present.text import counted, plain, words

if TYPE_CHECKING:
    from checkout_daemon.checkout.expiring import Expired
    from checkout_daemon.checkout.resending import Resent
    from checkout_daemon.runtime import Runtime
    from checkout_daemon.settings import Settings
    from checkout_daemon.stripe_sync.comparing import Synced


@click.command("resend", cls=Command)
@several_orders("resend", statuses=PAYABLE, single=["qr"])
@dry_run_option
@click.option(
    "--rate",
    type=Number(0.1, 20),
    default=4.0,
    show_default=True,
    metavar="ORDERS",
    help="With several ORDERs: resend at most this many a second.",
)
@click.option("--no-email", is_flag=True, help="Send no email; only print the link.")
@click.option("--qr", is_flag=True, help="Draw the link as a QR code in the terminal.")
@note_option
@yes_option
@quiet_option
@json_option
def sessions_resend(order: str, no_email: bool, qr: bool, note: str, as_json: bool) -> int:
    """Send a customer a link to pay.

    Reuses the order's open session if an hour of it is left, or half of CHECKOUT_SESSION_MINUTES; otherwise creates a
    new one at the order's original prices. Asks Stripe first: an order that was paid in the meantime is corrected
    instead. Several orders are a batch: see `checkout batches`. STATUS is pending, failed or expired.

    Example:
      checkout sessions resend 1001 --qr
      checkout sessions resend --status expired --since 7d --dry-run
    """
    return _resend_one(order, note, mail=not no_email, qr=qr, as_json=as_json)


def _resend_one(text: str, note: str, *, mail: bool, qr: bool, as_json: bool) -> int:
    from checkout_daemon.audit.operators import this_operator
    from checkout_daemon.checkout.resending import mail_status, resend_session
    from checkout_daemon.orders.lookup import find_order
    from checkout_daemon.present.times import local_time

    async def work(runtime: Runtime) -> tuple[Resent, Settings]:
        order = await find_order(runtime.database, text)
        resent = await resend_session(runtime, order.id, operator=this_operator(), note=note, mail=mail)
        return resent, runtime.settings

    resent, settings = with_runtime(work)
    if as_json:
        print_json(resent)
    else:
        answer(plain(resent.url))
        say(f"Order {resent.number} can be paid there until {local_time(resent.expires_at, settings.time_zone)}.")
        if resent.mailed:
            say(mail_status(settings))
    if qr:
        import segno

        # On stderr, because stdout has the link as data.
        segno.make(resent.url, error="l", micro=False).terminal(out=sys.stderr, compact=True)
    return 0


@click.command("expire", cls=Command)
@several_orders("expire", metavar="ORDER|cs_…")
@dry_run_option
@note_option
@yes_option
@quiet_option
@json_option
def sessions_expire(order: str, dry_run: bool, note: str, yes: bool, as_json: bool) -> int:
    """Expire a session, so that it can no longer be paid.

    Expires every open session of an order, or only the one that is named.

    Example:
      checkout sessions expire 1001
      checkout sessions expire --status pending --email ada@example.com
    """
    from checkout_daemon.audit.operators import this_operator
    from checkout_daemon.checkout.expiring import SessionNotOpen, check_open, expire_sessions
    from checkout_daemon.checkout.session_lists import read_sessions_of_order
    from checkout_daemon.ledger.order_states import check_mode
    from checkout_daemon.orders.lookup import find_order
    from checkout_daemon.present.money import money

    async def work(runtime: Runtime) -> Expired | None:
        holder = await find_order(runtime.database, order)
        check_mode(holder, SessionNotOpen, livemode=runtime.settings.livemode)
        session_id = session_id_of(order)
        found = await read_sessions_of_order(runtime.database, holder.id)
        open_ids = [session_id] if session_id else [session.id for session in found if session.status == "open"]
        if dry_run:
            await check_open(runtime.database, holder, session_id)
            say_dry_run({"order_id": holder.id, "number": holder.number, "session_ids": open_ids}, as_json=as_json)
            return None
        what = session_id or (counted(len(open_ids), "open session") if open_ids else "every open session")
        total = money(holder.amount_total, holder.currency)
        confirm(f"Expire {what} of order {holder.number}, {total}? It can no longer be paid there.", yes=yes)
        return await expire_sessions(runtime, holder.id, session_id, operator=this_operator(), note=note)

    done = with_runtime(work)
    if done is None:
        return 0
    if as_json:
        order_keys = {"order_id": done.order.id, "number": done.order.number, "status": done.order.status}
        print_json(order_keys | {"session_ids": done.session_ids})
    else:
        for session_id in done.session_ids:
            answer(session_id)
        say(f"Expired. Order {done.order.number} is {words(done.order.status)}.")
    return 0


@click.command("sync", cls=Command)
@several_orders("sync")
@dry_run_option
@note_option
@yes_option
@quiet_option
@json_option
def sessions_sync(order: str, dry_run: bool, note: str, as_json: bool) -> int:
    """Update one order from Stripe.

    Reads its sessions, payments, refunds and disputes from Stripe, merges them and shows what differed. Exit code 1 if
    something is left for a person, such as an object that this database has and Stripe does not have. Several ORDERs
    are a batch, and --dry-run lists them without comparing.

    Example:
      checkout sessions sync 1001
      checkout sessions sync --attention
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
    if not done.is_fixable:
        say(f"error: order {done.number} differs from Stripe in what cannot be merged: check it by hand")
    return 0 if done.is_fixable else 1
