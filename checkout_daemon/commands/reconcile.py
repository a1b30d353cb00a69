"""`checkout reconcile`."""

from __future__ import annotations

from datetime import UTC, datetime
from time import monotonic

from checkout_daemon.commands.differences import print_differences, synced_object
from checkout_daemon.commands.output import answer, print_json, say
from checkout_daemon.commands.progress import Progress
from checkout_daemon.commands.running import with_runtime
from checkout_daemon.commands.times import read_time
from checkout_daemon.present.text import counted
from checkout_daemon.present.times import clock
from checkout_daemon.runtime import Runtime
from checkout_daemon.services.operators import this_operator
from checkout_daemon.services.reconciling import Standing, Uncompared
from checkout_daemon.services.reconciling import reconcile as compare_all
from checkout_daemon.services.syncing import Synced
from checkout_daemon.store.missing_orders import MissingOrder


def reconcile(since: str, note: str, rate: float, *, apply: bool, anew: bool, as_json: bool) -> int:
    started = monotonic()
    mergeable = False  # whether --apply would change anything

    async def work(runtime: Runtime) -> Standing:
        nonlocal mergeable
        zone = runtime.settings.time_zone
        start = read_time(since, "--since", datetime.now(UTC), zone)
        with Progress("Comparing") as progress:

            def begin(standing: Standing, count: int) -> None:
                nonlocal mergeable
                mergeable = standing.after > 0 and standing.tally.left > 0  # by what was told before it was cut off
                progress.total(count)
                if standing.after:
                    begun_at = clock(standing.begun_at, zone)
                    say(f"Going on after order {standing.after}, with the run of {begun_at}; --anew begins again.")

            def tell(outcome: Synced | Uncompared | MissingOrder) -> None:
                nonlocal mergeable
                if not isinstance(outcome, MissingOrder):
                    progress.step()
                if isinstance(outcome, Synced) and any(each.mendable for each in outcome.differences):
                    mergeable = True
                _tell(outcome, as_json=as_json)

            return await compare_all(
                runtime,
                since=start,
                apply=apply,
                operator=this_operator(),
                note=note,
                anew=anew,
                calls_per_second=rate,
                begin=begin,
                tell=tell,
            )

    done = with_runtime(work)
    tally = done.tally
    if as_json:
        print_json({"compared": tally.compared, "differed": tally.differed, "mended": tally.mended,
                    "left": tally.left, "failed": tally.failed, "applied": apply}
                   | ({"missing": tally.missing} if tally.missing else {}))  # fmt: skip
    else:
        answer(_summary(done, monotonic() - started))
        if mergeable and not apply:
            answer("`checkout reconcile --apply` merges what Stripe says.")
    return 1 if tally.left or tally.failed else 0


def _tell(outcome: Synced | Uncompared | MissingOrder, *, as_json: bool) -> None:
    if isinstance(outcome, MissingOrder):
        fix = f"checkout orders recover {outcome.session_id}"
        if as_json:
            print_json({"order_id": outcome.order_id, "number": outcome.number, "session_id": outcome.session_id,
                        "amount_total": outcome.amount_total, "currency": outcome.currency, "missing": True,
                        "fix": fix})  # fmt: skip
        else:
            number = outcome.number or outcome.order_id
            answer(f"Order {number}  not held, and a session of it was gone through at Stripe: `{fix}`")
        return
    if isinstance(outcome, Uncompared):
        if as_json:
            print_json(outcome)
        else:
            answer(f"Order {outcome.number}  not compared: {outcome.error}")
    elif outcome.differences:
        if as_json:
            print_json(synced_object(outcome))
        else:
            print_differences(outcome)


def _summary(done: Standing, seconds: float) -> str:
    tally = done.tally
    parts = [f"{tally.compared - tally.differed - tally.failed} agree", f"{tally.differed} differed"]
    if done.apply:
        parts.append(f"{tally.mended} put right")
    if done.apply and tally.left:
        parts.append(f"{tally.left} need a person")
    if tally.missing:
        parts.append(f"{tally.missing} are not held")
    if tally.failed:
        parts.append(f"{tally.failed} could not be compared")
    return f"Compared {counted(tally.compared, 'order')} with Stripe in {seconds:.1f} s: {', '.join(parts)}."
