"""`checkout events resend`, `replay`, `dismiss` and `backfill`: the commands that change what became of events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from checkout_daemon.commands.asking import confirm
from checkout_daemon.commands.base import Command
from checkout_daemon.commands.completers import complete_events
from checkout_daemon.commands.dead_letters import DeadKind, check_choice
from checkout_daemon.commands.events_options import EventOptions, event_filters, event_type_option
from checkout_daemon.commands.options import (
    dry_run_option,
    json_option,
    note_option,
    quiet_option,
    read_time,
    reason_option,
    timeout_option,
    until_option,
    yes_option,
)
from checkout_daemon.commands.output import answer, keys, print_json, print_json_lines, say, say_dry_run
from checkout_daemon.commands.running import with_runtime, with_stripe_cli
from checkout_daemon.commands.typed import TERM
from checkout_daemon.present.text import counted, plain, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from checkout_daemon.database.pool import Database
    from checkout_daemon.errors import CheckoutError
    from checkout_daemon.events.event_lists import EventOutcome
    from checkout_daemon.events.replaying import ReplayedEvent
    from checkout_daemon.ledger.apply import Applied
    from checkout_daemon.model.events import EventLine
    from checkout_daemon.runtime import Runtime
    from checkout_daemon.settings import Settings
    from checkout_daemon.stripe_sync.backfill import Backfilled

_WAYS = "--status or --fingerprint"


@click.command("resend", cls=Command)
@click.argument("event", type=TERM, shell_complete=complete_events)
@timeout_option
@dry_run_option
@quiet_option
@json_option
def events_resend(event: str, timeout_seconds: float, dry_run: bool, as_json: bool) -> int:
    """Have Stripe send an event again.

    Uses the official Stripe CLI. The event goes to the daemon's webhook endpoint, or else to a running
    `checkout listen`.

    Example:
      checkout events resend evt_1Abc
    """
    from checkout_daemon.settings import load_settings
    from checkout_daemon.stripe_cli.event_resending import plan_resend, resend

    if dry_run:
        planned = with_runtime(lambda runtime: plan_resend(runtime, event))
        say_dry_run(keys(planned), as_json=as_json)
        return 0
    settings = load_settings()
    outcome = with_stripe_cli(
        settings, lambda runtime, cli: resend(runtime, cli, event, timeout_seconds=timeout_seconds)
    )
    print_outcome(outcome, as_json=as_json)
    if outcome.status not in ("failed", "dead"):
        return 0
    say(f"error: {outcome.id} could not be applied: `checkout events show {outcome.id}` has the reason")
    return 1


@click.command("replay", cls=Command)
@click.argument("event_ids", type=TERM, metavar="[EVENT]...", nargs=-1, shell_complete=complete_events)
@event_filters
@dry_run_option
@note_option
@yes_option
@quiet_option
@json_option
def events_replay(
    event_ids: tuple[str, ...], dry_run: bool, note: str, yes: bool, as_json: bool, **filters: Any
) -> int:
    """Apply stored events again.

    Replays the named events, or all that match the options, in sequence; stops at the first that fails again. Several
    are a batch: see `checkout batches`. Replaying an event that was applied changes nothing.

    Example:
      checkout events replay --status dead --fingerprint 5f3a90c1
    """
    from checkout_daemon.events.replaying import check_replayable, events_to_replay

    options = EventOptions(**filters)
    check_choice(event_ids, options, "event", options.statuses or options.fingerprint, _WAYS)

    async def work(runtime: Runtime) -> int:
        chosen, database = event_ids, runtime.database
        await check_replayable(database, chosen)
        if not chosen:
            found = await events_to_replay(database, await options.read(database, runtime.settings))
            if not found:
                say("No event matches: there is nothing to replay.")
                return 0
            for count, fingerprint, error in error_counts(found):
                say(f"{count} × {fingerprint}  {error}")
            chosen = tuple(event.id for event in found)
            if not dry_run:
                confirm(f"Apply {counted(len(found), 'event')} again{await _about(database, found)}?", yes=yes)
        if dry_run:
            say_dry_run({"event_ids": chosen}, as_json=as_json)
            return 0
        if len(chosen) == 1:
            return await _replay_one(database, chosen[0], note, as_json=as_json)
        return await _replay_many(runtime, chosen, note, as_json=as_json)

    return with_runtime(work, stripe=False)


async def _about(database: Database, found: Sequence[EventLine]) -> str:
    """Return which orders events are about: `, about 2 orders of €12.00`; nothing if they are of no order.

    Of an event that was not applied, only the number of its order is known.
    """
    from checkout_daemon.orders.labels import label_orders
    from checkout_daemon.present.money import extent

    numbers = [event.number for event in found if event.order_id is None]
    labels = await label_orders(database, (event.order_id for event in found), numbers)
    orders = extent((label.amount_total, label.currency) for label in labels.values())
    return f", about {orders}" if labels else ""


async def _replay_one(database: Database, event_id: str, note: str, *, as_json: bool) -> int:
    """Replay an event and print its outcome. Return 1 if it failed again."""
    from checkout_daemon.audit.operators import this_operator
    from checkout_daemon.events.replaying import replay

    done = await replay(database, event_id, operator=this_operator(), note=note)
    print_outcomes([done], as_json=as_json)
    if done.ok:
        say("1 event was replayed.")
        return 0
    say(f"error: {event_id} failed again")
    if done.outcome.status == "dead":
        say(f"If nothing will fix it: `checkout events dismiss {event_id} --note TEXT`")
    return 1


async def _replay_many(runtime: Runtime, event_ids: tuple[str, ...], note: str, *, as_json: bool) -> int:
    """Replay the events in a batch, and print their outcomes as they are applied."""
    from checkout_daemon.audit.operators import this_operator
    from checkout_daemon.batches.planning import plan_ids, start_batch
    from checkout_daemon.batches.records import BatchAct
    from checkout_daemon.batches.running import EndedItem
    from checkout_daemon.commands.batch_runs import follow_batch, show_items

    def show(ended: list[EndedItem], as_json: bool) -> None:
        if all(one.error is None for one in ended):
            print_outcomes([one.result for one in ended], as_json=as_json)
        else:
            show_items(ended, as_json)

    plan = plan_ids(BatchAct.REPLAY_EVENTS, event_ids)
    started = await start_batch(runtime, plan, operator=this_operator(), note=note)
    return await follow_batch(runtime, started.number, started.holder, as_json=as_json, show=show)


@click.command("dismiss", cls=Command)
@click.argument("event_ids", type=TERM, metavar="[EVENT]...", nargs=-1, shell_complete=complete_events)
@event_filters
@dry_run_option
@reason_option
@yes_option
@quiet_option
@json_option
def events_dismiss(
    event_ids: tuple[str, ...], dry_run: bool, note: str, yes: bool, as_json: bool, **filters: Any
) -> int:
    """Dismiss dead events that nothing will fix.

    Dismisses the named events, or all dead ones that match the options. Alarms, `checkout doctor` and `checkout todo`
    no longer count them. An event that is replayed and fails again is dead again.

    Example:
      checkout events dismiss evt_1Abc --note "sent by hand"
    """
    from dataclasses import replace

    from checkout_daemon.events.dismissing import check_dead_events, dismiss_events
    from checkout_daemon.events.replaying import events_to_replay

    options = EventOptions(**filters)
    check_choice(event_ids, options, "event", options.statuses or options.fingerprint, _WAYS)
    if set(options.statuses) - {"dead"}:
        raise click.UsageError("only dead events can be dismissed: --status dead")

    async def find(database: Database, settings: Settings) -> Sequence[EventLine]:
        return await events_to_replay(database, replace(await options.read(database, settings), statuses=("dead",)))

    def errors(found: Sequence[EventLine]) -> list[str]:
        return [f"{count} × {fingerprint}  {error}" for count, fingerprint, error in error_counts(found)]

    kind = DeadKind("event", find, errors, _about, check_dead_events, dismiss_events)
    return kind.run(event_ids, note, dry_run=dry_run, yes=yes, as_json=as_json)


@click.command("backfill", cls=Command)
@click.option(
    "--since",
    type=TERM,
    default="24h",
    show_default=True,
    metavar="WHEN",
    help="Start at: 24h or 7d ago, yesterday, monday, a date or a time.",
)
@until_option
@event_type_option
@dry_run_option
@quiet_option
@json_option
def events_backfill(since: str, until: str | None, types: tuple[str, ...], dry_run: bool, as_json: bool) -> int:
    """Fetch from Stripe the events that never arrived.

    Safe to repeat, and safe while daemons run. Stripe keeps events for 30 days; for older ones use
    `checkout reconcile`. Exit code 1 if an event was not applied, or not all could be read.

    Example:
      checkout events backfill --since 7d --type checkout.session.completed
    """
    from msgspec import to_builtins

    from checkout_daemon.errors import DatabaseReadOnly

    done, trouble = with_runtime(
        lambda runtime: _backfill(runtime, since, until, types, dry_run=dry_run, as_json=as_json)
    )
    if isinstance(trouble, DatabaseReadOnly):
        raise trouble
    if as_json:
        print_json(to_builtins(done) | {"dry_run": True} if dry_run else done)
    say(f"{done.scanned} scanned, {done.new} new, {done.stored} already stored, {done.failed} failed.")
    if dry_run:
        say("A dry run: nothing was changed.")
    if trouble is not None:
        say(f"error: stopped early; what was applied stays: {trouble.detail}. Run the command again")
        return trouble.exit_code
    if done.failed:
        say("error: some events could not be applied and will be retried: `checkout events list --status failed`")
    return 1 if done.failed else 0


async def _backfill(
    runtime: Runtime, since: str, until: str | None, types: tuple[str, ...], *, dry_run: bool, as_json: bool
) -> tuple[Backfilled, CheckoutError | None]:
    """Backfill, printing each new event. Return the counts, and the error that ended it early.

    A dry run prints the events that would be applied, and applies none.
    """
    from contextlib import suppress

    from checkout_daemon.audit.rights import require_acting
    from checkout_daemon.commands.output import Progress
    from checkout_daemon.errors import CheckoutError, StripeRejected, StripeUnavailable
    from checkout_daemon.ledger.event_types import EVENT_TYPES
    from checkout_daemon.present.times import local_time
    from checkout_daemon.stripe_api.events import stripe_time
    from checkout_daemon.stripe_sync.backfill import Backfilled, backfill, missing_events, refuse_too_long_ago

    with suppress(StripeUnavailable, StripeRejected):  # backfill() meets the same error, and it is reported below
        await stripe_time(runtime.gateway)
    now = runtime.gateway.now()  # Stripe's clock: events are listed by it
    zone = runtime.settings.time_zone
    start = read_time(since, "--since", zone, now)
    end = read_time(until, "--until", zone, now)
    if end is not None and end <= start:
        raise click.UsageError("--until must be after --since")
    refuse_too_long_ago(start, now)
    say(f"Looking for events since {local_time(start, zone)} that never arrived:")
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

        wanted = types or tuple(EVENT_TYPES)
        try:
            if dry_run:
                async for scanned, missing in missing_events(runtime, start, until=end, types=wanted):
                    progress(Backfilled(scanned, len(missing), scanned - len(missing)))
                    for event in [] if as_json else missing:
                        answer(f"{event['id']}  {plain(event['type'])}  would be applied")
                return total, None
            await require_acting(runtime.database)
            await backfill(runtime, start, until=end, types=wanted, on_event=show, on_page=progress)
        except CheckoutError as error:
            return total, error
    return total, None


def print_outcome(outcome: EventOutcome, *, as_json: bool) -> None:
    """Print the outcome of an event, such as `charge.refunded evt_1 applied to #1042: completed → refunded`.

    In JSON, `reason` is why the event was ignored, or the error with which it failed.
    """
    if as_json:
        print_json_lines([_record(outcome)])
    else:
        answer(_line(outcome))


def print_outcomes(replayed: Sequence[ReplayedEvent], *, as_json: bool) -> None:
    """Print the outcomes of a batch in one write. In JSON, `before` is the event's status before it."""
    if as_json:
        print_json_lines(_record(one.outcome) | {"before": one.before} for one in replayed)
    else:
        answer("\n".join([_line(one.outcome) for one in replayed]))


def _line(outcome: EventOutcome) -> str:
    from checkout_daemon.commands.styles import styled

    return f"{plain(outcome.type)} {outcome.id} {styled('event', outcome.status, plain(outcome.summary))}"


def _record(outcome: EventOutcome) -> dict[str, Any]:
    return {
        "id": outcome.id,
        "type": outcome.type,
        "status": outcome.status,
        "reason": outcome.last_error if outcome.status in ("failed", "dead") else outcome.reason,
        "order_id": outcome.order_id,
        "number": outcome.number,
        "from": outcome.from_status,
        "to": outcome.to_status,
    }


def error_counts(found: Sequence[EventLine]) -> list[tuple[int, str, str]]:
    """Return the count, fingerprint and text of each error, the most frequent first."""
    from collections import Counter

    errors = Counter((event.fingerprint, event.last_error) for event in found if event.fingerprint is not None)
    return [(count, fingerprint, plain(error or "")) for (fingerprint, error), count in errors.most_common()]
