"""`checkout orders correct`: the command that corrects a customer's email and phone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from checkout_daemon.commands.asking import confirm
from checkout_daemon.commands.base import Command
from checkout_daemon.commands.options import (
    dry_run_option,
    json_option,
    note_option,
    order_argument,
    quiet_option,
    yes_option,
)
from checkout_daemon.commands.output import keys, print_json, say, say_dry_run
from checkout_daemon.commands.running import with_database
from checkout_daemon.commands.typed import TERM
from checkout_daemon.present.text import counted, words

if TYPE_CHECKING:
    from checkout_daemon.database.pool import Database
    from checkout_daemon.orders.correcting import Correction
    from checkout_daemon.settings import Settings


@click.command("correct", cls=Command)
@order_argument()
@click.option("--email", type=TERM, help="Replace the email.")
@click.option("--phone", type=TERM, help="Replace the phone: + and the country code first.")
@dry_run_option
@note_option
@yes_option
@quiet_option
@json_option
def orders_correct(
    order: str, email: str | None, phone: str | None, note: str, *, dry_run: bool, yes: bool, as_json: bool
) -> int:
    """Correct a customer's mistyped email or phone.

    Mails that wait go to the new email, and those that were sent and still hold (the confirmation, parcel, refunds,
    link to pay, reminder) are sent there again. The old email is kept nowhere. Stripe cannot change the email of an
    open session: `checkout sessions resend` replaces it.

    Example:
      checkout orders correct 1001 --email bo@example.com --note mistyped
    """
    from checkout_daemon.audit.operators import this_operator
    from checkout_daemon.orders.correcting import check_contact, correct_order, plan_correction
    from checkout_daemon.orders.lookup import find_order

    if email is None and phone is None:
        raise click.UsageError("give --email, --phone or both")

    async def work(database: Database, _: Settings) -> Correction | None:
        contact = check_contact(email, phone)
        found = await find_order(database, order)
        planned = await plan_correction(database, found.id, contact)
        if dry_run:
            would = {"order_id": found.id, "number": found.number, "corrected": planned.fields}
            say_dry_run(would | {"mails": planned.mails, "open_sessions": planned.open_sessions}, as_json=as_json)
            return None
        confirm(f"Correct order {found.number}: {_described(planned)}? What it had before is not kept.", yes=yes)
        return await correct_order(database, found.id, contact, operator=this_operator(), note=note)

    done = with_database(work)
    if done is None:
        return 0
    if as_json:
        lists = {"corrected": done.fields, "mails": done.mails, "open_sessions": done.open_sessions}
        print_json(keys(done.order) | lists)
        return 0
    number = done.order.number
    say(f"Order {number}: {_described(done)}.")
    if done.mails:
        say(f"{counted(len(done.mails), 'mail')} to the new email: {', '.join(map(words, done.mails))}.")
    if done.open_sessions:
        say(
            f"Its open session keeps the old email, which Stripe cannot change: `checkout sessions resend {number}` "
            "replaces it."
        )
    return 0


def _described(correction: Correction) -> str:
    values = {"email": correction.order.customer_email, "phone": correction.order.customer_phone}
    return ", ".join(f"{field} {values[field]}" for field in correction.fields)
