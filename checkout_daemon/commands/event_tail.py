"""`checkout events tail`."""

from __future__ import annotations

from contextlib import aclosing

from checkout_daemon.commands.event_filters import EventOptions, read_filter
from checkout_daemon.commands.output import answer, print_json_lines, say
from checkout_daemon.commands.running import database_address, with_database
from checkout_daemon.commands.watching import say_trouble
from checkout_daemon.present.text import plain, words
from checkout_daemon.present.times import clock
from checkout_daemon.services.tailing import follow_events
from checkout_daemon.settings import Settings
from checkout_daemon.store.database import Database
from checkout_daemon.store.event_reads import EventLine


def tail(options: EventOptions, *, as_json: bool) -> int:
    """Until Ctrl-C."""

    async def work(database: Database, settings: Settings) -> None:
        wanted = await read_filter(database, settings, options)
        url = database_address(settings, direct=True)
        events = follow_events(url, wanted, on_trouble=say_trouble, on_ready=_say_ready)
        async with aclosing(events) as batches:
            async for batch in batches:
                if as_json:
                    print_json_lines(batch)
                else:
                    for each in batch:
                        _print(each, settings.time_zone)

    with_database(work, direct=True)
    return 0


def _print(event: EventLine, time_zone: str) -> None:
    why = f": {words(event.reason)}" if event.reason else f" ({event.last_error})" if event.fingerprint else ""
    answer(f"{clock(event.received_at, time_zone)}  {plain(event.type)}  {event.id}  {event.status}{plain(why)}")


def _say_ready() -> None:
    say("Watching events; Ctrl-C ends it.")
