"""`checkout events`: list, show and follow events from Stripe. The commands that apply events are in events_actions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from checkout_daemon.commands import events_actions
from checkout_daemon.commands.base import CommandGroup
from checkout_daemon.commands.events_options import EventOptions, event_filters, live_event_filters
from checkout_daemon.commands.options import json_option, limit_option
from checkout_daemon.commands.output import (
    answer,
    console,
    keys,
    print_facts,
    print_json,
    print_json_lines,
    print_table,
    read_pages,
    say,
    say_if_cut,
)
from checkout_daemon.commands.running import database_address, with_database
from checkout_daemon.commands.typed import TERM
from checkout_daemon.present.text import plain, words

if TYPE_CHECKING:
    from rich.text import Text

    from checkout_daemon.database.pool import Database
    from checkout_daemon.events.event_lists import EventLine
    from checkout_daemon.settings import Settings


@click.group(cls=CommandGroup)
def events() -> None:
    """Inspect, replay and backfill events from Stripe.

    Example:
      checkout events list --status dead
    """


for _command in (events_actions.events_resend, events_actions.events_replay, events_actions.events_backfill):
    events.add_command(_command)


@events.command("list")
@event_filters
@limit_option
@json_option
def events_list(limit: int, as_json: bool, **filters: Any) -> int:
    """List events, last received first.

    Events that failed with the same error have the same fingerprint.

    Example:
      checkout events list --order 1001
    """
    from checkout_daemon.commands.styles import status_text
    from checkout_daemon.events.event_lists import all_events
    from checkout_daemon.present.times import age

    options, now = EventOptions(**filters), datetime.now(UTC)

    async def work(database: Database, settings: Settings) -> list[EventLine]:
        wanted = await options.read(database, settings)
        return await read_pages(all_events(database, wanted, limit=limit + (not as_json)), as_json=as_json)

    found = with_database(work)
    if as_json:
        return 0
    if not found:
        say("No event matches." if options else "No events yet. `checkout doctor` checks whether Stripe can reach us.")
        return 0
    shown = found[:limit]
    print_table(
        ["age", "status", "type", "event"],
        [
            [age(event.received_at, now), status_text("event", event.status), plain(event.type), event.id]
            for event in shown
        ],
        right={"age"},
        flexible={"type": 1},
    )
    for count, fingerprint, error in events_actions.error_counts(shown):
        say(f"{count} × {error}\n  fixed? `checkout events replay --fingerprint {fingerprint}`")
    say_if_cut(found, limit)
    return 0


@events.command("show")
@click.argument("event", type=TERM)
@json_option
def events_show(event: str, as_json: bool) -> int:
    """Show an event, its outcome and its payload.

    Example:
      checkout events show evt_1Abc --json
    """
    import json

    from rich.text import Text

    from checkout_daemon.events.event_lists import show_event
    from checkout_daemon.model.json_text import read_json

    async def work(database: Database, settings: Settings) -> tuple[EventLine, str | None, str]:
        return *await show_event(database, event), settings.time_zone

    line, payload, zone = with_database(work)
    if as_json:
        print_json(keys(line) | {"payload": None if payload is None else read_json(payload)})
        return 0
    printer = console()
    printer.print(Text.assemble((plain(line.type), "bold"), f"  {line.id}"), soft_wrap=True)
    print_facts(_facts(line, zone))
    printer.print()
    if payload is None:
        say("The payload was deleted: it is older than CHECKOUT_PAYLOAD_DAYS, or its customer was erased.")
    else:
        # JSON in ASCII: what a terminal would obey stays escaped.
        printer.print(Text(json.dumps(read_json(payload), indent=2)), soft_wrap=True)
    return 0


def _facts(line: EventLine, zone: str) -> dict[str, str | Text]:
    from rich.text import Text

    from checkout_daemon.commands.styles import status_text
    from checkout_daemon.ledger.apply import WHY_IGNORED
    from checkout_daemon.present.times import clock

    return {
        "Status": Text.assemble(
            status_text("event", line.status), f": {plain(words(line.reason))}" if line.reason else ""
        ),
        "Why": WHY_IGNORED.get(line.reason or "", ""),
        "Error": plain(line.last_error or "") if line.status != "applied" else "",
        "Cause": line.fingerprint or "",
        "Order": line.order_id or "",
        "Created": f"{clock(line.created_at, zone)} at Stripe",
        "Received": clock(line.received_at, zone),
        "Applied": clock(line.applied_at, zone) if line.applied_at else "",
        "Attempts": str(line.attempts),
        "Next": clock(line.next_attempt_at, zone) if line.next_attempt_at else "",
        "Version": plain(line.api_version or ""),
        "Mode": "" if line.livemode is None else "live" if line.livemode else "test",
    }


@events.command("tail")
@live_event_filters
@json_option
def events_tail(as_json: bool, **filters: Any) -> int:
    """Follow events as they arrive, until Ctrl-C.

    A failed event is printed again when it is retried, given up or replayed.

    Example:
      checkout events tail --status failed --status dead --json
    """
    from contextlib import aclosing

    from checkout_daemon.commands.output import say_trouble
    from checkout_daemon.events.tailing import follow_events
    from checkout_daemon.present.times import clock

    def print_event(event: EventLine, time_zone: str) -> None:
        why = f": {words(event.reason)}" if event.reason else f" ({event.last_error})" if event.fingerprint else ""
        answer(f"{clock(event.received_at, time_zone)}  {plain(event.type)}  {event.id}  {event.status}{plain(why)}")

    async def work(database: Database, settings: Settings) -> None:
        wanted = await EventOptions(**filters).read(database, settings)
        batches = follow_events(
            database_address(settings, direct=True),
            wanted,
            on_trouble=say_trouble,
            on_ready=lambda: say("Watching events. Press Ctrl-C to stop."),
        )
        async with aclosing(batches):
            async for batch in batches:
                if as_json:
                    print_json_lines(batch)
                else:
                    for event in batch:
                        print_event(event, settings.time_zone)

    with_database(work, direct=True)
    return 0
