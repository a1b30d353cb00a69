"""`checkout orders assign`, `unassign`, `snooze` and `unsnooze`: who takes care of an order, and when."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from checkout_daemon.commands.asking import confirm
from checkout_daemon.commands.base import Command
from checkout_daemon.commands.completers import complete_numbers
from checkout_daemon.commands.options import (
    dry_run_option,
    json_option,
    note_option,
    order_argument,
    quiet_option,
    read_future,
    reason_option,
    yes_option,
)
from checkout_daemon.commands.orders_options import order_filters
from checkout_daemon.commands.output import answer, print_json_lines, say, say_dry_run
from checkout_daemon.commands.running import with_database
from checkout_daemon.commands.several import Selection, from_file_option
from checkout_daemon.commands.typed import TERM
from checkout_daemon.model.todo import OF_NO_ORDER

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from checkout_daemon.database.pool import Database
    from checkout_daemon.orders.caring import Care
    from checkout_daemon.orders.item_caring import ItemCare
    from checkout_daemon.settings import Settings

    Act = Callable[[Database, Settings, str], Awaitable[Care | ItemCare]]

# What find_order reads, and the items of no order. A word of fewer than 8 letters, such as ada, is a name and no id.
_ORDER = re.compile(
    r"#?\d+|[0-9a-f-]{8,36}|(?=\D*\d)[0-9a-f-]+|(?:cs|pi|ch|pyr?|re|dp|du|issfr|evt|cus|req)_\w+|.+@.+"
    rf"|(?:{'|'.join(OF_NO_ORDER)}):.+",
    re.IGNORECASE,
)


@click.command("assign", cls=Command)
@click.argument("words", type=TERM, metavar="[ORDER]... [me|NAME]", nargs=-1, shell_complete=complete_numbers)
@from_file_option
@order_filters()
@dry_run_option
@note_option
@yes_option
@quiet_option
@json_option
def orders_assign(
    words: tuple[str, ...],
    from_file: Path | None,
    note: str,
    *,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    **filters: Any,
) -> int:
    """Give orders an owner: you, or NAME.

    What `checkout todo` lists without an order can be named instead of an ORDER, as there: event_dead:evt_1. The same
    works in unassign, snooze and unsnooze. `checkout todo`, `checkout orders show` and the terminal show the owner. If
    the last word looks like an ORDER, it is taken as one.

    Example:
      checkout orders assign 1001 1002 anna
      checkout orders assign --attention anna
    """
    from checkout_daemon.audit.operators import this_operator
    from checkout_daemon.orders.caring import assign, check_name
    from checkout_daemon.orders.item_caring import assign_item

    broad = Selection.of((), from_file, dict(filters)).is_broad
    named = bool(words) and (broad or len(words) > 1) and not _ORDER.fullmatch(words[-1])
    orders, owner = (words[:-1], words[-1]) if named else (words, "me")
    selection = Selection.of(orders, from_file, filters)

    def taker() -> str:  # who runs this may be known by another name than the system's, once they are recognized
        return check_name(this_operator().name if owner == "me" else owner)

    def one(database: Database, _: Settings, order_id: str) -> Awaitable[Care]:
        return assign(database, order_id, taker(), operator=this_operator(), note=note)

    def item(database: Database, settings: Settings, name: str) -> Awaitable[ItemCare]:
        return assign_item(database, settings, name, taker(), operator=this_operator(), note=note)

    def line(care: Care | ItemCare, _: str) -> str:
        return f"{_what(care)}: {care.owner} takes care of it."

    def question(those: str) -> str:
        return f"Give {those} to {taker()}?"

    def would() -> dict[str, Any]:
        return {"owner": taker()}

    return _each(
        selection, one, item, line, question=question, yes=yes, as_json=as_json, would=would if dry_run else None
    )


@click.command("unassign", cls=Command)
@click.argument("orders", type=TERM, metavar="[ORDER]...", nargs=-1, shell_complete=complete_numbers)
@from_file_option
@order_filters()
@dry_run_option
@note_option
@yes_option
@quiet_option
@json_option
def orders_unassign(
    orders: tuple[str, ...],
    from_file: Path | None,
    note: str,
    *,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    **filters: Any,
) -> int:
    """Take the owner from orders.

    Example:
      checkout orders unassign 1001
    """
    from checkout_daemon.audit.operators import this_operator
    from checkout_daemon.orders.caring import assign
    from checkout_daemon.orders.item_caring import assign_item

    def one(database: Database, _: Settings, order_id: str) -> Awaitable[Care]:
        return assign(database, order_id, None, operator=this_operator(), note=note)

    def item(database: Database, settings: Settings, name: str) -> Awaitable[ItemCare]:
        return assign_item(database, settings, name, None, operator=this_operator(), note=note)

    def line(care: Care | ItemCare, _: str) -> str:
        return f"{_what(care)} has no owner now."

    selection = Selection.of(orders, from_file, filters)

    def would() -> dict[str, Any]:
        return {"owner": None}

    return _each(
        selection,
        one,
        item,
        line,
        question="Take the owner from {}?".format,
        yes=yes,
        as_json=as_json,
        would=would if dry_run else None,
    )


@click.command("snooze", cls=Command)
@order_argument()
@click.argument("until", type=TERM, metavar="WHEN")
@reason_option
@quiet_option
@json_option
def orders_snooze(order: str, until: str, note: str, as_json: bool) -> int:
    """Leave what an order needs out of `checkout todo` until WHEN.

    WHEN is a span from now (36h, 2d, 1w), tomorrow, a weekday (the next one), a date, or an RFC 3339 time. Whatever the
    order needs in addition meanwhile is shown. Refused beyond the deadline of a dispute.

    Example:
      checkout orders snooze 1001 2d --note "the carrier answers on Friday"
    """
    from checkout_daemon.audit.operators import this_operator
    from checkout_daemon.orders.caring import snooze
    from checkout_daemon.orders.item_caring import snooze_item

    def one(database: Database, settings: Settings, order_id: str) -> Awaitable[Care]:
        time = read_future(until, "WHEN", settings.time_zone)
        return snooze(database, settings, order_id, time, operator=this_operator(), note=note)

    def item(database: Database, settings: Settings, name: str) -> Awaitable[ItemCare]:
        time = read_future(until, "WHEN", settings.time_zone)
        return snooze_item(database, settings, name, time, operator=this_operator(), note=note)

    return _each(_only(order), one, item, _until, as_json=as_json)


@click.command("unsnooze", cls=Command)
@click.argument("orders", type=TERM, metavar="ORDER...", nargs=-1, required=True, shell_complete=complete_numbers)
@note_option
@quiet_option
@json_option
def orders_unsnooze(orders: tuple[str, ...], note: str, as_json: bool) -> int:
    """Show what orders need in `checkout todo` again.

    Example:
      checkout orders unsnooze 1001
    """
    from checkout_daemon.audit.operators import this_operator
    from checkout_daemon.orders.caring import unsnooze
    from checkout_daemon.orders.item_caring import unsnooze_item

    def one(database: Database, _: Settings, order_id: str) -> Awaitable[Care]:
        return unsnooze(database, order_id, operator=this_operator(), note=note)

    def item(database: Database, settings: Settings, name: str) -> Awaitable[ItemCare]:
        return unsnooze_item(database, settings, name, operator=this_operator(), note=note)

    return _each(_only(*orders), one, item, lambda care, _: f"{_what(care)} is snoozed no more.", as_json=as_json)


def _what(care: Care | ItemCare) -> str:
    number: int | None = getattr(care, "number", None)
    return getattr(care, "item", "") if number is None else f"Order {number}"


def _until(care: Care | ItemCare, time_zone: str) -> str:
    from checkout_daemon.present.times import local_time

    return f"{_what(care)} is snoozed until {local_time(care.snoozed_until, time_zone)}."


def _only(*orders: str) -> Selection:
    return Selection.of(orders, None, {})


def _each(
    selection: Selection,
    one: Act,
    item: Act,
    words: Callable[[Care | ItemCare, str], str],
    *,
    as_json: bool,
    question: Callable[[str], str] = str,
    yes: bool = False,
    would: Callable[[], dict[str, Any]] | None = None,
) -> int:
    """Act on each order or item, after all orders have been found, and print the results.

    Ask first, with the number of orders and their money, if a file or filters select them. `words` returns the line of
    a result, with times of a time zone. `would`: what a dry run prints besides the orders and items that would change.
    """
    if selection.ways != 1:
        either = "name ORDERs, or select them with --from-file or with filters such as --attention"
        raise click.UsageError(f"{either}, not both" if selection.ways else either)

    def ask(those: str) -> None:
        if would is None:
            confirm(question(those), yes=yes)

    async def work(database: Database, settings: Settings) -> tuple[list[Care | ItemCare], str]:
        found = await _find_all(database, settings, selection, ask)
        if would is not None:
            named = [await _called(database, settings, name, is_item=is_item) for name, is_item in found.items()]
            say_dry_run({"changes": named} | would(), as_json=as_json)
            return [], settings.time_zone
        done = [await (item if is_item else one)(database, settings, name) for name, is_item in found.items()]
        return done, settings.time_zone

    done, zone = with_database(work)
    if as_json:
        print_json_lines(done)
    elif done:
        answer("\n".join(words(care, zone) for care in done))
    return 0


async def _find_all(
    database: Database, settings: Settings, selection: Selection, ask: Callable[[str], None]
) -> dict[str, bool]:
    """Return the ids of the orders and the names of the items, each with whether it is an item of no order.

    Ask about the orders that a file or filters select.
    """
    from checkout_daemon.orders.item_caring import is_item
    from checkout_daemon.orders.lookup import find_order
    from checkout_daemon.present.money import extent

    if not selection.is_broad:
        return {
            text if is_item(text) else (await find_order(database, text)).id: is_item(text) for text in selection.named
        }
    orders = {order.id: order for order, _ in await selection.read(database, settings)}
    if orders:
        ask(extent((order.amount_total, order.currency) for order in orders.values()))
    else:
        say("No order matches: nothing was changed.")
    return dict.fromkeys(orders, False)


async def _called(database: Database, settings: Settings, name: str, *, is_item: bool) -> str:
    """Return what lists call an order or an item."""
    from checkout_daemon.orders.item_caring import find_item
    from checkout_daemon.orders.lookup import find_order

    if is_item:
        return (await find_item(database, settings, name)).key
    return str((await find_order(database, name)).number)
