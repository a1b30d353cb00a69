"""`checkout outbox`: inspect the messages to customers, operators and the shop's systems, and send them again."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from checkout_daemon.commands.base import CommandGroup
from checkout_daemon.commands.options import (
    combine,
    json_option,
    limit_option,
    order_option,
    read_time,
    since_option,
    status_option,
    yes_option,
)
from checkout_daemon.commands.output import (
    answer,
    confirm,
    console,
    keys,
    print_facts,
    print_json,
    print_json_lines,
    print_result,
    print_table,
    read_pages,
    say,
    say_if_cut,
)
from checkout_daemon.commands.running import with_database
from checkout_daemon.commands.typed import TERM, OneOf
from checkout_daemon.model.messages import Channel, MessageKind
from checkout_daemon.present.text import counted, plain

if TYPE_CHECKING:
    from rich.text import Text

    from checkout_daemon.database.pool import Database
    from checkout_daemon.outbox.outbox_store import MessageFilter, MessageLine
    from checkout_daemon.settings import Settings

MESSAGE_STATUSES = ("queued", "sent", "failed", "dead", "skipped")
"""As the constraint outbox_status_known lists them."""

_filters = combine(
    status_option(MESSAGE_STATUSES, metavar="STATUS"),
    click.option(
        "--channel", "channels", multiple=True, type=OneOf(list(Channel)), help="Select this channel (repeatable)."
    ),
    click.option(
        "--kind",
        "kinds",
        type=TERM,
        multiple=True,
        metavar="KIND",
        help="Select this kind, such as order.completed (repeatable).",
    ),
    order_option("Select messages about this order: its number, id, …"),
    since_option,
)


@dataclass(frozen=True, slots=True)
class MessageOptions:
    """The filter options as typed."""

    statuses: tuple[str, ...]
    channels: tuple[str, ...]
    kinds: tuple[str, ...]
    order: str | None
    since: str | None

    def __bool__(self) -> bool:
        """Return whether any filter was given."""
        return any(astuple(self))

    async def read(self, database: Database, settings: Settings) -> MessageFilter:
        """Return the filter of these options. Raise UsageError, NotFound or AmbiguousOrder."""
        from checkout_daemon.orders.lookup import find_order
        from checkout_daemon.outbox.outbox_store import MessageFilter

        for kind in self.kinds:
            if kind not in list(MessageKind):
                raise click.UsageError(f"--kind {kind!r} is not one of {', '.join(MessageKind)}")
        return MessageFilter(
            statuses=self.statuses,
            kinds=self.kinds,
            channels=self.channels,
            order_id=None if self.order is None else (await find_order(database, self.order)).id,
            since=read_time(self.since, "--since", settings.time_zone),
        )


@click.group(cls=CommandGroup)
def outbox() -> None:
    """Inspect and resend messages to customers and systems.

    Example:
      checkout outbox list --status dead
    """


@outbox.command("list")
@_filters
@limit_option
@json_option
def outbox_list(limit: int, as_json: bool, **filters: Any) -> int:
    """List messages, newest first.

    STATUS is queued, sent, failed (will be retried), dead (will not) or skipped (no longer needed, or no destination
    was configured).

    Example:
      checkout outbox list --channel webhook --status failed
    """
    from checkout_daemon.commands.styles import status_text
    from checkout_daemon.outbox.listing import all_messages
    from checkout_daemon.present.times import age

    options, now = MessageOptions(**filters), datetime.now(UTC)

    async def work(database: Database, settings: Settings) -> tuple[list[MessageLine], Settings]:
        pages = all_messages(database, await options.read(database, settings), limit=limit + (not as_json))
        return await read_pages(pages, as_json=as_json), settings

    found, settings = with_database(work)
    if as_json:
        return 0
    if not found:
        say("No message matches." if options else "No messages yet.")
        return 0
    rows: list[list[str | Text]] = [
        [
            age(message.created_at, now),
            status_text("message", message.status),
            plain(message.kind),
            message.channel,
            message.id,
        ]
        for message in found[:limit]
    ]
    print_table(["age", "status", "kind", "by", "message"], rows, right={"age"})
    for missing in sorted({_missing_setting(message, settings) for message in found} - {""}):
        say(f"Messages wait in the queue because {missing} is not set.")
    say_if_cut(found, limit)
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

    from checkout_daemon.outbox.listing import show_message

    async def work(database: Database, settings: Settings) -> tuple[MessageLine, object, Settings]:
        return *await show_message(database, message), settings

    line, payload, settings = with_database(work)
    if as_json:
        print_json(keys(line) | {"payload": payload})
        return 0
    console().print(Text.assemble((plain(line.kind), "bold"), f"  {line.id}"), soft_wrap=True)
    print_facts(_facts(line, settings))
    return 0


def _facts(message: MessageLine, settings: Settings) -> dict[str, str | Text]:
    from rich.text import Text

    from checkout_daemon.commands.styles import status_text
    from checkout_daemon.present.times import clock

    missing, zone = _missing_setting(message, settings), settings.time_zone
    return {
        "Status": Text.assemble(status_text("message", message.status), f": {missing} is not set" if missing else ""),
        "Error": plain(message.last_error or "") if message.status in ("failed", "dead") else "",
        "Why": plain(message.last_error or "") if message.status == "skipped" else "",
        "By": message.channel,
        "Order": message.order_id or "",
        "About": plain(message.subject_id),
        "Created": clock(message.created_at, zone),
        "Sent": clock(message.sent_at, zone) if message.sent_at else "",
        "Attempts": str(message.attempts),
        "Next": clock(message.next_attempt_at, zone) if message.next_attempt_at and not missing else "",
    }


@outbox.command("replay")
@click.argument("messages", type=TERM, nargs=-1)
@_filters
@yes_option
@json_option
def outbox_replay(messages: tuple[str, ...], yes: bool, as_json: bool, **filters: Any) -> int:
    """Send messages again.

    Sends the named messages, or all that match the options. A receiver recognizes a repeated message by its id.

    Example:
      checkout outbox replay --status dead --channel webhook --yes
    """
    options = MessageOptions(**filters)
    if messages and options:
        raise click.UsageError("name messages or filter them, not both")
    if messages:
        return _replay_named(messages, as_json=as_json)
    if not options.statuses:
        raise click.UsageError("name messages, or select them with --status, such as --status dead")
    return _replay_matching(options, yes=yes, as_json=as_json)


def _replay_named(messages: tuple[str, ...], *, as_json: bool) -> int:
    from checkout_daemon.outbox import listing

    replayed = with_database(lambda database, _: listing.replay(database, messages))
    if as_json:
        print_json_lines(keys(done.message) | {"queued": done.queued} for done in replayed)
    else:
        for done in replayed:
            answer(f"{done.message.id}  {'will be sent again' if done.queued else 'was already waiting to be sent'}")
    return 0


def _replay_matching(options: MessageOptions, *, yes: bool, as_json: bool) -> int:
    from checkout_daemon.outbox import listing

    async def count(database: Database, settings: Settings) -> int:
        wanted = await options.read(database, settings)
        return sum([len(page) async for page in listing.all_messages(database, wanted)])

    async def work(database: Database, settings: Settings) -> list[str]:
        return await listing.replay_all(database, await options.read(database, settings))

    found = with_database(count)
    if found:
        confirm(f"Send {counted(found, 'message')} again?", yes=yes)
    queued = with_database(work) if found else []
    rest = "; the rest were already waiting" if len(queued) < found else ""
    text = f"{len(queued)} of {counted(found, 'message')} will be sent again{rest}."
    print_result({"found": found, "queued": len(queued)}, text, as_json=as_json)
    return 0


def _missing_setting(message: MessageLine, settings: Settings) -> str:
    """Return the setting that the message waits for; empty if it does not wait."""
    from checkout_daemon.outbox.channels import missing_setting

    if message.status not in ("queued", "failed"):
        return ""
    return missing_setting(settings, Channel(message.channel)) or ""
