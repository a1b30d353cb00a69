"""`checkout orders`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from checkout_daemon.commands.options import (
    WRITABLE_FILE,
    json_option,
    limit_option,
    note_option,
    order_argument,
    since_option,
    yes_option,
)
from checkout_daemon.commands.typed import TERM, OneOf, Whole

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


ATTENTION_CODES = (
    "amount_mismatch",
    "currency_mismatch",
    "livemode_mismatch",
    "paid_twice",
    "paid_after_cancel",
    "refund_failed",
    "dispute_needs_response",
    "dispute_lost",
    "dispute_reinstated",
    "dispute_withdrawn",
    "unknown_status",
    "payment_canceled",
    "appeared_late",
)
REFUND_REASONS = ("duplicate", "fraudulent", "requested_by_customer")


@click.group()
def orders() -> None:
    """Find, follow and correct orders.

    \b
    Example:
      checkout orders list --status completed --since 24h
    """


def _filters(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option(
            "--search",
            metavar="TEXT",
            help="In numbers, ids, names (jose finds José), emails, session and payment ids.",
        ),
        click.option("--attention", "flagged", is_flag=True, help="Only those that a person must look at."),
        click.option("--until", type=TERM, metavar="WHEN", help="Made before: 24h ago, a date, or an RFC 3339 time."),
        since_option,
        click.option("--email", type=TERM, help="Of this customer; upper and lower case are the same."),
        click.option(
            "--status",
            "statuses",
            multiple=True,
            type=OneOf(STATUSES),
            metavar="STATUS",
            help="In this status; repeat it for several.",
        ),
    ):
        command = option(command)
    return command


@orders.command("list")
@_filters
@limit_option
@json_option
def orders_list(limit: int, as_json: bool, **filters: Any) -> int:
    """List orders, newest first.

    STATUS is pending, processing, completed, partially_refunded, refunded, disputed, failed, expired or canceled.

    \b
    Example:
      checkout orders list --status failed --status expired --since 7d
    """
    from checkout_daemon.commands import orders
    from checkout_daemon.commands.order_filters import OrderOptions

    return orders.list_orders(OrderOptions(**filters), limit, as_json=as_json)


@orders.command("export")
@_filters
@click.option("--limit", type=Whole(1), help="How many orders at most.  [default: all]")
@click.option("--format", "form", type=OneOf(("csv", "jsonl")), default="csv", show_default=True)
@click.option("--items", is_flag=True, help="A line for each item instead of each order.")
@click.option("--output", type=WRITABLE_FILE, metavar="FILE", help="Write here, once complete.  [default: stdout]")
@json_option
def orders_export(limit: int | None, form: str, items: bool, output: Path | None, as_json: bool, **filters: Any) -> int:
    """Write orders as CSV or JSON Lines, newest first.

    All that fit the options. Amounts are in minor units, times in UTC. In CSV, text that a spreadsheet would take for
    a formula begins with an apostrophe. FILE is readable by you alone. --json is --format jsonl.

    \b
    Example:
      checkout orders export --status completed --since 30d > orders.csv
    """
    from checkout_daemon.commands import order_exports
    from checkout_daemon.commands.order_filters import OrderOptions

    return order_exports.export(OrderOptions(**filters), limit, "jsonl" if as_json else form, output, items=items)


@orders.command("show")
@order_argument()
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


@orders.command("explain")
@order_argument()
@json_option
def orders_explain(order: str, as_json: bool) -> int:
    """Say why an order is in its state.

    And what happens next by itself, and the command that puts it right: from what is held here, Stripe is not asked.

    \b
    Example:
      checkout orders explain 1001
    """
    from checkout_daemon.commands import explaining

    return explaining.explain(order, as_json=as_json)


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


@orders.command("refund")
@order_argument()
@click.option("--amount", type=Whole(1), metavar="MINOR", help="In minor units.  [default: all that is left]")
@click.option(
    "--payment", "payment_id", type=TERM, metavar="ID", help="This payment (pi_…), where the order has several."
)
@click.option("--reason", type=OneOf(REFUND_REASONS), metavar="REASON", help="As Stripe knows it; see above.")
@note_option
@yes_option
@json_option
def orders_refund(
    order: str, amount: int | None, payment_id: str | None, reason: str | None, note: str, yes: bool, as_json: bool
) -> int:
    """Give money back.

    Also of a second payment, or of one that does not match its order. REASON is duplicate, fraudulent or
    requested_by_customer. Asked of Stripe once, whatever happens meanwhile.

    \b
    Example:
      checkout orders refund 1001 --amount 500 --note "one was broken"
    """
    from checkout_daemon.commands import refunds

    return refunds.refund(order, amount, payment_id, reason, note, yes=yes, as_json=as_json)


@orders.command("cancel")
@order_argument()
@note_option
@yes_option
@json_option
def orders_cancel(order: str, note: str, yes: bool, as_json: bool) -> int:
    """Cancel an order that is not paid.

    Its sessions are expired at Stripe first, so that nobody can pay it any more. While Stripe is away nothing is
    canceled.

    \b
    Example:
      checkout orders cancel 1001 --note "ordered twice"
    """
    from checkout_daemon.commands import canceling

    return canceling.cancel(order, note, yes=yes, as_json=as_json)


@orders.command("recover")
@click.argument("session", type=TERM, metavar="SESSION")
@note_option
@yes_option
@json_option
def orders_recover(session: str, note: str, yes: bool, as_json: bool) -> int:
    """Bring back an order that this database has lost.

    From its paid Checkout Session at Stripe (cs_…): items, customer, amounts and number, as after the restore of an
    older backup. `checkout doctor` and `checkout reconcile` name the sessions. An order that is held stays as it is.

    \b
    Example:
      checkout orders recover cs_live_a1B2c3 --note "after the restore"
    """
    from checkout_daemon.commands import recovering

    return recovering.recover(session, note, yes=yes, as_json=as_json)


@orders.command("erase")
@order_argument()
@click.option("--customer", is_flag=True, help="Of all orders of the same email.")
@note_option
@yes_option
@json_option
def orders_erase(order: str, note: str, *, customer: bool, yes: bool, as_json: bool) -> int:
    """Forget a customer, keep the books.

    Name, email and phone go, and with them links to pay, notes, waiting mails and the payloads of Stripe's events.
    Amounts, ids and what was done stay.

    \b
    Example:
      checkout orders erase 1001 --note "asked on 3 May"
    """
    from checkout_daemon.commands import erasing

    return erasing.erase(order, note, customer=customer, yes=yes, as_json=as_json)


@orders.command("ack")
@order_argument()
@click.argument("reason", type=OneOf(ATTENTION_CODES), metavar="REASON")
@note_option
@json_option
def orders_ack(order: str, reason: str, note: str, as_json: bool) -> int:
    """Say that an attention is dealt with.

    REASON is what the order asks attention for, such as paid_twice. It asks again if the same happens once more.

    \b
    Example:
      checkout orders ack 1001 paid_twice --note "wanted both"
    """
    from checkout_daemon.commands import remarks

    return remarks.acknowledge(order, reason, note, as_json=as_json)


@orders.command("note")
@order_argument()
@click.argument("text")
@json_option
def orders_note(order: str, text: str, as_json: bool) -> int:
    """Keep a note in an order's history.

    \b
    Example:
      checkout orders note 1001 "called: pays on Friday"
    """
    from checkout_daemon.commands import remarks

    return remarks.note(order, text, as_json=as_json)
