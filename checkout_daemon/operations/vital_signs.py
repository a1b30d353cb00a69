"""Check the vital signs of a running shop, quickly, for a screen that refreshes all the time.

This asks the database and this machine, never Stripe. The slower checks are the doctor's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import perf_counter

from checkout_daemon.database.server import read_server
from checkout_daemon.model.counts import counted
from checkout_daemon.model.messages import Channel
from checkout_daemon.operations.doctor.check import Check
from checkout_daemon.operations.doctor.probes import database_fix
from checkout_daemon.orders.figures import (
    LONGEST_LAG_SECONDS,
    ArrivalLine,
    OwedLine,
    Trouble,
    read_arrivals,
    read_owed,
    read_trouble,
)
from checkout_daemon.outbox.channels import missing_setting, read_backlogs
from checkout_daemon.outbox.outbox_store import MOST_COUNTED, Backlog
from checkout_daemon.runtime import Runtime
from checkout_daemon.settings import Settings, read_setting
from checkout_daemon.stripe_cli import daemons
from checkout_daemon.stripe_sync.catching_up import CaughtUp, last_comparison
from checkout_daemon.stripe_sync.pulse import Pulse, read_pulse

MINUTE = timedelta(minutes=1)
MINUTES = 60

SIGNS = ("daemons", "comparison", "outbox", "lag")

# One of the daemons compares with Stripe every minute, on whichever machine it runs.
_COMPARES_WITHIN = timedelta(seconds=150)
_LONGEST_OWED_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class VitalSigns:
    """The state of the shop at `at`.

    `arrivals` and `owed` cover the last MINUTES minutes; `daemons` are the processes on this machine.
    """

    at: datetime
    answered_seconds: float  # how long the database took to answer a trivial query
    daemons: tuple[int, ...]
    trouble: Trouble
    waiting: tuple[Backlog, ...]
    caught_up: CaughtUp | None
    compared_at: datetime | None
    arrivals: tuple[ArrivalLine, ...]
    owed: tuple[OwedLine, ...]
    pulse: Pulse


async def read_vital_signs(runtime: Runtime, now: datetime) -> VitalSigns:
    """Read the vital signs. Raise DatabaseUnavailable."""
    since = now.replace(second=0, microsecond=0) - (MINUTES - 1) * MINUTE
    async with runtime.database.connection() as connection:
        started = perf_counter()
        await read_server(connection)
        answered = perf_counter() - started
        caught_up, compared_at = await last_comparison(connection)
        return VitalSigns(
            at=now,
            answered_seconds=answered,
            daemons=tuple(daemons.running(runtime.settings.state_dir)),
            trouble=await read_trouble(connection, now, livemode=runtime.settings.livemode),
            pulse=await read_pulse(connection),
            waiting=tuple(await read_backlogs(connection, runtime.settings)),
            caught_up=caught_up,
            compared_at=compared_at,
            arrivals=tuple(await read_arrivals(connection, since, MINUTE)),
            owed=tuple(await read_owed(connection, since, MINUTE)),
        )


def judge(settings: Settings, signs: VitalSigns) -> list[Check]:
    """Return one check for each of SIGNS, in that order."""
    return [_daemons(settings, signs), _comparison_done(settings, signs), _outbox(settings, signs), _lag(signs)]


def no_answer(settings: Settings, detail: str) -> list[Check]:
    """Return the checks that are possible without the database."""
    pids = daemons.running(settings.state_dir)
    runs = _running(pids) if pids else Check.failed("daemons", f"none runs on {settings.state_dir}", _start())
    return [Check.failed("database", detail, database_fix(settings)), runs]


def _daemons(settings: Settings, signs: VitalSigns) -> Check:
    """Check that a daemon works, here or elsewhere. One that is stopped, or hangs, still has its process."""
    if not signs.pulse.daemon_silent:
        if signs.daemons:
            return _running(signs.daemons)
        here = f"none runs on {settings.state_dir.name}"
        return Check.passed("daemons", f"{here}, but one was at work {signs.pulse.daemon_seconds:.0f} s ago")
    ago = signs.pulse.daemon_seconds
    lately = "none was ever at work" if ago is None else f"the last one was at work {ago:.0f} s ago"
    if signs.daemons:
        pids = ", ".join(map(str, signs.daemons))
        detail = f"process {pids} is stopped, hangs, or runs without jobs: {lately}"
        return Check.failed("daemons", detail, _start())
    return Check.failed("daemons", f"none runs on {settings.state_dir}, and {lately}", _start())


def _comparison_age(signs: VitalSigns) -> float | None:
    """Return how many seconds ago a daemon compared, or None if that is too long ago for one to run."""
    if signs.compared_at is None or signs.at - signs.compared_at >= _COMPARES_WITHIN:
        return None
    return max((signs.at - signs.compared_at).total_seconds(), 0)


def _running(pids: Sequence[int]) -> Check:
    which = "one runs on this machine: process" if len(pids) == 1 else f"{len(pids)} run on this machine: processes"
    return Check.passed("daemons", f"{which} {', '.join(map(str, pids))}")


def _comparison_done(settings: Settings, signs: VitalSigns) -> Check:
    caught = signs.caught_up
    if caught is None:
        return Check.failed("comparison", "no daemon has compared its events with Stripe's yet", _start())
    counts = f"Stripe made {caught.listed}, we hold {caught.stored}, to {caught.until:%Y-%m-%d %H:%M} UTC"
    if caught.failed or caught.stored < caught.listed:
        return Check.failed("comparison", f"{counts}; {caught.failed} failed", "checkout events list --status failed")
    if _comparison_age(signs) is None:
        return Check.failed("comparison", f"{counts}: no daemon has compared since", _start())
    missed = f"; {caught.missed} had been missed and were fetched" if caught.missed else ""
    return Check.passed("comparison", f"{counts}{missed}")


def _outbox(settings: Settings, signs: VitalSigns) -> Check:
    """Check the outbox. A message for a channel that is not configured is not a fault: it is given up in the end."""
    waiting = [backlog for backlog in signs.waiting if backlog.status != "dead"]
    dead = [backlog for backlog in signs.waiting if backlog.status == "dead"]
    missing = {missing_setting(settings, Channel(backlog.channel)) for backlog in waiting}
    oldest = max((backlog.oldest_seconds or 0.0 for backlog in waiting), default=0.0)
    unset = ", ".join(sorted(name for name in missing if name is not None))
    count = sum(backlog.messages for backlog in waiting)
    detail = "at least " if unset and count >= MOST_COUNTED else ""
    detail += counted(count, "message")
    detail += f" {'waits' if count == 1 else 'wait'}{f' for {unset} to be set' if unset else ''}"
    detail += f", {sum(backlog.messages for backlog in dead):,} dead"
    if dead:
        return Check.failed("outbox", detail, "checkout outbox list --status dead")
    if oldest > _LONGEST_OWED_SECONDS:
        fix = "checkout outbox list --status queued --status failed"
        return Check.failed("outbox", f"{detail}; the oldest has for {oldest / 60:.0f} minutes", fix)
    return Check.skipped("outbox", detail) if unset else Check.passed("outbox", detail)


def _lag(signs: VitalSigns) -> Check:
    lag = signs.trouble.lag_seconds
    if lag is None:
        return Check.passed("lag", "no event arrived within a day")
    detail = f"{lag:.1f} s from creation at Stripe to arrival here (median)"
    if lag > LONGEST_LAG_SECONDS:
        return Check.failed("lag", detail, "checkout events list --since 24h")
    return Check.passed("lag", detail)


def _start() -> str:
    return "checkout dev" if read_setting("STRIPE_API_KEY") is None else "checkout serve"
