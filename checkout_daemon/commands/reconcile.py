"""`checkout reconcile`, and how differences from Stripe are printed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from checkout_daemon.commands.base import Command
from checkout_daemon.commands.options import (
    json_option,
    note_option,
    quiet_option,
    read_time,
)
from checkout_daemon.commands.output import answer, print_json, print_result, say
from checkout_daemon.commands.running import with_runtime
from checkout_daemon.commands.typed import TERM, Number
from checkout_daemon.present.text import counted, plain, words

if TYPE_CHECKING:
    from checkout_daemon.ledger.missing_order_store import MissingOrder
    from checkout_daemon.runtime import Runtime
    from checkout_daemon.stripe_sync.comparing import Difference, Synced
    from checkout_daemon.stripe_sync.reconciling import ReconcileRun, Uncompared


@click.command(cls=Command)
@click.option(
    "--since",
    type=TERM,
    default="24h",
    show_default=True,
    metavar="WHEN",
    help="Compare orders created or changed since: 24h or 7d ago, yesterday, monday, a date or a time.",
)
@click.option("--apply", is_flag=True, help="Update the orders from Stripe; without this nothing is changed.")
@click.option("--dry-run", is_flag=True, help="Only show the differences, as without --apply.")
@click.option("--anew", is_flag=True, help="Start from the beginning, even if an earlier run was interrupted.")
@click.option(
    "--rate",
    type=Number(0.5, 90),
    default=20.0,
    show_default=True,
    metavar="CALLS",
    help="Call Stripe at most this often a second.",
)
@note_option
@quiet_option
@json_option
def reconcile(since: str, apply: bool, dry_run: bool, anew: bool, rate: float, note: str, as_json: bool) -> int:
    """Compare orders with Stripe, field by field.

    Compares the sessions, payments, refunds and disputes of all orders that are open, need attention, or were created
    or changed recently. Continues an earlier run that was interrupted. Exit code 1 if something still differs.

    Example:
      checkout reconcile --since 7d
      checkout reconcile --since 7d --apply
    """
    if apply and dry_run:
        raise click.UsageError("--apply changes orders and --dry-run does not: choose one")
    from time import monotonic

    from checkout_daemon.audit.operators import this_operator
    from checkout_daemon.audit.rights import require_acting
    from checkout_daemon.commands.output import Progress
    from checkout_daemon.ledger.missing_order_store import MissingOrder
    from checkout_daemon.present.times import local_time
    from checkout_daemon.stripe_sync import reconciling
    from checkout_daemon.stripe_sync.comparing import Synced

    started = monotonic()
    mergeable = False  # whether --apply would change anything

    async def work(runtime: Runtime) -> ReconcileRun:
        if apply:
            await require_acting(runtime.database)
        zone = runtime.settings.time_zone
        with Progress("Comparing") as progress:

            def begin(run: ReconcileRun, count: int) -> None:
                nonlocal mergeable
                mergeable = run.after > 0 and run.tally.left > 0  # from the part that was done earlier
                progress.total(count)
                if run.after:
                    begun_at = local_time(run.begun_at, zone)
                    say(f"Continuing the run of {begun_at} after order {run.after}; --anew starts again.")

            def show(outcome: Synced | Uncompared | MissingOrder) -> None:
                nonlocal mergeable
                if not isinstance(outcome, MissingOrder):
                    progress.step()
                if isinstance(outcome, Synced) and any(difference.fixable for difference in outcome.differences):
                    mergeable = True
                _print_outcome(outcome, as_json=as_json)

            return await reconciling.reconcile(
                runtime,
                since=read_time(since, "--since", zone),
                apply=apply,
                operator=this_operator(),
                note=note,
                anew=anew,
                calls_per_second=rate,
                on_start=begin,
                on_outcome=show,
            )

    done = with_runtime(work)
    tally = done.tally
    if as_json:
        summary = {
            "compared": tally.compared,
            "differed": tally.differed,
            "mended": tally.fixed,  # kept: JSON key
            "left": tally.left,
            "failed": tally.failed,
            "applied": apply,
        }
        print_json(summary | ({"missing": tally.missing} if tally.missing else {}))
    else:
        answer(_summary(done, monotonic() - started))
        if mergeable and not apply:
            answer("`checkout reconcile --apply` updates the orders from Stripe.")
    faults = [still_differ(tally.left)] if tally.left else []
    faults += [f"{counted(tally.failed, 'order')} could not be compared"] if tally.failed else []
    if faults:
        say(f"error: {'; '.join(faults)}")
    return 1 if faults else 0


def still_differ(orders: int) -> str:
    """Return that so many orders still differ from Stripe, in words."""
    return f"{counted(orders, 'order')} still {'differs' if orders == 1 else 'differ'} from Stripe"


def _print_outcome(outcome: Synced | Uncompared | MissingOrder, *, as_json: bool) -> None:
    from checkout_daemon.ledger.missing_order_store import MissingOrder
    from checkout_daemon.stripe_sync.reconciling import Uncompared

    if isinstance(outcome, MissingOrder):
        _print_missing(outcome, as_json=as_json)
    elif isinstance(outcome, Uncompared):
        print_result(outcome, f"Order {outcome.number}  not compared: {outcome.error}", as_json=as_json)
    elif outcome.differences:
        if as_json:
            print_json(synced_object(outcome))
        else:
            print_differences(outcome)


def _print_missing(order: MissingOrder, *, as_json: bool) -> None:
    fix = f"checkout orders recover {order.session_id}"
    if not as_json:
        answer(f"Order {order.number or order.order_id}  missing here, but completed at Stripe: `{fix}`")
        return
    names = ("order_id", "number", "session_id", "amount_total", "currency")
    print_json({name: getattr(order, name) for name in names} | {"missing": True, "fix": fix})


def _summary(done: ReconcileRun, seconds: float) -> str:
    tally = done.tally
    parts = [f"{tally.compared - tally.differed - tally.failed} agree", f"{tally.differed} differed"]
    if done.apply:
        parts.append(f"{tally.fixed} corrected")
    if done.apply and tally.left:
        parts.append(f"{tally.left} left for a person")
    if tally.missing:
        parts.append(f"{tally.missing} missing here")
    if tally.failed:
        parts.append(f"{tally.failed} could not be compared")
    return f"Compared {counted(tally.compared, 'order')} with Stripe in {seconds:.1f} s: {', '.join(parts)}."


def print_differences(done: Synced) -> None:
    """Print the fields of an order that differ from Stripe; nothing if all agree."""
    from itertools import groupby

    if not done.differences:
        return
    becomes = "becomes" if done.applied else "would become"
    moved = f", {becomes} {words(done.status)}" if done.status != done.status_before else ""
    answer(f"Order {done.number}  {words(done.status_before)}{moved}")
    for object_id, differences in groupby(done.differences, key=lambda difference: difference.object_id):
        answer(f"  {plain(object_id)}")
        for difference in differences:
            answer(f"    {difference.field}: {_sides(difference)}")


def _sides(difference: Difference) -> str:
    if difference.at_stripe is None:
        return f"{plain(difference.stored or 'exists')} here, but not at Stripe: check it by hand, it cannot be merged"
    return f"{plain(difference.stored or 'nothing')} here, {plain(difference.at_stripe)} at Stripe"


def synced_object(done: Synced) -> dict[str, Any]:
    """Return the comparison of one order as JSON."""
    names = ("order_id", "number", "status_before", "status", "amount_refunded", "attention", "applied")
    return {name: getattr(done, name) for name in names} | {
        "differences": [
            {
                "object_id": difference.object_id,
                "field": difference.field,
                "held": difference.stored,
                "stripe": difference.at_stripe,
                "mended": done.applied and difference.fixable,  # kept: JSON key
            }
            for difference in done.differences
        ],
    }
