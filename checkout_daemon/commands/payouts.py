"""`checkout payouts`: what Stripe pays out, line by line, compared with Stripe, and as books."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from checkout_daemon.commands.base import CommandGroup
from checkout_daemon.commands.files import opened_output
from checkout_daemon.commands.lists import ListColumn, ListKind, list_options, printer_of
from checkout_daemon.commands.options import (
    after_option,
    force_option,
    json_option,
    limit_option,
    order_argument,
    order_option,
    output_option,
    read_times,
    since_option,
    status_option,
    until_option,
)
from checkout_daemon.commands.output import answer, for_stdout, print_json, print_result, say
from checkout_daemon.commands.running import with_reads, with_runtime
from checkout_daemon.commands.typed import TERM, OneOf
from checkout_daemon.present.text import counted, plain, words

if TYPE_CHECKING:
    from checkout_daemon.bank.order_lines import OrderLine, Sums
    from checkout_daemon.bank.payouts import ComparedPayout, PayoutLine
    from checkout_daemon.database.reading import Reads
    from checkout_daemon.runtime import Runtime
    from checkout_daemon.settings import Settings

# As bank/payouts.py and bank/exporting.py have them
_STATUSES = ("paid", "pending", "in_transit", "canceled", "failed")
_FORMS = ("csv", "hledger", "beancount")


@click.group(cls=CommandGroup)
def payouts() -> None:
    """Follow the money from the balance at Stripe to the bank.

    Example:
      checkout payouts list
    """


def _listing(now: datetime) -> ListKind[PayoutLine]:
    from checkout_daemon.present.money import money
    from checkout_daemon.present.times import age

    columns: list[ListColumn[PayoutLine]] = [
        ListColumn("payout", "id", lambda payout: plain(payout.id)),
        ListColumn("age", "created_at", lambda payout: age(payout.created_at, now), right=True),
        ListColumn("status", "status", lambda payout: plain(words(payout.status))),
        ListColumn("amount", "amount", lambda payout: money(payout.amount, payout.currency), right=True),
        ListColumn("lines", "lines", lambda payout: str(payout.lines), right=True),
        ListColumn("agrees", "difference", _agrees),
    ]
    return ListKind(columns, _KEYS, "id", _record)


_KEYS = (
    *("id", "livemode", "amount", "currency", "status", "automatic", "reconciliation", "failure_code", "created_at"),
    *("arrives_at", "lines_read_at", "lines", "net", "difference"),
)


def _record(payout: PayoutLine) -> dict[str, Any]:
    return {name: getattr(payout, name) for name in _KEYS}


def _agrees(payout: PayoutLine) -> str:
    from checkout_daemon.present.money import money

    if payout.difference is None:
        return "not known yet" if payout.automatic else "made by hand"
    return "yes" if payout.difference == 0 else f"no, by {money(payout.difference, payout.currency)}"


@payouts.command("list")
@status_option(_STATUSES)
@order_option("Select payouts with money of this order: its number, id, …")
@since_option
@until_option
@limit_option
@after_option
@list_options
def payouts_list(
    statuses: tuple[str, ...],
    order: str | None,
    since: str | None,
    until: str | None,
    limit: int,
    after: str | None,
    **options: Any,
) -> int:
    """List payouts, newest first.

    A payout agrees if it equals the sum of its lines, to the unit.

    Example:
      checkout payouts list --since 30d
    """
    from checkout_daemon.bank.payouts import PayoutFilter, list_payouts, read_payout
    from checkout_daemon.orders.lookup import find_order

    now = datetime.now(UTC)
    printer = printer_of(_listing(now), options)

    async def work(database: Reads, settings: Settings) -> None:
        printer.zone = settings.time_zone
        start, end = read_times(since, until, settings.time_zone, now)
        holder = None if order is None else await find_order(database, order)
        place = printer.begin(None if after is None else await read_payout(database, after), after)
        found = await list_payouts(
            database,
            PayoutFilter(statuses, start, end, None if holder is None else holder.id),
            livemode=settings.livemode,
            limit=printer.to_read(limit),
            after=place,
        )
        printer.print_newest(found, limit)

    with_reads(work)
    if not printer.end() and not printer.silent:
        say(
            "No payout matches."
            if statuses or order or since or until or after
            else "No payouts yet. The daemon reads them."
        )
    printer.say_if_cut(limit)
    return 0


@payouts.command("show")
@click.argument("payout", type=TERM, metavar="PAYOUT")
@json_option
def payouts_show(payout: str, as_json: bool) -> int:
    """Show a payout and every line of it.

    Example:
      checkout payouts show po_1OfflineSandbox
    """
    from checkout_daemon.bank.payouts import lines_of, read_payout
    from checkout_daemon.present.money import money
    from checkout_daemon.present.times import local_time

    async def work(database: Reads, settings: Settings) -> None:
        found = await read_payout(database, payout)
        if as_json:
            print_json(_record(found) | {"object": "payout"})
        else:
            arrives = f"arrives {local_time(found.arrives_at, settings.time_zone)}"
            answer(f"{plain(found.id)}  {money(found.amount, found.currency)}  {plain(words(found.status))}, {arrives}")
            if found.failure_code:
                answer(f"Failed: {plain(found.failure_code)}")
        async for page in lines_of(database, payout):
            for line in page:
                _print_line(line, settings.time_zone, as_json=as_json)
        if not as_json:
            _print_sum(found)

    with_reads(work)
    return 0


def _print_line(line: OrderLine, zone: str, *, as_json: bool) -> None:
    from checkout_daemon.present.money import money
    from checkout_daemon.present.times import local_time

    if as_json:
        from msgspec import to_builtins

        print_json(to_builtins(line) | {"object": "line"})
        return
    order = f"order {line.number}" if line.number is not None else line.source_id or ""
    fee = f"fee {money(line.fee, line.currency)}" if line.fee else ""
    answer(
        f"  {local_time(line.created_at, zone)}  {plain(words(line.category)):<16} {money(line.net, line.currency):>14}"
        f"  {plain(order):<14} {fee}".rstrip()
    )


def _print_sum(payout: PayoutLine) -> None:
    from checkout_daemon.present.money import money

    sums = f"{counted(payout.lines, 'line')}, in sum {money(payout.net, payout.currency)}"
    if payout.difference is None:
        answer(f"{sums}: " + ("Stripe has not finished it." if payout.automatic else "Stripe lists no lines of it."))
    elif payout.difference:
        missing = money(payout.difference, payout.currency)
        answer(f"{sums}: {missing} is missing. `checkout payouts reconcile {payout.id}` names the lines.")
    else:
        answer(f"{sums}: it agrees.")


@payouts.command("order")
@order_argument()
@json_option
def payouts_order(order: str, as_json: bool) -> int:
    """Show what an order brought: gross, fees, refunds, net.

    Amounts are in the currency that Stripe settles in.

    Example:
      checkout payouts order 1001
    """
    from checkout_daemon.bank.order_lines import lines_of_order, sums_of
    from checkout_daemon.orders.lookup import find_order

    async def work(database: Reads, settings: Settings) -> int:
        holder = await find_order(database, order)
        lines = await lines_of_order(database, holder.id)
        sums = sums_of((line.currency, line.category, line.amount, line.fee) for line in lines)
        if as_json:
            from msgspec import to_builtins

            found = [to_builtins(known) | {"net": known.net} for known in sums]
            print_json({"order_id": holder.id, "number": holder.number, "sums": found, "lines": to_builtins(lines)})
            return 0
        if not lines:
            answer(f"Order {holder.number} has moved no money yet, or the daemon has not read it.")
            return 0
        for line in lines:
            _print_line(line, settings.time_zone, as_json=False)
        for known in sums:
            _print_sums(known)
        return 0

    return with_reads(work)


def _print_sums(sums: Sums) -> None:
    from checkout_daemon.present.money import money

    parts = {
        "Gross": sums.gross,
        "Refunds": sums.refunds,
        "Disputes": sums.disputes,
        "Other": sums.other,
        "Fees": -sums.fees,
        "Dispute fees": -sums.dispute_fees,
        "Net": sums.net,
    }
    for name, amount in parts.items():
        if amount or name in ("Gross", "Net"):
            answer(f"{name:<13}{money(amount, sums.currency):>14}")


@payouts.command("reconcile")
@click.argument("payout", type=TERM, metavar="[PAYOUT]", required=False)
@since_option
@until_option
@click.option("--apply", is_flag=True, help="Store the lines that are missing here.")
@json_option
def payouts_reconcile(payout: str | None, since: str | None, until: str | None, apply: bool, as_json: bool) -> int:
    """Compare payouts with Stripe's lines of them, to the unit.

    Compares PAYOUT, or those made in the last 90 days. Exit code 1 if one does not equal the sum of its lines.

    Example:
      checkout payouts reconcile --since 30d
      checkout payouts reconcile --apply
    """
    if payout is not None and (since or until):
        raise click.UsageError("name a PAYOUT, or select some with --since and --until: one of these")
    from checkout_daemon.audit.rights import require_acting
    from checkout_daemon.bank.payouts import PayoutFilter, compare_payouts

    async def work(runtime: Runtime) -> tuple[int, int]:
        if apply:
            await require_acting(runtime.database)
        start, end = read_times(since or "90d", until, runtime.settings.time_zone)
        compared = differing = 0
        async for found in compare_payouts(runtime, PayoutFilter((), start, end), payout, apply=apply):
            compared += 1
            differing += not found.agrees and not (found.applied and found.payout.difference == 0)
            _print_compared(found, as_json=as_json)
        return compared, differing

    compared, differing = with_runtime(work)
    if not as_json:
        agree = compared - differing
        answer(f"Compared {counted(compared, 'payout')} with Stripe: {agree} agree, {differing} differ.")
    return 1 if differing else 0


def _print_compared(found: ComparedPayout, *, as_json: bool) -> None:
    from checkout_daemon.present.money import money

    payout = found.payout
    if as_json:
        fields = {name: getattr(found, name) for name in ("listed", "listed_net", "missing", "extra", "applied")}
        print_json(_record(payout) | fields | {"agrees": found.agrees})
        return
    if found.agrees:
        return
    answer(f"{plain(payout.id)}  {money(payout.amount, payout.currency)}")
    for line in found.missing:
        answer(f"  {plain(line)} is missing here" + (", and is stored now" if found.applied else ""))
    for line in found.extra:
        answer(f"  {plain(line)} is part of it here, but not at Stripe")
    if found.listed_net != payout.amount:
        short = money(payout.amount - found.listed_net, payout.currency)
        answer(f"  {short} is missing at Stripe: its {counted(found.listed, 'line')} do not add up to the payout")
    if found.missing and not found.applied:
        answer(f"  `checkout payouts reconcile {plain(payout.id)} --apply` stores what is missing here")


@payouts.command("export")
@since_option
@until_option
@click.option("--format", "form", type=OneOf(_FORMS), default="csv", show_default=True, help="Choose the format.")
@output_option
@force_option
@json_option
def payouts_export(
    since: str | None, until: str | None, form: str, output: Path | None, force: bool, as_json: bool
) -> int:
    """Write the lines of the balance for bookkeepers.

    The oldest come first. CSV has amounts in minor units. hledger and beancount are double entry: what Stripe holds,
    what it sent to the bank, sales, refunds, disputes and fees are accounts. With --since, they open with the balance
    of that day. Only you can read FILE. --json reports how many lines FILE has.

    Example:
      checkout payouts export --format hledger --output stripe.journal
    """
    from checkout_daemon.bank.exporting import ExportForm, export_lines
    from checkout_daemon.database.records import FAR_FUTURE, LONG_AGO

    if as_json and output is None:
        raise click.UsageError("--json goes with --output FILE")

    async def work(database: Reads, settings: Settings) -> int:
        start, end = read_times(since, until, settings.time_zone)
        pages = export_lines(
            database,
            ExportForm(form),
            start or LONG_AGO,
            end or FAR_FUTURE,
            settings.time_zone,
            livemode=settings.livemode,
        )
        count, head = 0, ""
        with opened_output(output, force=force) as file:
            async for lines, text in pages:
                count += lines
                if not lines:  # written with the first page: if the database does not answer, nothing is written
                    head += text
                    continue
                file.write(for_stdout(head + text) if output is None else head + text)
                head = ""
            file.write(for_stdout(head) if output is None else head)
        return count

    count = with_reads(work)
    if output is not None:
        print_result({"lines": count, "file": str(output)}, f"{counted(count, 'line')} in {output}.", as_json=as_json)
    return 0
