"""`checkout sessions`: list and show Checkout Sessions. The commands that change them are in sessions_actions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from checkout_daemon.commands import sessions_actions
from checkout_daemon.commands.base import CommandGroup
from checkout_daemon.commands.options import (
    json_option,
    limit_option,
    order_argument,
    read_time,
    since_option,
    status_option,
)
from checkout_daemon.commands.output import answer, print_json_lines, print_table, say, say_if_cut
from checkout_daemon.commands.running import with_database
from checkout_daemon.present.text import plain, words

if TYPE_CHECKING:
    from rich.text import Text

    from checkout_daemon.checkout.session_lists import SessionLine
    from checkout_daemon.database.pool import Database
    from checkout_daemon.settings import Settings


@click.group(cls=CommandGroup)
def sessions() -> None:
    """Manage the payment pages of orders.

    Example:
      checkout sessions resend 1001
    """


for _command in (sessions_actions.sessions_resend, sessions_actions.sessions_expire, sessions_actions.sessions_sync):
    sessions.add_command(_command)


@sessions.command("list")
@status_option(("open", "expired", "complete"))
@since_option
@limit_option
@json_option
def sessions_list(statuses: tuple[str, ...], since: str | None, limit: int, as_json: bool) -> int:
    """List sessions, those of the newest orders first.

    Example:
      checkout sessions list --status open
    """
    from checkout_daemon.checkout.session_lists import list_sessions
    from checkout_daemon.commands.styles import status_text
    from checkout_daemon.present.money import money
    from checkout_daemon.present.times import age

    now = datetime.now(UTC)

    async def work(database: Database, settings: Settings) -> list[SessionLine]:
        start = read_time(since, "--since", settings.time_zone, now)
        async with database.connection() as connection:
            return await list_sessions(connection, statuses=statuses, since=start, limit=limit + (not as_json))

    found = with_database(work)
    if as_json:
        print_json_lines(found)
        return 0
    if not found:
        say("No session matches." if statuses or since else "No sessions yet.")
        return 0
    headings = ["order", "age", "status", "payment", "total", "session"]
    rows: list[list[str | Text]] = [
        [
            str(session.number),
            age(session.created_at, now),
            status_text("session", session.status),
            status_text("payment_status", session.payment_status),
            money(session.amount_total, session.currency),
            plain(session.id),
        ]
        for session in found[:limit]
    ]
    print_table(headings, rows, right={"order", "age", "total"}, flexible={"session": 1})
    say_if_cut(found, limit)
    return 0


@sessions.command("show")
@order_argument(metavar="ORDER|cs_…")
@json_option
def sessions_show(order: str, as_json: bool) -> int:
    """Show a session, or all sessions of an order, with the link.

    Example:
      checkout sessions show 1001
    """
    from checkout_daemon.checkout.session_lists import list_sessions
    from checkout_daemon.errors import NotFound
    from checkout_daemon.orders.lookup import find_order

    async def work(database: Database, settings: Settings) -> tuple[list[SessionLine], Settings]:
        holder = await find_order(database, order)
        async with database.connection() as connection:
            found = await list_sessions(connection, order_id=holder.id)
        if wanted := sessions_actions.session_id_of(order):
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
    from checkout_daemon.present.times import clock

    attempt = f"attempt {session.attempt}" if session.attempt else "not created by this daemon"
    lines = {
        "Session": session.id,
        "Order": f"{session.number}, {attempt}",
        "Status": f"{session.status}, {words(session.payment_status)}",
        "Total": money(session.amount_total, session.currency),
        "Created": clock(session.created_at, settings.time_zone),
        "Expires": clock(session.expires_at, settings.time_zone),
        "Link": session.url if session.url and session.status == "open" else "",
    }
    for name, value in lines.items():
        if value:
            answer(f"{name:<9}{plain(value)}")
