"""`checkout report`: what came in and went out, by day or by what the orders have in common."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
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
    from checkout_daemon.bank.reports import By, ComparedRow
    from checkout_daemon.database.reading import Reads
    from checkout_daemon.settings import Settings

# As By in bank/reports.py has them
_DIMENSIONS = ("day", "week", "month", "currency", "method", "country", "sku", "tax", "discount", "decline")
_DAYS = 30


@click.command(cls=Command)
@click.option("--by", type=OneOf(_DIMENSIONS), default="day", show_default=True, metavar="WHAT",
              help=f"Choose the rows: {', '.join(_DIMENSIONS[:-1])} or {_DIMENSIONS[-1]}.")  # fmt: skip
@click.option("--against", type=OneOf(("previous",)), help="Compare with the time before, which is as long.")
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
    have minor units.

    Example:
      checkout report
      checkout report --by month --since 2026-01-01 --against previous
      checkout report --by country --format csv
      checkout report --by tax --since 2026-10-01 --until 2027-01-01
    """
    from checkout_daemon.bank.reports import By, ComparedRow, compare, previous, read_report
    from checkout_daemon.orders.figures import midnight

    now = datetime.now(UTC)
    wanted = By(by)
    printer = printer_of(_listing(wanted, against is not None), options)

    async def work(database: Reads, settings: Settings) -> tuple[list[ComparedRow], list[ComparedRow]]:
        zone = printer.zone = settings.time_zone
        start, end = read_times(since, until, zone, now)
        end = end or now
        start = start or midnight(min(now, end) - timedelta(days=_DAYS - 1), zone)
        if start >= end:
            raise click.UsageError(f"--until {until} is not after the start: add --since")
        found = await read_report(database, wanted, start, end, zone, livemode=settings.livemode)
        if against is None:
            return [ComparedRow(row, None) for row in found.rows], [ComparedRow(row, None) for row in found.totals]
        before = await read_report(database, wanted, *previous(start, end, zone), zone, livemode=settings.livemode)
        totals = {row.currency: row for row in before.totals}
        return compare(found, before, zone), [ComparedRow(row, totals.get(row.currency)) for row in found.totals]

    rows, totals = with_reads(work)
    printer.print_all(rows)
    found = printer.end()
    if not printer.silent and not found:
        say("Nothing was made or moved in that time. The daemon reads the balance within five minutes.")
    elif printer.form == "table" and len(rows) > len(totals):
        for total in totals:
            say(_total(wanted, total))
    return 0


def _total(by: By, total: ComparedRow) -> str:
    from checkout_daemon.present.money import money

    row = total.row
    parts = [counted(row.orders, "order")] if row.orders else []
    if by.value not in ("sku", "tax", "decline"):
        parts += [f"gross {money(row.gross, row.currency)}", f"fees {money(row.fees, row.currency)}"]
        parts.append(f"net {money(row.net, row.currency)}" + (f" ({_change(total)})" if _change(total) else ""))
    elif by.value in ("sku", "tax"):
        parts = [money(row.gross, row.currency)]
    else:
        return f"Total in {row.currency.upper()}: {counted(row.declines or 0, 'decline')}."
    if row.amount_tax is not None:
        parts.append(f"tax {money(row.amount_tax, row.currency)}")
    return f"Total in {row.currency.upper()}: {', '.join(parts)}."


_MONEY = ("gross", "refunds", "disputes", "fees", "other", "net", "payouts")
_OF_ORDERS = ("amount_shipping", "amount_tax")
_KEYS = ("key", "currency", "orders", "paid", "conversion", *_MONEY, *_OF_ORDERS, "units", "declines")
_BEFORE = ("orders", "gross", "net")


def _listing(by: By, against: bool) -> ListKind[ComparedRow]:
    def record(row: ComparedRow) -> dict[str, Any]:
        fields = {name: getattr(row.row, name) for name in _KEYS} | {"name": _name(row)}
        if against:
            fields |= {f"{name}_before": getattr(row.before, name) if row.before else 0 for name in _BEFORE}
        return fields

    def stated_column(name: str) -> ListColumn[ComparedRow]:
        from checkout_daemon.present.money import money

        def shown(row: ComparedRow) -> str:
            amount = getattr(row.row, name)
            return "" if amount is None else money(amount, row.row.currency)

        def wanted(rows: Sequence[ComparedRow]) -> bool:
            return any(getattr(row.row, name) is not None for row in rows)

        return ListColumn(name.removeprefix("amount_"), name, shown, right=True, wanted=wanted)

    def money_column(name: str, *, always: bool = False) -> ListColumn[ComparedRow]:
        from checkout_daemon.present.money import money

        def wanted(rows: Sequence[ComparedRow]) -> bool:
            return always or any(getattr(row.row, name) for row in rows)

        def shown(row: ComparedRow) -> str:
            return money(getattr(row.row, name), row.row.currency)

        return ListColumn(name, name, shown, right=True, wanted=wanted)

    def numbers(name: str) -> ListColumn[ComparedRow]:
        return ListColumn(
            name,
            name,
            lambda row: "" if getattr(row.row, name) is None else str(getattr(row.row, name)),
            right=True,
            wanted=lambda rows: any(getattr(row.row, name) is not None for row in rows),
        )

    columns: list[ListColumn[ComparedRow]] = [
        ListColumn(by.value, "key", _name),
        ListColumn(
            "currency",
            "currency",
            lambda row: row.row.currency.upper(),
            wanted=lambda rows: len({row.row.currency for row in rows}) > 1,
        ),
        numbers("declines"),
        numbers("orders"),
        ListColumn(
            "conversion",
            "conversion",
            lambda row: "" if row.row.conversion is None else f"{row.row.conversion:.0%}",
            right=True,
        ),
        numbers("units"),
        money_column("gross", always=by.value != "decline"),
        *(money_column(name) for name in _MONEY[1:5]),
        *([] if by.value == "tax" else [money_column("net", always=by.value not in ("decline", "sku"))]),
    ]
    if against:
        columns.append(ListColumn("before", "net_before", _before, right=True))
        columns.append(ListColumn("change", "change", _change, right=True, value=_share))
    columns += [money_column("payouts"), *(stated_column(name) for name in _OF_ORDERS)]
    keys = (*_KEYS, *(f"{name}_before" for name in _BEFORE)) if against else _KEYS
    return ListKind(columns, keys, "name", record)


def _name(row: ComparedRow) -> str:
    return "(none)" if row.row.key is None else plain(row.row.key)


def _before(row: ComparedRow) -> str:
    from checkout_daemon.present.money import money

    return money(row.before.net if row.before else 0, row.row.currency)


def _share(row: ComparedRow) -> float | None:
    """Return the change of the net against the time before, or None where that had none."""
    if row.before is None or row.before.net <= 0:
        return None
    return row.row.net / row.before.net - 1


def _change(row: ComparedRow) -> str:
    share = _share(row)
    return "" if share is None else f"{share:+.0%}"
