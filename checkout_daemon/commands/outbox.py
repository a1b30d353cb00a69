"""`checkout outbox`: what customers and the shop's systems are told, and having it told again."""

from __future__ import annotations

from datetime import UTC, datetime

import click
from rich.table import Column
from rich.text import Text

from checkout_daemon.commands.output import answer, confirm, console, print_json, print_json_lines, print_table, say
from checkout_daemon.commands.running import with_database
from checkout_daemon.commands.shapes import message_object
from checkout_daemon.commands.styles import status_text
from checkout_daemon.commands.times import read_time
from checkout_daemon.domain.outbox import Channel, MessageKind
from checkout_daemon.present.text import counted, plain
from checkout_daemon.present.times import age, clock
from checkout_daemon.services.lookup import find_order
from checkout_daemon.services.outbox import reading
from checkout_daemon.services.outbox.channels import missing_setting
from checkout_daemon.services.outbox.reading import all_messages, show_message
from checkout_daemon.settings import Settings
from checkout_daemon.store.database import Database
from checkout_daemon.store.outbox import MessageFilter, MessageLine


def list_messages(
    statuses: tuple[str, ...],
    channels: tuple[str, ...],
    kinds: tuple[str, ...],
    order: str | None,
    since: str | None,
    *,
    limit: int,
    as_json: bool,
) -> int:
    now = datetime.now(UTC)

    async def work(database: Database, settings: Settings) -> tuple[list[MessageLine], Settings]:
        wanted = await _filter(database, settings, statuses, channels, kinds, order, since)
        found: list[MessageLine] = []
        async for page in all_messages(database, wanted, limit=limit + (not as_json)):
            if as_json:
                print_json_lines(message_object(each) for each in page)
            else:
                found += page
        return found, settings

    messages, settings = with_database(work)
    if as_json:
        return 0
    if not messages:
        filtered = bool(statuses or channels or kinds or order or since)
        say("No message fits." if filtered else "Nothing has been owed to anybody yet.")
        return 0
    columns = [
        Column("age", justify="right", no_wrap=True),
        Column("status", no_wrap=True),
        Column("kind", no_wrap=True),
        Column("by", no_wrap=True),
        Column("message", no_wrap=True),
    ]
    print_table(
        columns,
        [
            [age(each.created_at, now), status_text("message", each.status), plain(each.kind), each.channel, each.id]
            for each in messages[:limit]
        ],
    )
    for missing in sorted({_held_up(each, settings) for each in messages} - {""}):
        say(f"What is queued for it waits, since {missing} is not set.")
    if len(messages) > limit:
        say(f"The newest {limit}; there are more: --limit {limit * 10}, or a filter.")
    return 0


def show(message_id: str, *, as_json: bool) -> int:
    async def work(database: Database, settings: Settings) -> tuple[MessageLine, object, Settings]:
        return *await show_message(database, message_id), settings

    message, payload, settings = with_database(work)
    if as_json:
        print_json(message_object(message) | {"payload": payload})
        return 0
    held_up = _held_up(message, settings)
    zone = settings.time_zone
    facts: dict[str, str | Text] = {
        "Status": Text.assemble(status_text("message", message.status), f": {held_up} is not set" if held_up else ""),
        "Error": plain(message.last_error or "") if message.status in ("failed", "dead") else "",
        "Why": plain(message.last_error or "") if message.status == "skipped" else "",
        "By": message.channel,
        "Order": message.order_id or "",
        "About": plain(message.subject_id),
        "Owed": clock(message.created_at, zone),
        "Sent": clock(message.sent_at, zone) if message.sent_at else "",
        "Attempts": str(message.attempts),
        "Next": clock(message.next_attempt_at, zone) if message.next_attempt_at and not held_up else "",
    }
    printer = console()
    printer.print(Text.assemble((plain(message.kind), "bold"), f"  {message.id}"), soft_wrap=True)
    for name, fact in facts.items():
        if fact:
            printer.print(Text(f"  {name:<10}").append(fact), soft_wrap=True)
    return 0


def replay(
    messages: tuple[str, ...],
    statuses: tuple[str, ...],
    channels: tuple[str, ...],
    kinds: tuple[str, ...],
    order: str | None,
    since: str | None,
    *,
    yes: bool,
    as_json: bool,
) -> int:
    if messages:
        if statuses or channels or kinds or order or since:
            raise click.UsageError("name messages or filter them, not both")
        return _replay_named(messages, as_json=as_json)
    if not statuses:
        raise click.UsageError("name messages, or say which by --status, such as --status dead")

    async def count(database: Database, settings: Settings) -> int:
        wanted = await _filter(database, settings, statuses, channels, kinds, order, since)
        return sum([len(page) async for page in all_messages(database, wanted)])

    async def work(database: Database, settings: Settings) -> list[str]:
        wanted = await _filter(database, settings, statuses, channels, kinds, order, since)
        return await reading.replay_all(database, wanted)

    fitting = with_database(count)
    if fitting:
        confirm(f"Send {counted(fitting, 'message')} again?", yes=yes)
    queued = with_database(work) if fitting else []
    if as_json:
        print_json({"found": fitting, "queued": len(queued)})
    else:
        answer(f"{len(queued)} of {counted(fitting, 'message')} sent again; the others wait to be sent anyway.")
    return 0


def _replay_named(messages: tuple[str, ...], *, as_json: bool) -> int:
    async def work(database: Database, _: Settings) -> list[reading.Replayed]:
        return await reading.replay(database, messages)

    replayed = with_database(work)
    if as_json:
        print_json_lines(message_object(each.message) | {"queued": each.queued} for each in replayed)
    else:
        for each in replayed:
            answer(f"{each.message.id}  {'is sent again' if each.queued else 'waits to be sent anyway'}")
    return 0


async def _filter(
    database: Database,
    settings: Settings,
    statuses: tuple[str, ...],
    channels: tuple[str, ...],
    kinds: tuple[str, ...],
    order: str | None,
    since: str | None,
) -> MessageFilter:
    known = [kind.value for kind in MessageKind]
    for kind in kinds:
        if kind not in known:
            raise click.UsageError(f"--kind {kind!r} is none of {', '.join(known)}")
    return MessageFilter(
        statuses=statuses,
        kinds=kinds,
        channels=channels,
        order_id=None if order is None else (await find_order(database, order)).id,
        since=None if since is None else read_time(since, "--since", datetime.now(UTC), settings.time_zone),
    )


def _held_up(message: MessageLine, settings: Settings) -> str:
    """The setting without which it waits; empty where nothing holds it up."""
    if message.status not in ("queued", "failed"):
        return ""
    return missing_setting(settings, Channel(message.channel)) or ""
