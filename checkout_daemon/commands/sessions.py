"""`checkout sessions list`, `show` and `sync`."""

from __future__ import annotations

from datetime import UTC, datetime

from rich.table import Column

from checkout_daemon.commands.differences import print_differences, synced_object
from checkout_daemon.commands.output import answer, print_json, print_json_lines, print_table, say
from checkout_daemon.commands.running import with_database, with_runtime
from checkout_daemon.commands.times import read_time
from checkout_daemon.domain.money import format_money
from checkout_daemon.errors import NotFound
from checkout_daemon.present.text import plain, words
from checkout_daemon.present.times import age, clock
from checkout_daemon.runtime import Runtime
from checkout_daemon.services.lookup import find_order
from checkout_daemon.services.operators import this_operator
from checkout_daemon.services.syncing import Synced, sync_order
from checkout_daemon.settings import Settings
from checkout_daemon.store.database import Database
from checkout_daemon.store.session_reads import SessionLine, list_sessions, sessions_of_order


def list_all(statuses: tuple[str, ...], since: str | None, limit: int, *, as_json: bool) -> int:
    now = datetime.now(UTC)

    async def work(database: Database, settings: Settings) -> list[SessionLine]:
        start = None if since is None else read_time(since, "--since", now, settings.time_zone)
        async with database.connection() as connection:
            # One more than asked for tells whether there are more.
            return await list_sessions(connection, statuses, start, limit + (not as_json))

    found = with_database(work)
    if as_json:
        print_json_lines(found)
    elif not found:
        say("No session fits." if statuses or since else "No sessions yet.")
    else:
        print_table(
            [
                Column("order", justify="right", no_wrap=True),
                Column("age", justify="right", no_wrap=True),
                Column("status", no_wrap=True),
                Column("payment", no_wrap=True),
                Column("total", justify="right", no_wrap=True),
                Column("session", no_wrap=True, overflow="ellipsis", ratio=1),
            ],
            [
                [
                    str(each.number),
                    age(each.created_at, now),
                    each.status,
                    words(each.outcome),
                    format_money(each.amount_total, each.currency),
                    plain(each.id),
                ]
                for each in found[:limit]
            ],
        )
        if len(found) > limit:
            say(f"The newest {limit}; there are more: --limit {limit * 10}, or a filter.")
    return 0


def show(text: str, *, as_json: bool) -> int:
    async def work(database: Database, settings: Settings) -> tuple[list[SessionLine], Settings]:
        order = await find_order(database, text)
        async with database.connection() as connection:
            found = await sessions_of_order(connection, order.id)
        wanted = text.strip()
        if wanted.startswith("cs_"):
            found = [each for each in found if each.id == wanted]
        if not found:
            raise NotFound(
                f"order {order.number} has no session yet: `checkout sessions resend {order.number}` makes one"
            )
        return found, settings

    found, settings = with_database(work)
    if as_json:
        print_json_lines(found)
        return 0
    for place, each in enumerate(found):
        if place:
            answer("")
        _print_session(each, settings)
    return 0


def _print_session(each: SessionLine, settings: Settings) -> None:
    made_by = f"attempt {each.attempt}" if each.attempt else "not made by this daemon"
    lines = {
        "Session": each.id,
        "Order": f"{each.number}, {made_by}",
        "Status": f"{each.status}, {words(each.outcome)}",
        "Total": format_money(each.amount_total, each.currency),
        "Made": clock(each.created_at, settings.time_zone),
        "Expires": clock(each.expires_at, settings.time_zone),
    }
    if each.url and each.status == "open":
        lines["Link"] = each.url
    for name, value in lines.items():
        answer(f"{name:<9}{plain(value)}")


def sync(text: str, note: str, *, dry_run: bool, as_json: bool) -> int:
    async def work(runtime: Runtime) -> Synced:
        order = await find_order(runtime.database, text)
        return await sync_order(
            runtime, order.id, cause="session.sync", actor=this_operator(), note=note, apply=not dry_run
        )

    done = with_runtime(work)
    if as_json:
        print_json(synced_object(done))
    else:
        print_differences(done)
        if not done.differences:
            say(f"Order {done.number} is as Stripe says: {words(done.status)}.")
        elif dry_run:
            say("A dry run: nothing was changed.")
    return 1 if done.applied and done.left else 0
