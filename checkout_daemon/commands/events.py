"""`checkout events`: what Stripe told us, what became of it, and having it told again."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import msgspec
from rich.table import Column
from rich.text import Text

from checkout_daemon.commands.event_ends import end_line, end_object
from checkout_daemon.commands.output import answer, console, plain, print_json, print_json_lines, print_table, say
from checkout_daemon.commands.running import database_address, with_database
from checkout_daemon.commands.shapes import event_object
from checkout_daemon.commands.styles import event_status, words
from checkout_daemon.commands.times import age, clock, read_time
from checkout_daemon.config import Settings, load_settings
from checkout_daemon.runtime import open_runtime
from checkout_daemon.services.lookup import find_order
from checkout_daemon.services.reading import all_events, show_event
from checkout_daemon.services.resending import resend as resend_event
from checkout_daemon.services.stripe_cli import StripeCli, open_stripe_cli
from checkout_daemon.store.database import Database
from checkout_daemon.store.event_reads import EventEnd, EventFilter, EventLine


def list_events(
    statuses: tuple[str, ...],
    types: tuple[str, ...],
    order: str | None,
    since: str | None,
    limit: int,
    *,
    as_json: bool,
) -> int:
    now = datetime.now(UTC)

    async def work(database: Database, settings: Settings) -> list[EventLine]:
        wanted = EventFilter(
            statuses=statuses,
            types=types,
            order_id=None if order is None else (await find_order(database, order)).id,
            since=None if since is None else read_time(since, "--since", now, settings.time_zone),
        )
        found: list[EventLine] = []
        async for page in all_events(database, wanted, limit=limit + (not as_json)):
            if as_json:
                print_json_lines(page)
            else:
                found += page
        return found

    events = with_database(work)
    if as_json:
        return 0
    if not events:
        filtered = bool(statuses or types or order or since)
        say("No event fits." if filtered else "No events yet. `checkout doctor` says whether Stripe can reach us.")
        return 0
    columns = [
        Column("age", justify="right", no_wrap=True),
        Column("status", no_wrap=True),
        Column("type", no_wrap=True, overflow="ellipsis", ratio=1),
        Column("event", no_wrap=True),
    ]
    print_table(
        columns,
        [[age(each.received_at, now), event_status(each.status), plain(each.type), each.id] for each in events[:limit]],
    )
    if len(events) > limit:
        say(f"The newest {limit}; there are more: --limit {limit * 10}, or a filter.")
    return 0


def show(event_id: str, *, as_json: bool) -> int:
    async def work(database: Database, settings: Settings) -> tuple[EventLine, str | None, str]:
        return *await show_event(database, event_id), settings.time_zone

    event, payload, zone = with_database(work)
    if as_json:
        print_json(event_object(event, None if payload is None else msgspec.json.decode(payload)))
        return 0
    reason = f": {words(event.reason)}" if event.reason else ""
    facts: dict[str, str | Text] = {
        "Status": Text.assemble(event_status(event.status), reason),
        "Error": plain(event.last_error or "") if event.status != "applied" else "",
        "Order": event.order_id or "",
        "Made": f"{clock(event.created_at, zone)} at Stripe",
        "Received": clock(event.received_at, zone),
        "Applied": clock(event.applied_at, zone) if event.applied_at else "",
        "Attempts": str(event.attempts),
        "Next": clock(event.next_attempt_at, zone) if event.next_attempt_at else "",
        "Version": plain(event.api_version or ""),
        "Mode": "" if event.livemode is None else "live" if event.livemode else "test",
    }
    printer = console()
    printer.print(Text.assemble((plain(event.type), "bold"), f"  {event.id}"), soft_wrap=True)
    for name, fact in facts.items():
        if fact:
            printer.print(Text(f"  {name:<10}").append(fact), soft_wrap=True)
    printer.print()
    if payload is None:
        say("Its payload is no longer held: CHECKOUT_PAYLOAD_DAYS have passed.")
    else:
        printer.print(Text(_pretty(payload)), soft_wrap=True)
    return 0


def resend(event_id: str, timeout_seconds: float, *, as_json: bool) -> int:
    settings = load_settings()
    database_address(settings, direct=False)
    with open_stripe_cli(settings) as cli:
        end = asyncio.run(_resend(settings, cli, event_id, timeout_seconds))
    if as_json:
        print_json(end_object(end))
    else:
        answer(end_line(end))
    return 1 if end.status in ("failed", "dead") else 0


async def _resend(settings: Settings, cli: StripeCli, event_id: str, timeout_seconds: float) -> EventEnd:
    async with open_runtime(settings, pool_size=1) as runtime:
        return await resend_event(runtime, cli, event_id, timeout_seconds=timeout_seconds)


def _pretty(payload: str) -> str:
    """Indented; what a terminal would obey stays escaped, as JSON has it."""
    import json

    return json.dumps(json.loads(payload), indent=2)
