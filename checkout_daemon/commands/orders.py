"""`checkout orders`: find, show, follow and export orders. The commands that change one are in orders_actions."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from checkout_daemon.commands import orders_actions, orders_caring, orders_correct, orders_ship
from checkout_daemon.commands.base import CommandGroup
from checkout_daemon.commands.completers import complete_numbers
from checkout_daemon.commands.files import opened_output
from checkout_daemon.commands.lists import format_options, printer_of
from checkout_daemon.commands.options import (
    after_option,
    force_option,
    json_option,
    limit_option,
    order_argument,
    output_option,
    read_moment,
    read_time,
    since_option,
)
from checkout_daemon.commands.orders_options import NEWEST_SEARCHED, OrderOptions, SortName, order_filters
from checkout_daemon.commands.output import (
    answer,
    for_stdout,
    print_json,
    print_json_lines,
    say,
)
from checkout_daemon.commands.running import database_address, with_database, with_reads
from checkout_daemon.commands.several import Selection, from_file_option
from checkout_daemon.commands.typed import TERM, OneOf, Whole
from checkout_daemon.model.order_rows import NEWEST_FIRST, SORTS, Part, read_sort
from checkout_daemon.present.text import counted

if TYPE_CHECKING:
    from checkout_daemon.database.pool import Database
    from checkout_daemon.database.reading import Reads
    from checkout_daemon.orders.caring import Care
    from checkout_daemon.orders.history import ActionLine
    from checkout_daemon.orders.order_lists import OrderView
    from checkout_daemon.orders.time_machine import OrderThen
    from checkout_daemon.settings import Settings

    Shown = tuple[OrderView, tuple[ActionLine, ...], Care | None, OrderThen | None]

_filters = order_filters(order=True)


@click.group(cls=CommandGroup)
def orders() -> None:
    """Find, follow and correct orders.

    Example:
      checkout orders list --status completed --since 24h
    """


for _command in (
    orders_actions.orders_refund,
    orders_ship.orders_ship,
    orders_actions.orders_cancel,
    orders_correct.orders_correct,
    orders_actions.orders_recover,
    orders_actions.orders_erase,
    orders_actions.orders_ack,
    orders_actions.orders_note,
    orders_caring.orders_assign,
    orders_caring.orders_unassign,
    orders_caring.orders_snooze,
    orders_caring.orders_unsnooze,
):
    orders.add_command(_command)


@orders.command("list")
@_filters
@click.option(
    "--sort",
    type=SortName(),
    metavar="COLUMN",
    help=f"Sort by {', '.join(SORTS)}, or by a column's name; with a - in front, the greatest first. Of a long list the"
    " newest 5,000 are sorted.  [default: -created]",
)
@limit_option
@after_option
@format_options
def orders_list(sort: str | None, limit: int, after: str | None, **options: Any) -> int:
    """List orders, newest first.

    STATUS is pending, processing, completed, partially_refunded, refunded, disputed, failed, expired or canceled.

    --filter takes terms, all of which an order meets: key:value, where a,b is any of these and -key:value leaves
    out, and words to search for. The keys are status, attention (or any, none), amount and refunded (50, >49.90,
    20..30), currency, email (or @example.com), name, phone, sku and discount (* is any text), since, until, shipped
    (yes, no), is (test, live), imported (yes, no), and of one attempt to pay: last4, brand, decline, method, funding,
    country, wallet, network, risk.

    Example:
      checkout orders list --status failed --status expired --since 7d
      checkout orders list --filter 'amount:>50 sku:TEE-* since:monday muller'
      checkout orders list --sort -amount --since "last week"
      checkout orders list --columns order,total,customer_email --format csv
    """
    from checkout_daemon.commands.orders_page import orders_listing
    from checkout_daemon.orders.lookup import find_order
    from checkout_daemon.orders.sorted_orders import OrderList
    from checkout_daemon.present.order_columns import COLUMNS, masked_row, parts_of

    now = datetime.now(UTC)
    order_of_rows = NEWEST_FIRST if sort is None else read_sort(sort) or NEWEST_FIRST
    printer = printer_of(orders_listing(now), options)
    filters = OrderOptions(**options)
    names = {column.name for column in printer.columns}
    parts = {Part.CHARGE} | parts_of(column for name, column in COLUMNS.items() if name in names)

    async def work(database: Reads, settings: Settings) -> OrderList:
        printer.zone, printer.mask = settings.time_zone, masked_row if settings.mask else None
        wanted = await filters.read(database, now, settings.time_zone)
        listed = OrderList(database, wanted, order_of_rows, parts)
        last = None if after is None else (await find_order(database, after)).id
        await printer.print_pages(listed.pages(limit + printer.sample, after=last), limit)
        return listed

    listed = with_reads(work)
    found = printer.end()
    printer.say_if_cut(limit, "newest" if order_of_rows == NEWEST_FIRST else "first")
    whole = listed.extent.whole
    if not whole:
        say(NEWEST_SEARCHED)
    if listed.cut is not None and not printer.silent:
        say(f"Sorted {listed.cut}: narrow the list, with --since and --until for example, to sort all of it.")
    if found or printer.silent or not whole:
        return 0
    if filters or after:
        say("No order matches. `checkout orders list` without filters shows the newest.")
    else:
        say("No orders yet. An order appears here when a customer starts Checkout.")
    return 0


@orders.command("export")
@click.argument("named", type=TERM, nargs=-1, metavar="[ORDER]...", shell_complete=complete_numbers)
@from_file_option
@_filters
@click.option("--limit", type=Whole(1), help="Export at most this many orders.  [default: all]")
@click.option(
    "--format", "form", type=OneOf(("csv", "jsonl")), default="csv", show_default=True, help="Choose the format."
)
@click.option("--items", is_flag=True, help="Write a line for each item instead of each order.")
@output_option
@force_option
@json_option
def orders_export(
    named: tuple[str, ...],
    from_file: Path | None,
    limit: int | None,
    form: str,
    items: bool,
    output: Path | None,
    force: bool,
    as_json: bool,
    **filters: Any,
) -> int:
    """Write orders as CSV or JSON Lines, newest first.

    Exports the named orders, in this sequence, or else every order that matches the options. Amounts are in minor
    units, times in UTC. In CSV, text that a spreadsheet would take for a formula starts with an apostrophe. Only you
    can read FILE. --json is --format jsonl.

    Example:
      checkout orders export --status completed --since 30d > orders.csv
      checkout orders export 1001 1002 --items --output two.csv
    """
    from checkout_daemon.commands.output import Progress
    from checkout_daemon.orders import exporting
    from checkout_daemon.orders.order_filter import Extent

    extent = Extent(thorough=True)
    csv = form == "csv" and not as_json
    selection = Selection.of(named, from_file, filters)
    chosen = bool(named) or from_file is not None
    if (named and from_file is not None) or (chosen and (selection.filters or limit is not None)):
        raise click.UsageError("name ORDERs, read them with --from-file, or filter them with options: one of these")

    async def work(database: Reads, settings: Settings) -> tuple[int, int]:
        if chosen:
            found = [order for order, _ in await selection.read(database, settings)]
            pages = exporting.export_these(database, found, items=items, selling=settings.shop.is_selling)
        else:
            wanted = await selection.filters.read(database, datetime.now(UTC), settings.time_zone)
            pages = exporting.export_orders(
                database, wanted, limit=limit, items=items, extent=extent, selling=settings.shop.is_selling
            )
        orders = rows = 0
        progress = Progress("Orders", shown=output is not None or not sys.stdout.isatty())
        with opened_output(output, force=force) as file, progress:
            # Written together with the first page: if the database does not answer, nothing is written.
            head = exporting.csv_header(items=items, selling=settings.shop.is_selling) if csv else ""
            # Page by page, so that a million orders take no more memory than a page.
            async for page in pages:
                lines = exporting.csv_lines(page.rows) if csv else exporting.json_lines(page.rows)
                file.write(for_stdout(head + lines) if output is None else head + lines)
                head = ""
                orders += page.orders
                rows += len(page.rows)
                progress.step(page.orders)
            file.write(head)
        return orders, rows

    exported, rows = with_reads(work)
    if not extent.whole:
        say(NEWEST_SEARCHED)
    if output is not None:
        say(counted(exported, "order") + (f", {counted(rows, 'item')}" if items else "") + f" in {output}.")
    return 0


@orders.command("show")
@order_argument()
@click.option(
    "--at",
    type=TERM,
    metavar="WHEN",
    help="Show it as of a time: 10:02, 30m, 24h or 7d ago, a date, or an RFC 3339 time.",
)
@json_option
def orders_show(order: str, at: str | None, as_json: bool) -> int:
    """Show everything about one order.

    ORDER is a number, an id or its beginning, a cs_…, pi_… or ch_… id from Stripe, or the customer's email. With --at,
    the status is that of the change log, and the rest is what the events that had arrived then report. An object that
    changed since has the status `unknown` if the events are not stored any more.

    Example:
      checkout orders show 1001
      checkout orders show 1001 --at 10:02
    """
    from checkout_daemon.commands.orders_page import masked_view, print_order, then_object, view_object
    from checkout_daemon.orders.caring import read_care
    from checkout_daemon.orders.history import read_history
    from checkout_daemon.orders.order_pages import show_order
    from checkout_daemon.orders.time_machine import show_order_at

    async def work(database: Database, settings: Settings) -> tuple[Shown, Settings]:
        then: OrderThen | None = None
        if at is not None:
            moment = read_moment(at, "--at", settings.time_zone)
            if moment > datetime.now(UTC):
                raise click.UsageError(f"--at {at} is still to come: name a time that has passed")
            then = await show_order_at(database, order, moment)
        view = await show_order(database, order) if then is None else then.view
        care = await read_care(database, view.order.id) if then is None else None
        # The JSON of an order has no key for them.
        actions = () if as_json else tuple((await read_history(database, view.order.id)).actions)
        if then is not None:
            actions = tuple(action for action in actions if action.at <= then.at)
        return (view, actions, care, then), settings

    (view, actions, care, then), settings = with_database(work)
    if as_json:
        more = {} if care is None else {"owner": care.owner, "snoozed_until": care.snoozed_until}
        print_json(view_object(view) | more | ({} if then is None else then_object(then)))
    else:
        shown = masked_view(view) if settings.mask else view
        print_order(shown, actions, care, settings.time_zone, then=then)
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

    explanation = with_database(
        lambda database, settings: explain_order(database, order, settings.time_zone, settings.stripe_api_base)
    )
    if as_json:
        print_json(explanation)
    else:
        print_explanation(explanation)
    return 0


@orders.command("watch")
@order_filters(order=True, live=True)
@since_option
@json_option
def orders_watch(since: str | None, as_json: bool, **options: Any) -> int:
    """Follow changes of orders, until Ctrl-C.

    Prints each change exactly once, even if the database restarts. --status selects changes to that status; the other
    filters select changes of orders that match now.

    Example:
      checkout orders watch --since 1h --json
      checkout orders watch --status failed --status disputed
    """
    from contextlib import aclosing

    from checkout_daemon.commands.orders_page import change_line, change_object
    from checkout_daemon.commands.output import say_trouble
    from checkout_daemon.ledger.watching import follow_changes
    from checkout_daemon.orders.order_pages import changes_that_fit

    filters = OrderOptions(since=None, until=None, **options)

    async def work(database: Database, settings: Settings) -> None:
        wanted = await filters.read(database, datetime.now(UTC), settings.time_zone)
        batches = follow_changes(
            database_address(settings, direct=True),
            since=read_time(since, "--since", settings.time_zone),
            on_trouble=say_trouble,
            on_ready=lambda: say("Watching orders. Press Ctrl-C to stop."),
        )
        async with aclosing(batches):
            async for batch in batches:
                changes = await changes_that_fit(database, batch, wanted) if filters else batch
                if as_json:
                    print_json_lines(map(change_object, changes))
                else:
                    for change in changes:
                        answer(change_line(change, settings.time_zone, f"{change.number}  "))

    with_database(work, direct=True)
    return 0
