"""`checkout orders list`, `show` and `watch`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import astuple
from datetime import UTC, datetime

from rich.table import Column
from rich.text import Text

from checkout_daemon.commands.order_filters import OrderOptions, order_filter
from checkout_daemon.commands.order_page import print_order
from checkout_daemon.commands.output import answer, print_json, print_json_lines, print_table, say
from checkout_daemon.commands.running import database_address, with_database
from checkout_daemon.commands.shapes import change_object, view_object
from checkout_daemon.commands.styles import attention, remark, status_text, transition
from checkout_daemon.commands.times import read_time
from checkout_daemon.commands.watching import say_trouble
from checkout_daemon.domain.money import format_money
from checkout_daemon.domain.orders import Order
from checkout_daemon.present.text import plain
from checkout_daemon.present.times import age, clock
from checkout_daemon.services.history import DeedLine, read_history
from checkout_daemon.services.reading import all_orders, show_order
from checkout_daemon.services.watching import follow_changes
from checkout_daemon.settings import Settings
from checkout_daemon.store.change_reads import ChangeLine
from checkout_daemon.store.database import Database
from checkout_daemon.store.order_reads import OrderView


def list_orders(options: OrderOptions, limit: int, *, as_json: bool) -> int:
    now = datetime.now(UTC)

    async def work(database: Database, settings: Settings) -> list[Order]:
        wanted = await order_filter(database, options, now, settings.time_zone)
        found: list[Order] = []
        # One more than asked for tells whether there are more.
        async for page in all_orders(database, wanted, limit=limit + (not as_json)):
            if as_json:
                print_json_lines(page)
            else:
                found += page
        return found

    orders = with_database(work)
    if not as_json:
        _print_orders(orders[:limit], now, filtered=any(astuple(options)))
        if len(orders) > limit:
            say(f"The newest {limit}; there are more: --limit {limit * 10}, or a filter.")
    return 0


def _print_orders(orders: list[Order], now: datetime, *, filtered: bool) -> None:
    if not orders:
        if filtered:
            say("No order fits. `checkout orders list` without filters shows the newest.")
        else:
            say("No orders yet. The first one appears here when somebody goes to Checkout.")
        return
    columns = [
        Column("order", justify="right", no_wrap=True),
        Column("age", justify="right", no_wrap=True),
        Column("status", no_wrap=True),
        Column("total", justify="right", no_wrap=True),
        Column("customer", no_wrap=True, overflow="ellipsis", ratio=3),
        Column("attention", no_wrap=True, overflow="ellipsis", ratio=2),
    ]
    if not any(order.attention for order in orders):
        columns.pop()
    print_table(columns, [_row(order, now)[: len(columns)] for order in orders])


def _row(order: Order, now: datetime) -> list[str | Text]:
    return [
        str(order.number),
        age(order.created_at, now),
        status_text("order", order.status),
        format_money(order.amount_total, order.currency),
        plain(order.customer_name) or "erased",
        attention(order.attention),
    ]


def show(text: str, *, as_json: bool) -> int:
    async def work(database: Database, settings: Settings) -> tuple[OrderView, Sequence[DeedLine], Settings]:
        view = await show_order(database, text)
        # The contract's JSON has no place for them.
        deeds = () if as_json else (await read_history(database, view.order.id)).deeds
        return view, deeds, settings

    view, deeds, settings = with_database(work)
    if as_json:
        print_json(view_object(view))
    else:
        print_order(view, deeds, settings.time_zone)
    return 0


def watch(since: str | None, *, as_json: bool) -> int:
    """Until Ctrl-C."""

    async def work(_: Database, settings: Settings) -> None:
        zone = settings.time_zone
        start = None if since is None else read_time(since, "--since", datetime.now(UTC), zone)
        changes = follow_changes(
            database_address(settings, direct=True), since=start, on_trouble=say_trouble, on_ready=_say_ready
        )
        async with aclosing(changes) as batches:
            async for batch in batches:
                if as_json:
                    print_json_lines(change_object(each) for each in batch)
                else:
                    for each in batch:
                        _print_change(each, zone)

    with_database(work, direct=True)
    return 0


def _print_change(change: ChangeLine, time_zone: str) -> None:
    answer(
        f"{clock(change.at, time_zone)}  {change.number}  {transition(change)}"
        f"  ({change.cause}, {plain(change.actor)}{remark(change)})"
    )


def _say_ready() -> None:
    say("Watching orders; Ctrl-C ends it.")
