"""`checkout events`: what Stripe told us, what became of it, and having it told again."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime

from rich.table import Column
from rich.text import Text

from checkout_daemon.commands.event_ends import end_line, end_object
from checkout_daemon.commands.event_filters import EventOptions, read_filter
from checkout_daemon.commands.output import answer, console, print_json, print_json_lines, print_table, say
from checkout_daemon.commands.running import database_address, with_database
from checkout_daemon.commands.shapes import event_object
from checkout_daemon.commands.styles import status_text
from checkout_daemon.domain.json_text import read_json
from checkout_daemon.present.text import plain, words
from checkout_daemon.present.times import age, clock
from checkout_daemon.runtime import open_runtime
from checkout_daemon.services.event_ends import WHY_IGNORED
from checkout_daemon.services.reading import all_events, show_event
from checkout_daemon.services.resending import resend as resend_event
from checkout_daemon.services.stripe_cli import StripeCli, open_stripe_cli
from checkout_daemon.settings import Settings, load_settings
from checkout_daemon.store.database import Database
from checkout_daemon.store.event_reads import EventLine, EventOutcome


def list_events(options: EventOptions, limit: int, *, as_json: bool) -> int:
    now = datetime.now(UTC)

    async def work(database: Database, settings: Settings) -> list[EventLine]:
        wanted = await read_filter(database, settings, options)
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
        say("No event fits." if options else "No events yet. `checkout doctor` says whether Stripe can reach us.")
        return 0
    columns = [
        Column("age", justify="right", no_wrap=True),
        Column("status", no_wrap=True),
        Column("type", no_wrap=True, overflow="ellipsis", ratio=1),
        Column("event", no_wrap=True),
    ]
    print_table(
        columns,
        [
            [age(each.received_at, now), status_text("event", each.status), plain(each.type), each.id]
            for each in events[:limit]
        ],
    )
    _say_causes(events[:limit])
    if len(events) > limit:
        say(f"The newest {limit}; there are more: --limit {limit * 10}, or a filter.")
    return 0


def _say_causes(events: list[EventLine]) -> None:
    """What failed for the same cause is one line, with the command for all of it."""
    causes = Counter((each.fingerprint, each.last_error) for each in events if each.fingerprint is not None)
    for (fingerprint, error), count in causes.most_common():
        say(f"{count} × {plain(error or '')}\n  fixed? `checkout events replay --fingerprint {fingerprint}`")


def show(event_id: str, *, as_json: bool) -> int:
    async def work(database: Database, settings: Settings) -> tuple[EventLine, str | None, str]:
        return *await show_event(database, event_id), settings.time_zone

    event, payload, zone = with_database(work)
    if as_json:
        print_json(event_object(event, None if payload is None else read_json(payload)))
        return 0
    reason = f": {words(event.reason)}" if event.reason else ""
    facts: dict[str, str | Text] = {
        "Status": Text.assemble(status_text("event", event.status), reason),
        "Why": WHY_IGNORED.get(event.reason or "", ""),
        "Error": plain(event.last_error or "") if event.status != "applied" else "",
        "Cause": event.fingerprint or "",
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
        say("Its payload is no longer held: CHECKOUT_PAYLOAD_DAYS have passed, or its customer was erased.")
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


async def _resend(settings: Settings, cli: StripeCli, event_id: str, timeout_seconds: float) -> EventOutcome:
    async with open_runtime(settings, pool_size=1) as runtime:
        return await resend_event(runtime, cli, event_id, timeout_seconds=timeout_seconds)


def _pretty(payload: str) -> str:
    """Indented; what a terminal would obey stays escaped, as JSON has it."""
    import json

    return json.dumps(read_json(payload), indent=2)
