"""`checkout sessions`: list and show Checkout Sessions. The commands that change them are in sessions_actions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from checkout_daemon.commands import sessions_actions
from checkout_daemon.commands.base import CommandGroup
from checkout_daemon.commands.lists import ListColumn, ListKind, list_options, printer_of
from checkout_daemon.commands.options import (
    after_option,
    json_option,
    limit_option,
    order_argument,
    order_option,
    read_times,
    since_option,
    status_option,
    until_option,
)
from checkout_daemon.commands.output import answer, print_json_lines, say
from checkout_daemon.commands.running import with_database, with_reads
from checkout_daemon.commands.several import session_id_of
from checkout_daemon.present.text import plain, words

if TYPE_CHECKING:
    from checkout_daemon.checkout.session_lists import SessionLine
    from checkout_daemon.database.pool import Database
    from checkout_daemon.database.reading import Reads
    from checkout_daemon.settings import Settings


@click.group(cls=CommandGroup)
def sessions() -> None:
    """Manage the payment pages of orders.

    Example:
      checkout sessions resend 1001
    """


for _command in (sessions_actions.sessions_resend, sessions_actions.sessions_expire, sessions_actions.sessions_sync):
    sessions.add_command(_command)


def _mode(session: SessionLine) -> str:
    return "live" if session.livemode else "test"


def _listing(now: datetime) -> ListKind[SessionLine]:
    from dataclasses import fields

    from checkout_daemon.checkout.session_lists import SessionLine
    from checkout_daemon.commands.styles import status_text
    from checkout_daemon.present.money import money
    from checkout_daemon.present.times import age

    columns: list[ListColumn[SessionLine]] = [
        ListColumn("order", "number", lambda session: str(session.number), right=True),
        ListColumn("age", "created_at", lambda session: age(session.created_at, now), right=True),
        ListColumn("status", "status", lambda session: status_text("session", session.status)),
        ListColumn("payment", "payment_status", lambda session: status_text("payment_status", session.payment_status)),
        ListColumn("total", "amount_total", lambda session: money(session.amount_total, session.currency), right=True),
        ListColumn(
            "mode",
            "livemode",
            _mode,
            wanted=lambda sessions: len({session.livemode for session in sessions}) > 1,
        ),
        ListColumn("session", "id", lambda session: plain(session.id), ratio=1),
    ]
    return ListKind(columns, [field.name for field in fields(SessionLine)], "id")


@sessions.command("list")
@status_option(("open", "expired", "complete"))
@order_option("Select sessions of this order: its number, id, …")
@since_option
@until_option
@limit_option
@after_option
@list_options
def sessions_list(
    statuses: tuple[str, ...],
    order: str | None,
    since: str | None,
    until: str | None,
    limit: int,
    after: str | None,
    **options: Any,
) -> int:
    """List sessions, those of the newest orders first.

    WHEN is when their orders were created.

    Example:
      checkout sessions list --status open
    """
    from checkout_daemon.checkout.session_lists import SessionFilter, find_sessions
    from checkout_daemon.orders.lookup import find_order

    now = datetime.now(UTC)
    printer = printer_of(_listing(now), options)

    async def work(database: Reads, settings: Settings) -> None:
        printer.zone = settings.time_zone
        start, end = read_times(since, until, settings.time_zone, now)
        wanted = SessionFilter(
            statuses=statuses,
            order_id=None if order is None else (await find_order(database, order)).id,
            since=start,
            until=end,
        )
        begin = printer.begin(after, after)
        printer.print_newest(await find_sessions(database, wanted, limit=printer.to_read(limit), after=begin), limit)

    with_reads(work)
    if not printer.end() and not printer.silent:
        say("No session matches." if statuses or order or since or until or after else "No sessions yet.")
    printer.say_if_cut(limit)
    return 0


@sessions.command("show")
@order_argument(metavar="ORDER|cs_…")
@json_option
def sessions_show(order: str, as_json: bool) -> int:
    """Show a session, or all sessions of an order, with the link.

    Example:
      checkout sessions show 1001
    """
    from checkout_daemon.checkout.session_lists import read_sessions_of_order
    from checkout_daemon.errors import NotFound
    from checkout_daemon.orders.lookup import find_order

    async def work(database: Database, settings: Settings) -> tuple[list[SessionLine], Settings]:
        holder = await find_order(database, order)
        found = await read_sessions_of_order(database, holder.id)
        if wanted := session_id_of(order):
            found = [session for session in found if session.id == wanted]
        if not found:
            raise NotFound(
                f"order {holder.number} has no session yet: `checkout sessions resend {holder.number}` creates one"
            )
        return found, settings

    found, settings = with_database(work)
    if as_json:
        print_json_lines(found)
        return 0
    for place, session in enumerate(found):
        if place:
            answer("")
        _print_session(session, settings)
    return 0


def _print_session(session: SessionLine, settings: Settings) -> None:
    from checkout_daemon.present.money import money
    from checkout_daemon.present.times import local_time

    attempt = f"attempt {session.attempt}" if session.attempt else "not created by this daemon"
    lines = {
        "Session": session.id,
        "Order": f"{session.number}, {attempt}",
        "Status": f"{session.status}, {words(session.payment_status)}",
        "Total": money(session.amount_total, session.currency),
        "Mode": _mode(session),
        "Created": local_time(session.created_at, settings.time_zone),
        "Expires": local_time(session.expires_at, settings.time_zone),
        "Link": session.url if session.url and session.status == "open" else "",
    }
    for name, value in lines.items():
        if value:
            answer(f"{name:<9}{plain(value)}")
