"""`checkout outbox`: inspect the messages to customers, operators and the shop's systems, and send them again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from checkout_daemon.commands import outbox_actions, outbox_endpoints
from checkout_daemon.commands.base import CommandGroup
from checkout_daemon.commands.lists import ListColumn, ListKind, list_options, printer_of
from checkout_daemon.commands.options import (
    after_option,
    json_option,
    limit_option,
)
from checkout_daemon.commands.outbox_options import MessageOptions, error_counts, message_filters
from checkout_daemon.commands.output import (
    console,
    dismissal_text,
    is_wide,
    keys,
    print_facts,
    print_json,
    say,
)
from checkout_daemon.commands.running import with_database, with_reads
from checkout_daemon.commands.typed import TERM
from checkout_daemon.model.messages import Channel
from checkout_daemon.present.text import NONE, plain

if TYPE_CHECKING:
    from rich.text import Text

    from checkout_daemon.audit.chain import AuditEntry
    from checkout_daemon.database.pool import Database
    from checkout_daemon.database.reading import Reads
    from checkout_daemon.outbox.outbox_store import MessageLine
    from checkout_daemon.settings import Settings


_SHORT = 13  # characters of an id: of as many messages as a shop sends in ten minutes, no two begin with the same


@click.group(cls=CommandGroup)
def outbox() -> None:
    """Inspect and resend messages to customers and systems.

    Example:
      checkout outbox list --status dead
    """


outbox.add_command(outbox_actions.outbox_replay)
outbox.add_command(outbox_actions.outbox_dismiss)
outbox.add_command(outbox_endpoints.outbox_endpoints)


def _listing(now: datetime) -> ListKind[MessageLine]:
    from dataclasses import fields

    from checkout_daemon.commands.styles import status_text
    from checkout_daemon.outbox.outbox_store import MessageLine
    from checkout_daemon.present.times import age

    whole = is_wide()
    columns: list[ListColumn[MessageLine]] = [
        ListColumn("age", "created_at", lambda message: age(message.created_at, now), right=True),
        ListColumn("status", "status", lambda message: status_text("message", message.status)),
        ListColumn("order", "number", lambda message: str(message.number or NONE), right=True),
        ListColumn("kind", "kind", lambda message: plain(message.kind), ratio=1),
        # An endpoint is named alone, so that there is room for it: only webhooks have one.
        ListColumn("by", "channel", lambda message: plain(message.endpoint or message.channel), ratio=2),
        # The beginning, which other commands take: a whole id would cut the kinds and endpoints on 80 columns.
        ListColumn("message", "id", lambda message: message.id if whole else message.id[:_SHORT]),
        ListColumn(
            "error",
            "last_error",
            lambda message: plain(message.last_error or ""),
            ratio=2,
            wanted=lambda messages: is_wide() and any(message.last_error for message in messages),
        ),
    ]
    return ListKind(columns, [field.name for field in fields(MessageLine)], "id")


@outbox.command("list")
@message_filters
@limit_option
@after_option
@list_options
def outbox_list(limit: int, after: str | None, **options: Any) -> int:
    """List messages, newest first.

    STATUS is queued, sent, failed (will be retried), dead (will not), skipped (no longer needed, or no destination
    was configured) or dismissed (dead, and an operator wants no alarm about it).

    Example:
      checkout outbox list --channel webhook --status failed
    """
    from checkout_daemon.outbox.listing import all_messages, show_message

    printer = printer_of(_listing(datetime.now(UTC)), options)
    filters = MessageOptions(**options)

    async def work(database: Reads, settings: Settings) -> Settings:
        printer.zone = settings.time_zone
        wanted = await filters.read(database, settings)
        last = None if after is None else (await show_message(database, after))[0]
        place = printer.begin(last, None if last is None else last.id)
        pages = all_messages(database, wanted, limit=printer.to_read(limit), after=place)
        await printer.print_pages(pages, limit)
        return settings

    settings = with_reads(work)
    if not printer.end() and not printer.silent:
        say("No message matches." if filters or after else "No messages yet.")
    for line in error_counts(printer.rows):
        say(line)
    for missing in sorted({_missing_setting(message, settings) for message in printer.rows} - {""}):
        say(f"Messages wait in the queue because {missing} is not set.")
    printer.say_if_cut(limit)
    return 0


@outbox.command("show")
@click.argument("message", type=TERM)
@json_option
def outbox_show(message: str, as_json: bool) -> int:
    """Show a message and its delivery.

    Example:
      checkout outbox show 6f1c2a52-7f7e-4e0e-9a51-0d3a5a1b9c11
    """
    from rich.text import Text

    from checkout_daemon.messages.dismissing import find_dismissal
    from checkout_daemon.outbox.listing import show_message

    async def work(database: Database, settings: Settings) -> tuple[MessageLine, object, AuditEntry | None, Settings]:
        line, payload = await show_message(database, message)
        dismissal = await find_dismissal(database, line) if line.status == "dismissed" else None
        return line, payload, dismissal, settings

    line, payload, dismissal, settings = with_database(work)
    if as_json:
        print_json(keys(line) | {"payload": payload})
        return 0
    console().print(Text.assemble((plain(line.kind), "bold"), f"  {line.id}"), soft_wrap=True)
    print_facts(_facts(line, settings) | {"Dismissed": dismissal_text(dismissal, settings.time_zone)})
    return 0


def _facts(message: MessageLine, settings: Settings) -> dict[str, str | Text]:
    from rich.text import Text

    from checkout_daemon.commands.styles import status_text
    from checkout_daemon.present.times import local_time

    missing, zone = _missing_setting(message, settings), settings.time_zone
    return {
        "Status": Text.assemble(status_text("message", message.status), f": {missing} is not set" if missing else ""),
        "Fault": message.fingerprint or "",
        "Error": plain(message.last_error or "") if message.status in ("failed", "dead", "dismissed") else "",
        "Why": plain(message.last_error or "") if message.status == "skipped" else "",
        "By": plain(message.route),
        "Order": f"{message.number or ''} {message.order_id or ''}".strip(),
        "About": plain(message.subject_id),
        "Created": local_time(message.created_at, zone),
        "Sent": local_time(message.sent_at, zone) if message.sent_at else "",
        "Attempts": str(message.attempts),
        "Next": local_time(message.next_attempt_at, zone) if message.next_attempt_at and not missing else "",
    }


def _missing_setting(message: MessageLine, settings: Settings) -> str:
    """Return the setting that the message waits for; empty if it does not wait."""
    from checkout_daemon.outbox.channels import missing_setting

    if message.status not in ("queued", "failed") or message.endpoint is not None:
        return ""
    return missing_setting(settings, Channel(message.channel)) or ""
