"""`checkout report`: what came in and went out, by day or by what the orders have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from checkout_daemon.commands.base import Command
from checkout_daemon.commands.lists import ListColumn, ListKind, list_options, printer_of
from checkout_daemon.commands.options import read_times, since_option, until_option
from checkout_daemon.commands.output import say
from checkout_daemon.commands.running import with_reads
from checkout_daemon.commands.typed import OneOf
from checkout_daemon.present.text import counted, plain

if TYPE_CHECKING:
    from checkout_daemon.bank.report_rows import By, ComparedRow, Report
    from checkout_daemon.database.reading import Reads
    from checkout_daemon.settings import Settings

# As By in bank/reports.py has them
_DIMENSIONS = ("day", "week", "month", "currency", "method", "country", "sku", "tax", "discount", "decline")
_AGAINST = ("previous", "week", "month", "year")
_DAYS = 30


@click.command(cls=Command)
@click.option("--by", type=OneOf(_DIMENSIONS), default="day", show_default=True, metavar="WHAT",
              help=f"Choose the rows: {', '.join(_DIMENSIONS[:-1])} or {_DIMENSIONS[-1]}.")  # fmt: skip
@click.option(
    "--against",
    type=OneOf(_AGAINST),
    help="Compare with the time before, or with the same days a week, month or year earlier.",
)
@since_option
@until_option
@list_options
def report(by: str, against: str | None, since: str | None, until: str | None, **options: Any) -> int:
    """Report orders, conversion, and money in and out.

    Money is that of Stripe's balance: it counts on the day it moved, in the currency that Stripe settles in, and a
    refund on the day of the refund. Orders count on the day they were made; conversion is the share that was paid.
    amount_tax and amount_shipping are those of the paid orders; refunds do not change them. net = gross + refunds +
    disputes + other - fees. By sku, tax and decline, amounts are those of orders. The rows of --by tax are rate and
    class, after the country that the order is sent to. Without --since: the last 30 days, today included. JSON and CSV
    have minor units. as_of: until when the balance has been read.

    --against previous compares with the time before, which is as long: for whole days, weeks or months. --against week
    is for a time that has not ended, such as --since monday. Every amount and count then has the columns NAME-before
    and NAME-change; the table shows those of the net, and below it all of the totals.

    Example:
      checkout report
      checkout report --by month --since 2026-01-01 --against previous
      checkout report --since monday --against week
      checkout report --by method --against previous --columns fees,fees-change
      checkout report --by country --format csv
      checkout report --by tax --since 2026-10-01 --until 2027-01-01
    """
    from checkout_daemon.bank.report_rows import By, ComparedRow, columns_of
    from checkout_daemon.bank.reports import Against, compare, compare_totals, earlier, read_report
    from checkout_daemon.orders.figures import begin_of_days
    from checkout_daemon.present.reports import as_of_text

    now = datetime.now(UTC)
    wanted, as_of = By(by), _AsOf()
    printer = printer_of(_listing(wanted, against is not None, as_of), options)

    async def work(database: Reads, settings: Settings) -> tuple[list[ComparedRow], list[ComparedRow], Report]:
        zone = printer.zone = settings.time_zone
        start, end = read_times(since, until, zone, now)
        end = end or now
        start = start or begin_of_days(_DAYS, min(now, end), zone)
        if start >= end:
            ahead = f"--since {since} is not in the past: nothing is between it and now"
            raise click.UsageError(f"--until {until} is not after the start: add --since" if until else ahead)
        found = await read_report(database, wanted, start, end, zone, livemode=settings.livemode)
        if against is None:
            return (
                [ComparedRow(row, None) for row in found.rows],
                [ComparedRow(row, None) for row in found.totals],
                found,
            )
        then = earlier(Against(against), start, end, zone)
        before = await read_report(database, wanted, *then, zone, livemode=settings.livemode)
        return compare(found, before, zone), compare_totals(found, before), found

    rows, totals, found = with_reads(work)
    as_of.until = found.balance_until
    printer.print_all(rows)
    if not printer.end() and not printer.silent:
        say("Nothing was made or moved in that time. The daemon reads the balance within five minutes.")
    elif printer.form == "table":
        if against is not None:
            for total in totals:
                for line in _compared(total, columns_of(wanted)):
                    say(line)
        elif len(rows) > len(totals):
            for total in totals:
                say(_total(wanted, total))
        if line := as_of_text(found, printer.zone):
            say(line)
    return 0


@dataclass(slots=True)
class _AsOf:
    """Until when the balance has been read, once the report is."""

    until: datetime | None = None


_ALWAYS = ("gross", "fees", "net")  # the parts of the last line that are shown even if they are 0


def _total(by: By, total: ComparedRow) -> str:
    from checkout_daemon.present.money import money

    row = total.row
    parts = [counted(row.orders, "order")] if row.orders else []
    if by.is_of_balance:
        names = ("gross", "refunds", "disputes", "other", "fees", "net")
        sums = {name: getattr(row, name) for name in names}
        parts += [f"{name} {money(amount, row.currency)}" for name, amount in sums.items() if amount or name in _ALWAYS]
    elif by.value in ("sku", "tax"):
        parts = [money(row.gross, row.currency)]
    else:
        return f"Total in {row.currency.upper()}: {counted(row.declines or 0, 'decline')}."
    if row.amount_tax is not None:
        parts.append(f"tax {money(row.amount_tax, row.currency)}")
    return f"Total in {row.currency.upper()}: {', '.join(parts)}."


def _compared(total: ComparedRow, columns: Sequence[str]) -> Iterator[str]:
    """Yield the lines of a total, one for each amount and count, with what it was and the change."""
    from checkout_daemon.present.reports import change_of, value_of

    yield f"Total in {total.row.currency.upper()}{'now':>17}{'before':>16}{'change':>9}"
    for name in columns:
        now, was = getattr(total.row, name), total.was(name)
        if now or was or name == "orders":
            shown = "".join(f"{value_of(name, value, total.row.currency):>16}" for value in (now, was))
            yield f"  {name.removeprefix('amount_'):<12}{shown}{change_of(total, name):>9}".rstrip()


def _listing(by: By, against: bool, as_of: _AsOf) -> ListKind[ComparedRow]:
    from checkout_daemon.bank.report_rows import COLUMNS, MONEY, OF_ORDERS
    from checkout_daemon.present.reports import change_of, value_of

    base = ("key", "currency", *COLUMNS)

    def record(row: ComparedRow) -> dict[str, Any]:
        fields = {name: getattr(row.row, name) for name in base} | {"name": _name(row)}
        if against:
            fields |= {f"{name}_before": row.was(name) for name in COLUMNS}
        return fields | {"as_of": as_of.until if by.is_of_balance else None}

    def cell(name: str) -> Callable[[ComparedRow], str]:
        return lambda row: value_of(name, getattr(row.row, name), row.row.currency)

    def comparing(name: str) -> tuple[ListColumn[ComparedRow], ...]:
        return (
            ListColumn(
                f"{name.removeprefix('amount_')}-before",
                f"{name}_before",
                lambda row: value_of(name, row.was(name), row.row.currency),
                right=True,
            ),
            ListColumn(
                f"{name.removeprefix('amount_')}-change",
                f"{name}_change",
                lambda row: change_of(row, name),
                right=True,
                value=lambda row: row.change(name),
            ),
        )

    def stated_column(name: str) -> ListColumn[ComparedRow]:
        def wanted(rows: Sequence[ComparedRow]) -> bool:
            return any(getattr(row.row, name) is not None for row in rows)

        return ListColumn(name.removeprefix("amount_"), name, cell(name), right=True, wanted=wanted)

    def money_column(name: str, *, always: bool = False) -> ListColumn[ComparedRow]:
        def wanted(rows: Sequence[ComparedRow]) -> bool:
            return always or any(getattr(row.row, name) or row.was(name) for row in rows)

        return ListColumn(name, name, cell(name), right=True, wanted=wanted)

    columns: list[ListColumn[ComparedRow]] = [
        ListColumn(by.value, "key", _name),
        ListColumn(
            "currency",
            "currency",
            lambda row: row.row.currency.upper(),
            wanted=lambda rows: len({row.row.currency for row in rows}) > 1,
        ),
        stated_column("declines"),
        stated_column("orders"),
        ListColumn("conversion", "conversion", cell("conversion"), right=True),
        stated_column("units"),
        money_column("gross", always=by.value != "decline"),
        *(money_column(name) for name in MONEY[1:5]),
        *([] if by.value == "tax" else [money_column("net", always=by.value not in ("decline", "sku"))]),
    ]
    compared = {name: comparing(name) for name in COLUMNS} if against else {}
    shown = {"decline": "declines", "sku": "gross", "tax": "amount_tax"}.get(by.value, "net")
    columns += compared.pop(shown, ())
    columns += [money_column("payouts"), *(stated_column(name) for name in OF_ORDERS)]
    keys = (*base, *(f"{name}_before" for name in COLUMNS)) if against else base
    more = [column for columns_of_one in compared.values() for column in columns_of_one]
    return ListKind(columns, (*keys, "as_of"), "name", record, more)


def _name(row: ComparedRow) -> str:
    return "(none)" if row.row.key is None else plain(row.row.key)
