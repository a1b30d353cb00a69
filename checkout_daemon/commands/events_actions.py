"""`checkout events resend`, `replay` and `backfill`: the commands that apply events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from checkout_daemon.commands.base import Command
from checkout_daemon.commands.events_options import EventOptions, event_filters, event_type_option
from checkout_daemon.commands.options import (
    json_option,
    note_option,
    read_time,
    timeout_option,
    until_option,
    yes_option,
)
from checkout_daemon.commands.output import answer, confirm, print_json, print_json_lines, say
from checkout_daemon.commands.running import with_database, with_runtime, with_stripe_cli
from checkout_daemon.commands.typed import TERM
from checkout_daemon.present.text import counted, plain, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from checkout_daemon.database.pool import Database
    from checkout_daemon.errors import CheckoutError
    from checkout_daemon.events.event_lists import EventLine, EventOutcome
    from checkout_daemon.events.replaying import ReplayedEvent
    from checkout_daemon.ledger.apply import Applied
    from checkout_daemon.runtime import Runtime
    from checkout_daemon.settings import Settings
    from checkout_daemon.stripe_sync.backfill import Backfilled


@click.command("resend", cls=Command)
@click.argument("event", type=TERM)
@timeout_option
@json_option
def events_resend(event: str, timeout_seconds: float, as_json: bool) -> int:
    """Have Stripe send an event again.

    Uses the official Stripe CLI. The event goes to the daemon's webhook endpoint, or else to a running
    `checkout listen`.

    Example:
      checkout events resend evt_1Abc
    """
    from checkout_daemon.settings import load_settings
    from checkout_daemon.stripe_cli.event_resending import resend

    settings = load_settings()
    outcome = with_stripe_cli(
        settings, lambda runtime, cli: resend(runtime, cli, event, timeout_seconds=timeout_seconds)
    )
    print_outcome(outcome, as_json=as_json)
    return 1 if outcome.status in ("failed", "dead") else 0


@click.command("replay", cls=Command)
@click.argument("event_ids", type=TERM, metavar="[EVENT]...", nargs=-1)
@event_filters
@note_option
@yes_option
@json_option
def events_replay(event_ids: tuple[str, ...], note: str, yes: bool, as_json: bool, **filters: Any) -> int:
    """Apply stored events again.

    Replays the named events, or all that match the options, in sequence; stops at the first that fails again.
    Replaying an event that was applied changes nothing.

    Example:
      checkout events replay --status dead --fingerprint 5f3a90c1
    """
    from checkout_daemon.events.replaying import events_to_replay

    options = EventOptions(**filters)
    if event_ids and options:
        raise click.UsageError("name events or filter them, not both")
    if not event_ids and not (options.statuses or options.fingerprint):
        raise click.UsageError("name events, or select them with --status or --fingerprint, such as --status dead")

    async def work(database: Database, settings: Settings) -> int:
        chosen = event_ids
        if not chosen:
            found = await events_to_replay(database, await options.read(database, settings))
            if not found:
                say("No event matches: there is nothing to replay.")
                return 0
            for count, fingerprint, error in error_counts(found):
                say(f"{count} × {fingerprint}  {error}")
            confirm(f"Apply {counted(len(found), 'event')} again?", yes=yes)
            chosen = tuple(event.id for event in found)
        return await _replay(database, chosen, note, as_json=as_json)

    return with_database(work)


async def _replay(database: Database, event_ids: tuple[str, ...], note: str, *, as_json: bool) -> int:
    """Replay the events and print their outcomes. Return 1 if one failed again; the rest was not tried."""
    from contextlib import aclosing

    from checkout_daemon.audit.operators import this_operator
    from checkout_daemon.commands.output import Progress
    from checkout_daemon.events.replaying import replay_many

    done = 0
    last: ReplayedEvent | None = None
    with Progress("Replaying", len(event_ids)) as progress:
        async with aclosing(replay_many(database, event_ids, operator=this_operator(), note=note)) as outcomes:
            async for batch in outcomes:
                for last in batch:
                    print_outcome(last.outcome, as_json=as_json, more={"before": last.before})
                    done += last.ok
                progress.step(len(batch))
    count = "1 event was" if done == 1 else f"{done} events were"
    if last is not None and not last.ok:
        not_tried = len(event_ids) - done - 1
        rest = f"; {not_tried} more {'was' if not_tried == 1 else 'were'} not tried" if not_tried else ""
        before = f"; {count} replayed before it" if done else ""
        say(f"error: {last.outcome.id} failed again{before}{rest}")
        return 1
    say(f"{count} replayed.")
    return 0


@click.command("backfill", cls=Command)
@click.option(
    "--since",
    type=TERM,
    default="24h",
    show_default=True,
    metavar="WHEN",
    help="Start at: 30m, 24h or 7d ago, a date, or an RFC 3339 time.",
)
@until_option
@event_type_option
@json_option
def events_backfill(since: str, until: str | None, types: tuple[str, ...], as_json: bool) -> int:
    """Fetch from Stripe the events that never arrived.

    Safe to repeat, and safe while daemons run. Stripe keeps events for 30 days; for older ones use
    `checkout reconcile`. Exit code 1 if an event was not applied, or not all could be read.

    Example:
      checkout events backfill --since 7d --type checkout.session.completed
    """
    done, trouble = with_runtime(lambda runtime: _backfill(runtime, since, until, types, as_json=as_json))
    if as_json:
        print_json(done)
    say(f"{done.scanned} scanned, {done.new} new, {done.stored} already stored, {done.failed} failed.")
    if trouble is not None:
        say(f"error: stopped early; what was applied stays: {trouble.detail}. Run the command again")
        return trouble.exit_code
    if done.failed:
        say("error: some events could not be applied and will be retried: `checkout events list --status failed`")
    return 1 if done.failed else 0


async def _backfill(
    runtime: Runtime, since: str, until: str | None, types: tuple[str, ...], *, as_json: bool
) -> tuple[Backfilled, CheckoutError | None]:
    """Backfill, printing each new event. Return the counts, and the error that ended it early."""
    from contextlib import suppress

    from checkout_daemon.commands.output import Progress
    from checkout_daemon.errors import CheckoutError, StripeRejected, StripeUnavailable
    from checkout_daemon.ledger.event_types import EVENT_TYPES
    from checkout_daemon.present.times import clock
    from checkout_daemon.stripe_api.events import stripe_time
    from checkout_daemon.stripe_sync.backfill import Backfilled, backfill, refuse_too_long_ago

    with suppress(StripeUnavailable, StripeRejected):  # backfill() meets the same error, and it is reported below
        await stripe_time(runtime.gateway)
    now = runtime.gateway.now()  # Stripe's clock: events are listed by it
    zone = runtime.settings.time_zone
    start = read_time(since, "--since", zone, now)
    end = read_time(until, "--until", zone, now)
    if end is not None and end <= start:
        raise click.UsageError("--until must be after --since")
    refuse_too_long_ago(start, now)
    say(f"Looking for events since {clock(start, zone)} that never arrived:")
    total = Backfilled()
    with Progress("Reading events") as bar:

        def progress(page: Backfilled) -> None:
            nonlocal total
            total += page
            bar.step(page.scanned)

        def show(applied: Applied) -> None:
            if not as_json:
                reason = f": {plain(words(applied.reason))}" if applied.reason else ""
                answer(f"{applied.event_id}  {plain(applied.type)}  {applied.status}{reason}")

        try:
            await backfill(
                runtime, start, until=end, types=types or tuple(EVENT_TYPES), on_event=show, on_page=progress
            )
        except CheckoutError as error:
            return total, error
    return total, None


def print_outcome(outcome: EventOutcome, *, as_json: bool, more: dict[str, Any] | None = None) -> None:
    """Print the outcome of an event, such as `charge.refunded evt_1 applied to #1042: completed → refunded`.

    In JSON, `reason` is why the event was ignored, or the error with which it failed.
    """
    from checkout_daemon.commands.styles import styled

    if not as_json:
        answer(f"{plain(outcome.type)} {outcome.id} {styled('event', outcome.status, plain(outcome.summary))}")
        return
    record = {
        "id": outcome.id,
        "type": outcome.type,
        "status": outcome.status,
        "reason": outcome.last_error if outcome.status in ("failed", "dead") else outcome.reason,
        "order_id": outcome.order_id,
        "number": outcome.number,
        "from": outcome.from_status,
        "to": outcome.to_status,
    }
    print_json_lines([record | (more or {})])


def error_counts(found: Sequence[EventLine]) -> list[tuple[int, str, str]]:
    """Return the count, fingerprint and text of each error, the most frequent first."""
    from collections import Counter

    errors = Counter((event.fingerprint, event.last_error) for event in found if event.fingerprint is not None)
    return [(count, fingerprint, plain(error or "")) for (fingerprint, error), count in errors.most_common()]
