"""`checkout orders`: find, show, follow and export orders. The commands that change one are in orders_actions."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from checkout_daemon.commands import orders_actions
from checkout_daemon.commands.base import CommandGroup
from checkout_daemon.commands.options import (
    WRITABLE_FILE,
    combine,
    json_option,
    limit_option,
    order_argument,
    read_time,
    since_option,
    status_option,
    until_option,
)
from checkout_daemon.commands.output import answer, print_json, print_json_lines, read_pages, say, say_if_cut
from checkout_daemon.commands.running import database_address, with_database
from checkout_daemon.commands.typed import TERM, OneOf, Whole
from checkout_daemon.model.orders import OrderStatus
from checkout_daemon.present.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checkout_daemon.database.pool import Database
    from checkout_daemon.model.orders import Order
    from checkout_daemon.orders.history import ActionLine
    from checkout_daemon.orders.order_lists import OrderFilter, OrderView
    from checkout_daemon.settings import Settings

_filters = combine(
    status_option(OrderStatus, metavar="STATUS"),
    click.option("--email", type=TERM, help="Select orders of this customer, in upper or lower case."),
    since_option,
    until_option,
    click.option("--attention", "flagged", is_flag=True, help="Select only orders that need attention."),
    click.option(
        "--search",
        metavar="TEXT",
        help="Search numbers, ids, names (jose finds José), emails, session and payment ids. A large shop searches its"
        " newest orders only for one or two characters.",
    ),
)


@dataclass(frozen=True, slots=True)
class OrderOptions:
    """The filter options as typed."""

    statuses: tuple[str, ...]
    email: str | None
    since: str | None
    until: str | None
    flagged: bool
    search: str | None

    def __bool__(self) -> bool:
        """Return whether any filter was given."""
        return any(astuple(self))

    async def read(self, database: Database, now: datetime, time_zone: str) -> OrderFilter:
        """Return the filter of these options. Raise UsageError for a time that cannot be read."""
        from checkout_daemon.model.customer import email_form
        from checkout_daemon.orders.lookup import add_search
        from checkout_daemon.orders.order_lists import OrderFilter

        wanted = OrderFilter(
            statuses=self.statuses,
            email=None if self.email is None else email_form(self.email),
            since=read_time(self.since, "--since", time_zone, now),
            until=read_time(self.until, "--until", time_zone, now),
            attention=self.flagged,
        )
        return wanted if self.search is None else await add_search(database, wanted, self.search)


@click.group(cls=CommandGroup)
def orders() -> None:
    """Find, follow and correct orders.

    Example:
      checkout orders list --status completed --since 24h
    """


for _command in (
    orders_actions.orders_refund,
    orders_actions.orders_cancel,
    orders_actions.orders_recover,
    orders_actions.orders_erase,
    orders_actions.orders_ack,
    orders_actions.orders_note,
):
    orders.add_command(_command)


@orders.command("list")
@_filters
@limit_option
@json_option
def orders_list(limit: int, as_json: bool, **filters: Any) -> int:
    """List orders, newest first.

    STATUS is pending, processing, completed, partially_refunded, refunded, disputed, failed, expired or canceled.

    Example:
      checkout orders list --status failed --status expired --since 7d
    """
    from checkout_daemon.commands.orders_page import print_orders
    from checkout_daemon.orders.order_pages import all_orders

    options, now = OrderOptions(**filters), datetime.now(UTC)

    async def work(database: Database, settings: Settings) -> list[Order]:
        wanted = await options.read(database, now, settings.time_zone)
        return await read_pages(all_orders(database, wanted, limit=limit + (not as_json)), as_json=as_json)

    found = with_database(work)
    if as_json:
        return 0
    if found:
        print_orders(found[:limit], now)
        say_if_cut(found, limit)
    elif options:
        say("No order matches. `checkout orders list` without filters shows the newest.")
    else:
        say("No orders yet. An order appears here when a customer starts Checkout.")
    return 0


@orders.command("export")
@_filters
@click.option("--limit", type=Whole(1), help="Export at most this many orders.  [default: all]")
@click.option(
    "--format", "form", type=OneOf(("csv", "jsonl")), default="csv", show_default=True, help="Choose the format."
)
@click.option("--items", is_flag=True, help="Write a line for each item instead of each order.")
@click.option(
    "--output", type=WRITABLE_FILE, metavar="FILE", help="Write to this file, once complete.  [default: stdout]"
)
@json_option
def orders_export(limit: int | None, form: str, items: bool, output: Path | None, as_json: bool, **filters: Any) -> int:
    """Write orders as CSV or JSON Lines, newest first.

    Exports every order that matches the options. Amounts are in minor units, times in UTC. In CSV, text that a
    spreadsheet would take for a formula starts with an apostrophe. Only you can read FILE. --json is --format jsonl.

    Example:
      checkout orders export --status completed --since 30d > orders.csv
    """
    from checkout_daemon.commands.output import Progress
    from checkout_daemon.orders import exporting

    csv = form == "csv" and not as_json

    async def work(database: Database, settings: Settings) -> tuple[int, int]:
        wanted = await OrderOptions(**filters).read(database, datetime.now(UTC), settings.time_zone)
        orders = rows = 0
        progress = Progress("Orders", shown=output is not None or not sys.stdout.isatty())
        with _opened(output) as file, progress:
            # Written together with the first page: if the database does not answer, nothing is written.
            head = exporting.csv_header(items=items) if csv else ""
            # Page by page, so that a million orders take no more memory than a page.
            async for page in exporting.export_orders(database, wanted, limit=limit, items=items):
                lines = exporting.csv_lines(page.rows) if csv else exporting.json_lines(page.rows)
                file.write(head + lines)
                head = ""
                orders += page.orders
                rows += len(page.rows)
                progress.step(page.orders)
            file.write(head)
        return orders, rows

    exported, rows = with_database(work)
    if output is not None:
        say(counted(exported, "order") + (f", {counted(rows, 'item')}" if items else "") + f" in {output}.")
    return 0


@contextmanager
def _opened(output: Path | None) -> Iterator[TextIO]:
    """Open the output. A file appears under its name only once it is complete, so that nobody reads half of it."""
    import os

    from checkout_daemon.private_files import publish

    if output is None:
        yield sys.stdout
        sys.stdout.flush()
        return
    if output.exists() and not output.is_file():
        raise click.FileError(str(output), "it exists and is not a file")
    try:
        with publish(output, replace=True) as new, os.fdopen(os.dup(new), "w", encoding="utf-8") as file:
            yield file
    except OSError as error:
        raise click.FileError(str(output), error.strerror) from error


@orders.command("show")
@order_argument()
@json_option
def orders_show(order: str, as_json: bool) -> int:
    """Show everything about one order.

    ORDER is a number, an id or its beginning, a cs_…, pi_… or ch_… id from Stripe, or the customer's email.

    Example:
      checkout orders show 1001
    """
    from checkout_daemon.commands.orders_page import print_order, view_object
    from checkout_daemon.orders.history import read_history
    from checkout_daemon.orders.order_pages import show_order

    async def work(database: Database, settings: Settings) -> tuple[OrderView, tuple[ActionLine, ...], Settings]:
        view = await show_order(database, order)
        # The JSON of an order has no key for them.
        actions = () if as_json else tuple((await read_history(database, view.order.id)).actions)
        return view, actions, settings

    view, actions, settings = with_database(work)
    if as_json:
        print_json(view_object(view))
    else:
        print_order(view, actions, settings.time_zone)
    return 0


@orders.command("explain")
@order_argument()
@json_option
def orders_explain(order: str, as_json: bool) -> int:
    """Explain why an order has its status.

    Also what happens next, and which command corrects it. Uses only data of this database; does not ask Stripe.

    Example:
      checkout orders explain 1001
    """
    from checkout_daemon.commands.orders_page import print_explanation
    from checkout_daemon.orders.explaining import explain_order

    explanation = with_database(lambda database, settings: explain_order(database, order, settings.time_zone))
    if as_json:
        print_json(explanation)
    else:
        print_explanation(explanation)
    return 0


@orders.command("watch")
@since_option
@json_option
def orders_watch(since: str | None, as_json: bool) -> int:
    """Follow changes of orders, until Ctrl-C.

    Prints each change exactly once, even if the database restarts.

    Example:
      checkout orders watch --since 1h --json
    """
    from contextlib import aclosing

    from checkout_daemon.commands.orders_page import change_line, change_object
    from checkout_daemon.commands.output import say_trouble
    from checkout_daemon.ledger.watching import follow_changes

    async def work(_: Database, settings: Settings) -> None:
        batches = follow_changes(
            database_address(settings, direct=True),
            since=read_time(since, "--since", settings.time_zone),
            on_trouble=say_trouble,
            on_ready=lambda: say("Watching orders. Press Ctrl-C to stop."),
        )
        async with aclosing(batches):
            async for batch in batches:
                if as_json:
                    print_json_lines(map(change_object, batch))
                else:
                    for change in batch:
                        answer(change_line(change, settings.time_zone, f"{change.number}  "))

    with_database(work, direct=True)
    return 0
