"""`checkout import`: orders of another system."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from checkout_daemon.commands.base import Command, CommandGroup
from checkout_daemon.commands.options import (
    READABLE_FILE,
    dry_run_option,
    json_option,
    note_option,
    quiet_option,
    read_times,
)
from checkout_daemon.commands.output import answer, print_json, say
from checkout_daemon.commands.running import with_runtime
from checkout_daemon.commands.typed import TERM, Number
from checkout_daemon.present.text import counted

if TYPE_CHECKING:
    from checkout_daemon.runtime import Runtime
    from checkout_daemon.stripe_sync.importing import ImportRun, Seen

_WORDS = {
    "imported": "imported",
    "here": "here already",
    "ours": "made by this program",
    "unpaid": "not paid",
    "of_session": "payments of a session",
    "other": "subscriptions and saved cards",
    "refused": "refused",
}


@click.group("import", cls=CommandGroup)
def import_() -> None:
    """Take over the orders of an old system.

    Example:
      checkout import stripe --since 2024-01-01 --dry-run
    """


@import_.command("stripe", cls=Command)
@click.option(
    "--since", required=True, type=TERM, metavar="WHEN", help="Import what was made since: a date, a time or 90d ago."
)
@click.option("--until", type=TERM, metavar="WHEN", help="Import what was made before; without it, up to now.")
@click.option(
    "--customers-csv", "customers", type=READABLE_FILE, metavar="FILE", help="Complete customers from a CSV file."
)
@click.option(
    "--rate",
    type=Number(0.5, 90),
    default=20.0,
    show_default=True,
    metavar="CALLS",
    help="Call Stripe at most this often a second.",
)
@dry_run_option
@note_option
@quiet_option
@json_option
def import_stripe(
    since: str, until: str | None, customers: Path | None, rate: float, dry_run: bool, note: str, as_json: bool
) -> int:
    """Make orders of what another system sold.

    Reads the completed Checkout sessions of the Stripe account, and payments without a session, oldest first, with
    their refunds and disputes. It sends no mail, webhook or alert about them. A second run adds only what is new,
    and continues one that was interrupted. FILE has the columns session_id, payment_intent_id or email, and name,
    phone and email: what Stripe lacks is taken from it. Exit code 1 if something was refused.

    Example:
      checkout import stripe --since 2024-01-01 --dry-run
      checkout import stripe --since 2024-01-01 --customers-csv old.csv
    """
    from datetime import UTC, datetime, timedelta

    from checkout_daemon.audit.operators import this_operator
    from checkout_daemon.commands.output import Progress
    from checkout_daemon.present.times import local_time
    from checkout_daemon.stripe_sync import importing
    from checkout_daemon.stripe_sync.customer_file import read_customers

    async def work(runtime: Runtime) -> ImportRun:
        known = None if customers is None else read_customers(customers, runtime.settings.shop.phone.country)
        zone = runtime.settings.time_zone
        now = datetime.now(UTC).replace(microsecond=0)
        begin, end = read_times(since, until, zone, now)
        assert begin is not None  # it is required
        second = timedelta(seconds=1)  # this one, which has begun, as well
        begin, end = begin.replace(microsecond=0), (now + second if end is None else end.replace(microsecond=0))
        with Progress("Importing") as progress:

            def start(run: ImportRun) -> None:
                progress.total(max(int((run.until - run.since).total_seconds()), 1))
                progress.step(int((run.at - run.since).total_seconds()))
                if run.at > run.since:
                    say(f"Continuing the run of {local_time(run.begun_at, zone)} at {local_time(run.at, zone)}.")

            done_until = begin

            def span(run: ImportRun) -> None:
                nonlocal done_until
                progress.step(int((run.at - max(done_until, run.since)).total_seconds()))
                done_until = run.at

            return await importing.import_orders(
                runtime,
                since=begin,
                until=end,
                operator=this_operator(),
                note=note,
                customers=known,
                dry_run=dry_run,
                calls_per_second=rate,
                on_start=start,
                on_seen=lambda seen: _print_refused(seen, as_json=as_json),
                on_span=span,
            )

    run = with_runtime(work)
    refused = run.count(importing.Fate.REFUSED)
    if as_json:
        counts = {fate.value: run.count(fate) for fate in importing.Fate}
        print_json({"since": run.since, "until": run.until, "dry_run": dry_run, **counts})
    else:
        found = [f"{run.count(fate)} {_WORDS[fate]}" for fate in importing.Fate if run.count(fate)]
        answer(", ".join(found) + "." if found else "Stripe has nothing of that time.")
        if dry_run:
            answer("A dry run: nothing was written.")
    if refused:
        say(f"error: {counted(refused, 'object')} {'was' if refused == 1 else 'were'} refused")
    return 1 if refused else 0


def _print_refused(seen: Seen, *, as_json: bool) -> None:
    if seen.why is None:
        return
    if as_json:
        print_json({"id": seen.id, "refused": seen.why})
    else:
        answer(f"{seen.id}  refused: {seen.why}")
