"""`checkout events`: list, show and follow events from Stripe. The commands that apply events are in events_actions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from checkout_daemon.commands import events_actions
from checkout_daemon.commands.base import CommandGroup
from checkout_daemon.commands.completers import complete_events
from checkout_daemon.commands.events_options import EventOptions, event_filters, live_event_filters
from checkout_daemon.commands.lists import ListColumn, ListKind, list_options, printer_of, registered
from checkout_daemon.commands.options import after_option, json_option, limit_option
from checkout_daemon.commands.output import (
    answer,
    console,
    dismissal_text,
    is_wide,
    keys,
    print_facts,
    print_json,
    print_json_lines,
    say,
)
from checkout_daemon.commands.running import database_address, with_database, with_reads
from checkout_daemon.commands.typed import TERM
from checkout_daemon.present.text import NONE, plain, words

if TYPE_CHECKING:
    from rich.text import Text

    from checkout_daemon.audit.chain import AuditEntry
    from checkout_daemon.database.pool import Database
    from checkout_daemon.database.reading import Reads
    from checkout_daemon.model.events import EventLine
    from checkout_daemon.settings import Settings


@click.group(cls=CommandGroup)
def events() -> None:
    """Inspect, replay and backfill events from Stripe.

    Example:
      checkout events list --status dead
    """


for _command in (
    events_actions.events_resend,
    events_actions.events_replay,
    events_actions.events_dismiss,
    events_actions.events_backfill,
):
    events.add_command(_command)


def _listing(now: datetime) -> ListKind[EventLine]:
    from dataclasses import fields

    from checkout_daemon.commands.styles import status_text
    from checkout_daemon.model.events import EventLine
    from checkout_daemon.present.columns import View
    from checkout_daemon.present.event_columns import EVENT_COLUMNS
    from checkout_daemon.present.times import age

    columns: list[ListColumn[EventLine]] = [
        ListColumn("age", "received_at", lambda event: age(event.received_at, now), right=True),
        ListColumn("status", "status", lambda event: status_text("event", event.status)),
        ListColumn("order", "number", lambda event: str(event.number or NONE), right=True),
        ListColumn("type", "type", lambda event: plain(event.type), ratio=1),
        ListColumn("event", "id", lambda event: event.id),
        ListColumn(
            "error",
            "last_error",
            lambda event: plain(event.last_error or ""),
            ratio=2,
            wanted=lambda events: is_wide() and any(event.last_error for event in events),
        ),
    ]
    names = [field.name for field in fields(EventLine)]
    return ListKind(columns, names, "id", more=registered(EVENT_COLUMNS.values(), View(now)))


@events.command("list")
@event_filters
@limit_option
@after_option
@click.option("--payloads", is_flag=True, help="Print each event's payload, too: with --json or --format json.")
@list_options
def events_list(limit: int, after: str | None, payloads: bool, **options: Any) -> int:
    """List events, last received first.

    STATUS is applied, ignored, failed (will be retried), dead (will not) or dismissed (dead, and an operator wants no
    alarm about it).

    The number of the order is that which an event was applied to, or which its payload names if it was not applied.
    Events that failed with the same error have the same fingerprint.

    Example:
      checkout events list --order 1001
      checkout events list --type charge.refunded --since 1d --json --payloads
    """
    from checkout_daemon.events.event_lists import all_events, show_event

    held: dict[str, Any] = {}
    listing = _listing(datetime.now(UTC))
    printer = printer_of(_with_payloads(listing, held) if payloads else listing, options)
    if payloads and printer.form not in ("json", "jsonl"):
        raise click.UsageError("--payloads needs --json, or --format json")
    filters = EventOptions(**options)

    async def work(database: Reads, settings: Settings) -> None:
        printer.zone = settings.time_zone
        wanted = await filters.read(database, settings)
        last = None if after is None else (await show_event(database, after))[0]
        pages = all_events(database, wanted, limit=printer.to_read(limit), after=printer.begin(last, after))
        await printer.print_pages(
            _holding(database, pages, held, all_at_once=printer.sort is not None) if payloads else pages, limit
        )

    with_reads(work)
    if not printer.end() and not printer.silent:
        none = "No events yet. `checkout doctor` checks whether Stripe can reach us."
        say("No event matches." if filters or after else none)
    for count, fingerprint, error in events_actions.error_counts(printer.rows):
        say(f"{count} × {error}\n  fixed? `checkout events replay --fingerprint {fingerprint}`")
    printer.say_if_cut(limit)
    return 0


def _with_payloads(listing: ListKind[EventLine], held: Mapping[str, Any]) -> ListKind[EventLine]:
    """Return the list with the payloads of the events in `held`: null where one was deleted."""

    def record(event: EventLine) -> dict[str, Any]:
        return keys(event) | {"payload": held.get(event.id)}

    return replace(listing, keys=[*listing.keys, "payload"], record=record)


async def _holding(
    database: Reads, pages: AsyncIterator[list[EventLine]], held: dict[str, Any], *, all_at_once: bool
) -> AsyncIterator[list[EventLine]]:
    """Yield the pages, after their payloads were read into `held`: those of the page, or of all pages so far."""
    from checkout_daemon.events.event_lists import read_payloads
    from checkout_daemon.model.json_text import read_json

    async for page in pages:
        found = await read_payloads(database, [event.id for event in page])
        if not all_at_once:
            held.clear()
        held |= {event_id: read_json(payload) for event_id, payload in found.items()}
        yield page


@events.command("show")
@click.argument("event", type=TERM, shell_complete=complete_events)
@json_option
def events_show(event: str, as_json: bool) -> int:
    """Show an event, its outcome and its payload.

    Example:
      checkout events show evt_1Abc --json
    """
    import json

    from rich.text import Text

    from checkout_daemon.events.dismissing import find_dismissal
    from checkout_daemon.events.event_lists import show_event
    from checkout_daemon.model.events import DISMISSED
    from checkout_daemon.model.json_text import read_json

    async def work(database: Database, settings: Settings) -> tuple[EventLine, str | None, AuditEntry | None, str]:
        line, payload = await show_event(database, event)
        dismissal = await find_dismissal(database, line) if line.status == DISMISSED else None
        return line, payload, dismissal, settings.time_zone

    line, payload, dismissal, zone = with_database(work)
    if as_json:
        print_json(keys(line) | {"payload": None if payload is None else read_json(payload)})
        return 0
    printer = console()
    printer.print(Text.assemble((plain(line.type), "bold"), f"  {line.id}"), soft_wrap=True)
    print_facts(_facts(line, zone) | {"Dismissed": dismissal_text(dismissal, zone)})
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
    from checkout_daemon.present.times import local_time

    return {
        "Status": Text.assemble(
            status_text("event", line.status), f": {plain(words(line.reason))}" if line.reason else ""
        ),
        "Why": WHY_IGNORED.get(line.reason or "", ""),
        "Error": plain(line.last_error or "") if line.status != "applied" else "",
        "Cause": line.fingerprint or "",
        "Order": f"{line.number or ''} {line.order_id or ''}".strip(),
        "Created": f"{local_time(line.created_at, zone)} at Stripe",
        "Received": local_time(line.received_at, zone),
        "Applied": local_time(line.applied_at, zone) if line.applied_at else "",
        "Attempts": str(line.attempts),
        "Next": local_time(line.next_attempt_at, zone) if line.next_attempt_at else "",
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
    from checkout_daemon.present.times import local_time

    def print_event(event: EventLine, time_zone: str) -> None:
        why = f": {words(event.reason)}" if event.reason else f" ({event.last_error})" if event.fingerprint else ""
        order = f"  #{event.number}" if event.number else ""
        arrived = local_time(event.received_at, time_zone)
        answer(f"{arrived}  {plain(event.type)}  {event.id}{order}  {event.status}{plain(why)}")

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
