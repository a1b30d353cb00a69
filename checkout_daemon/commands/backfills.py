"""`checkout events backfill`."""

from __future__ import annotations

from contextlib import suppress

import click

from checkout_daemon.commands.output import answer, print_json, say
from checkout_daemon.commands.progress import Progress
from checkout_daemon.commands.running import with_runtime
from checkout_daemon.commands.times import read_time
from checkout_daemon.domain.event_types import EVENT_TYPES
from checkout_daemon.errors import CheckoutError, StripeRejected, StripeUnavailable
from checkout_daemon.gateway.events import stripe_time
from checkout_daemon.present.text import plain, words
from checkout_daemon.present.times import clock
from checkout_daemon.runtime import Runtime
from checkout_daemon.services.apply import Applied
from checkout_daemon.services.backfill import Backfilled, backfill, refuse_too_long_ago


def backfill_events(since: str, until: str | None, types: tuple[str, ...], *, as_json: bool) -> int:
    """1 where it is in doubt that all of it is applied."""

    async def work(runtime: Runtime) -> tuple[Backfilled, CheckoutError | None]:
        with suppress(StripeUnavailable, StripeRejected):  # the same is said below, with what was done
            await stripe_time(runtime.gateway)
        now = runtime.gateway.now()  # by Stripe's clock, by which events are listed
        zone = runtime.settings.time_zone
        start = read_time(since, "--since", now, zone)
        end = None if until is None else read_time(until, "--until", now, zone)
        if end is not None and end <= start:
            raise click.UsageError("--until must be after --since")
        refuse_too_long_ago(start, now)
        say(f"What Stripe made since {clock(start, zone)} and is not held:")
        total = Backfilled()
        with Progress("Reading events") as bar:

            def progress(page: Backfilled) -> None:
                nonlocal total
                total += page
                bar.step(page.scanned)

            def tell(applied: Applied) -> None:
                if not as_json:
                    reason = f": {plain(words(applied.reason))}" if applied.reason else ""
                    answer(f"{applied.event_id}  {plain(applied.type)}  {applied.status}{reason}")

            try:
                await backfill(
                    runtime, start, until=end, types=types or tuple(EVENT_TYPES), tell=tell, progress=progress
                )
            except CheckoutError as error:
                return total, error
        return total, None

    done, trouble = with_runtime(work)
    if as_json:
        print_json(done)
    say(f"{done.scanned} scanned, {done.new} new, {done.held} held already, {done.failed} failed.")
    if trouble is not None:
        say(f"error: it did not get to the end, and what was merged stays: {trouble.detail}. Run it again")
        return trouble.exit_code
    if done.failed:
        say("error: some could not be applied; they are tried again: `checkout events list --status failed`")
    return 1 if done.failed else 0
