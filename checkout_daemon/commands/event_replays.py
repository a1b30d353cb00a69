"""`checkout events replay`: those named, or all that fit, one first and then the rest."""

from __future__ import annotations

from contextlib import aclosing

import click

from checkout_daemon.commands.event_ends import end_line, end_object
from checkout_daemon.commands.event_filters import EventOptions, read_filter
from checkout_daemon.commands.output import answer, confirm, print_json_lines, say
from checkout_daemon.commands.progress import Progress
from checkout_daemon.commands.running import with_database
from checkout_daemon.services.operators import this_operator
from checkout_daemon.services.replaying import Replayed, events_to_replay, replay_many
from checkout_daemon.settings import Settings
from checkout_daemon.store.database import Database


def replay(event_ids: tuple[str, ...], options: EventOptions, note: str, *, yes: bool, as_json: bool) -> int:
    """1 where one failed again: those after it were not tried."""
    if event_ids and options:
        raise click.UsageError("name events or filter them, not both")
    if not event_ids and not (options.statuses or options.fingerprint):
        raise click.UsageError("name events, or say which by --status or --fingerprint, such as --status dead")

    async def work(database: Database, settings: Settings) -> int:
        chosen = event_ids
        if not chosen:
            wanted = await read_filter(database, settings, options)
            found = await events_to_replay(database, wanted)
            if not found:
                say("No event fits: there is nothing to replay.")
                return 0
            causes = {each.fingerprint: each.last_error for each in found if each.fingerprint is not None}
            for fingerprint, error in causes.items():
                say(f"{sum(each.fingerprint == fingerprint for each in found)} × {fingerprint}  {error}")
            confirm(f"Apply {len(found)} {'event' if len(found) == 1 else 'events'} again?", yes=yes)
            chosen = tuple(each.id for each in found)
        return await _replay(database, chosen, note, as_json=as_json)

    return with_database(work)


async def _replay(database: Database, event_ids: tuple[str, ...], note: str, *, as_json: bool) -> int:
    done = 0
    last: Replayed | None = None
    with Progress("Replaying", len(event_ids)) as progress:
        async with aclosing(replay_many(database, event_ids, operator=this_operator(), note=note)) as outcomes:
            async for last in outcomes:
                if as_json:
                    print_json_lines([end_object(last.end) | {"before": last.before}])
                else:
                    answer(end_line(last.end))
                done += last.ok
                progress.step()
    left = len(event_ids) - done
    count = "1 event was" if done == 1 else f"{done} events were"
    if last is not None and not last.ok:
        others = "the other one was" if left == 2 else f"the other {left - 1} were"
        rest = f"; {others} not tried" if left > 1 else ""
        before = f"; {count} replayed before it" if done else ""
        say(f"error: {last.end.id} failed again{before}{rest}")
        return 1
    say(f"{count} replayed.")
    return 0
