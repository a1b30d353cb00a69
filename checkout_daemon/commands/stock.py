"""`checkout stock`: how many pieces of products there are, and why."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click
import click.parser

from checkout_daemon.commands.base import Command, CommandGroup
from checkout_daemon.commands.lists import ListColumn, ListKind, list_options, printer_of
from checkout_daemon.commands.options import json_option, limit_option, quiet_option, stock_note_option
from checkout_daemon.commands.output import keys, print_json, say
from checkout_daemon.commands.running import with_database, with_reads
from checkout_daemon.commands.typed import TERM
from checkout_daemon.present.text import counted, plain

if TYPE_CHECKING:
    from checkout_daemon.database.reading import Reads
    from checkout_daemon.model.stock import Movement, StockLine
    from checkout_daemon.settings import Settings
    from checkout_daemon.stock.counting import StockChanged

_OFF = "off"
_NEGATIVE = re.compile(r"-\d+")


class _Numbers(Command):
    """Takes `-1` as a number. Click takes every word that begins with a dash as options."""

    def make_parser(self, ctx: click.Context) -> click.parser._OptionParser:
        """Return the parser as always, which finds a blank before such numbers."""
        parser = super().make_parser(ctx)
        parse = parser.parse_args

        def with_numbers(args: list[str]) -> Any:
            return parse([f" {word}" if _NEGATIVE.fullmatch(word) else word for word in args])

        parser.parse_args = with_numbers  # type: ignore[method-assign]
        return parser


@click.group(cls=CommandGroup)
def stock() -> None:
    """List, set and adjust how many pieces there are.

    Example:
      checkout stock list
    """


@stock.command("list")
@click.option("--all", "uncounted", is_flag=True, help="List the products that are not counted as well.")
@list_options
def stock_list(uncounted: bool, **options: Any) -> int:
    """List the stock of products, those with the least first.

    The stock is what is not sold; free is what is not reserved for an order either. Oversold: pieces that paid orders
    lack.

    Example:
      checkout stock list --json
    """
    from checkout_daemon.stock.counting import list_stock

    printer = printer_of(_lines(), options)
    printer.print_all(with_reads(lambda database, _: list_stock(database, uncounted=uncounted)))
    if not printer.end() and not printer.silent:
        say("Nothing is counted: `checkout stock set SKU N` counts a product.")
    return 0


@stock.command("set", cls=_Numbers)
@click.argument("sku", type=TERM)
@click.argument("pieces", type=TERM, metavar="N")
@stock_note_option
@quiet_option
@json_option
def stock_set(sku: str, pieces: str, note: str, as_json: bool) -> int:
    """Set how many pieces of SKU are not sold.

    Give the pieces on the shelf minus those paid but not sent. Pieces reserved for unpaid orders count; N may be less
    than these. With N `off` the product is no longer counted. It works at once, also for the shop's pages.

    Example:
      checkout stock set NOTEBOOK-A5 40 --note "counted on Friday"
      checkout stock set NOTEBOOK-A5 off
    """
    from checkout_daemon.audit.operators import this_operator
    from checkout_daemon.stock.counting import set_stock

    wanted = None if pieces.lower() == _OFF else _number(pieces, "N", f"a whole number from 0, or {_OFF}")
    changed = with_database(lambda database, _: set_stock(database, sku, wanted, operator=this_operator(), note=note))
    _print_change(changed, as_json=as_json)
    return 0


@stock.command("adjust", cls=_Numbers)
@click.argument("sku", type=TERM)
@click.argument("by", type=TERM, metavar="+N|-N")
@stock_note_option
@quiet_option
@json_option
def stock_adjust(sku: str, by: str, note: str, as_json: bool) -> int:
    """Add pieces to the stock of SKU, or take some away.

    Unlike `set` it is right while orders come in. Oversold orders get what is added first, the oldest before others.

    Example:
      checkout stock adjust NOTEBOOK-A5 +20 --note "delivery 4711"
      checkout stock adjust NOTEBOOK-A5 -1 --note "broken"
    """
    from checkout_daemon.audit.operators import this_operator
    from checkout_daemon.stock.counting import adjust_stock

    more = _number(by, "+N|-N", "a whole number with its sign, such as +20 or -1")
    changed = with_database(lambda database, _: adjust_stock(database, sku, more, operator=this_operator(), note=note))
    _print_change(changed, as_json=as_json)
    return 0


@stock.command("history")
@click.argument("sku", type=TERM)
@limit_option
@list_options
def stock_history(sku: str, limit: int, **options: Any) -> int:
    """List the changes of the stock of SKU, newest first.

    Reservations are no changes: what is reserved is part of the stock until it is paid.

    Example:
      checkout stock history NOTEBOOK-A5
    """
    from checkout_daemon.stock.counting import stock_history as read_history

    printer = printer_of(_movements(datetime.now(UTC)), options)

    async def work(database: Reads, settings: Settings) -> list[Movement]:
        printer.zone = settings.time_zone
        return await read_history(database, sku, printer.to_read(limit))

    printer.print_newest(with_reads(work), limit)
    if not printer.end() and not printer.silent:
        say(f"The stock of {sku} was never changed.")
    printer.say_if_cut(limit, filtered=False)
    return 0


def _number(text: str, name: str, allowed: str) -> int:
    try:
        if text.isascii() and len(text) <= 11:
            return int(text)
    except ValueError:
        pass
    raise click.UsageError(f"{name} must be {allowed}, not {text!r}")


def _print_change(changed: StockChanged, *, as_json: bool) -> None:
    line = changed.line
    if as_json:
        print_json(_line_record(line) | {"before": changed.before, "served": list(changed.served)})
        return
    before = "not counted" if changed.before is None else str(changed.before)
    if line.stock is None:
        say(f"{line.sku} is no longer counted (before: {before}).")
        return
    say(f"{line.sku}: {line.stock} in stock (before: {before}), {line.reserved} reserved, {line.free} free.")
    if changed.served:
        numbers = ", ".join(map(str, changed.served))
        say(f"Oversold orders that have their pieces now: {numbers}.")
    if line.free is not None and line.free < 0:
        say(f"{-line.free} more are reserved than there are: once all are paid, not all can be delivered.")
    if line.oversold:
        missing = f"{counted(line.oversold, 'piece')} of paid orders missing"
        say(f"{missing}: `checkout orders list --filter attention:oversold`.")


def _lines() -> ListKind[StockLine]:
    columns: list[ListColumn[StockLine]] = [
        ListColumn("sku", "sku", lambda line: line.sku),
        ListColumn("name", "name", lambda line: plain(line.name), ratio=1),
        ListColumn("stock", "stock", lambda line: _shown(line.stock), right=True),
        ListColumn("reserved", "reserved", lambda line: str(line.reserved), right=True),
        ListColumn("free", "free", lambda line: _shown(line.free), right=True),
        ListColumn("oversold", "oversold", lambda line: str(line.oversold) if line.oversold else "", right=True),
    ]
    return ListKind(columns, [*_KEYS], "sku", _line_record)


def _movements(now: datetime) -> ListKind[Movement]:
    from checkout_daemon.present.times import age

    columns: list[ListColumn[Movement]] = [
        ListColumn("age", "at", lambda movement: age(movement.at, now), right=True),
        ListColumn("what", "kind", lambda movement: movement.kind),
        ListColumn("change", "change", lambda movement: f"{movement.change:+d}", right=True),
        ListColumn(
            "stock",
            "stock",
            lambda movement: "not counted" if movement.stock is None else str(movement.stock),
            right=True,
        ),
        ListColumn("order", "order_number", lambda movement: _shown(movement.order_number), right=True),
        ListColumn("by", "actor", lambda movement: plain(movement.actor)),
        ListColumn("note", "note", lambda movement: plain(movement.note), ratio=1),
    ]
    return ListKind(columns, [*_MOVEMENT_KEYS], "seq", keys)


_KEYS = ("sku", "name", "stock", "reserved", "free", "oversold")
_MOVEMENT_KEYS = ("seq", "at", "kind", "change", "stock", "order_number", "actor", "note")


def _shown(number: int | None) -> str:
    return "" if number is None else str(number)


def _line_record(line: StockLine) -> dict[str, Any]:
    fields = keys(line)
    return {name: fields[name] for name in _KEYS}
