"""What daemons put right by themselves, by asking Stripe.

Events that never came, refunds that were only hinted at, sessions that must have ended. Each is done by one daemon at a
time, and gone on with by another when that one dies.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

import msgspec

from checkout_daemon.audit.operators import DAEMON
from checkout_daemon.database.cursors import read_cursor
from checkout_daemon.database.leases import leased
from checkout_daemon.database.pool import Database
from checkout_daemon.errors import StripeRejected, StripeUnavailable
from checkout_daemon.ledger.missing_orders import LONGEST_LOOK, MARGIN, look_for_missing
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api.events import stripe_time
from checkout_daemon.stripe_api.throttle import Pace, at_most
from checkout_daemon.stripe_sync.backfill import Backfilled, backfill
from checkout_daemon.stripe_sync.reconcile_store import follow_hint, hints_to_follow, overdue_orders
from checkout_daemon.stripe_sync.syncing import sync_order

_log = logging.getLogger(__name__)

BACKFILL = "backfill"
SWEEP = "expiry-sweep"
HINTS = "refund-hints"

# A delivery takes seconds; what is older and not here was missed.
_UNDER_WAY = timedelta(seconds=30)
_GAP = timedelta(minutes=10)
# The first time: as long as Stripe repeats a delivery. Later: as long as it keeps events, with a day to spare.
_FIRST_LOOK = timedelta(days=3)
_LONGEST_LOOK = timedelta(days=29)
# Stripe tells of an expiry within moments.
_EXPIRY_GRACE = timedelta(minutes=2)
_MOST_PER_TURN = 50
_CALLS_PER_SECOND = 5.0


class CaughtUp(msgspec.Struct, frozen=True):
    """How far events were compared, in Stripe's time; in the last stretch Stripe made `made`, and `held` were here.

    `missed_at` is when one was last found missing, and `missed` how many were then.
    """

    until: datetime
    made: int = 0
    held: int = 0
    failed: int = 0
    missed: int = 0
    missed_at: datetime | None = None


async def catch_up(runtime: Runtime) -> int:
    """Compare Stripe's list of events with what is held, from where the last one stopped, and merge what is missing.

    How many were missing. Raises StripeUnavailable, StripeRejected, DatabaseUnavailable: then the next begins there.
    """
    async with leased(runtime.database, BACKFILL) as lease:
        if lease is None:
            return 0
        before = None if lease.value is None else msgspec.json.decode(lease.value, type=CaughtUp)
        now = await stripe_time(runtime.gateway)
        until = now - _UNDER_WAY
        since = now - _FIRST_LOOK if before is None else max(before.until, now - _LONGEST_LOOK)
        if before is not None and since < until - _GAP:  # nobody was here, or a restore has taken us back
            try:
                await look_for_missing(
                    runtime, max(since, now - LONGEST_LOOK) - MARGIN, after_page=lambda: lease.save(lease.value)
                )
            except StripeUnavailable as error:  # too many sessions to see them all; events must not wait for it
                _log.warning("orders that a restore may have lost: %s; run `checkout reconcile`", error.detail)
        done = await backfill(runtime, min(since, until), until=until)
        await lease.save(msgspec.json.encode(_after(before, done, until, now)).decode())
    if runtime.metrics is not None:
        runtime.metrics.events_compared(done.scanned, done.held, done.new, done.failed)
    return done.new


def _after(before: CaughtUp | None, done: Backfilled, until: datetime, now: datetime) -> CaughtUp:
    caught = CaughtUp(until, done.scanned, done.held + done.new, done.failed)
    if before is None:  # what Stripe made before there was a daemon was not missed
        return caught
    if done.new:
        return msgspec.structs.replace(caught, missed=done.new, missed_at=now)
    return msgspec.structs.replace(caught, missed=before.missed, missed_at=before.missed_at)


async def how_far(database: Database) -> CaughtUp | None:
    """Where the comparison stands; None before the first."""
    async with database.connection() as connection:
        found = await read_cursor(connection, BACKFILL)
    return None if found is None else msgspec.json.decode(found[0], type=CaughtUp)


async def sweep_expired(runtime: Runtime) -> int:
    """Ask Stripe about sessions that must have ended though nobody told us; how many orders were asked about."""
    async with leased(runtime.database, SWEEP) as lease:
        if lease is None:
            return 0
        before = await stripe_time(runtime.gateway) - _EXPIRY_GRACE
        async with runtime.database.connection() as connection:
            orders = await overdue_orders(connection, before, _MOST_PER_TURN, livemode=runtime.settings.livemode)
        pace = at_most(_CALLS_PER_SECOND)
        for order_id in orders:
            await _sync(runtime, order_id, "session.swept", pace)
            await lease.save(None)
    return len(orders)


async def follow_hints(runtime: Runtime) -> int:
    """Fetch the refunds that a charge's events speak of and that are not held; how many charges there were."""
    async with leased(runtime.database, HINTS) as lease:
        if lease is None:
            return 0
        async with runtime.database.connection() as connection:
            hints = await hints_to_follow(connection, _MOST_PER_TURN, livemode=runtime.settings.livemode)
        pace = at_most(_CALLS_PER_SECOND)
        for hint in hints:
            await _sync(runtime, hint.order_id, "refund.followed", pace)
            async with runtime.database.connection() as connection:
                await follow_hint(connection, hint)
            await lease.save(None)
    return len(hints)


async def _sync(runtime: Runtime, order_id: str, cause: str, pace: Pace) -> None:
    """One that Stripe refuses to tell of must not keep the others waiting; the doctor and reconcile show it."""
    try:
        await sync_order(runtime, order_id, cause=cause, actor=DAEMON, pace=pace)
    except StripeRejected as error:
        _log.warning("order %s was not compared with Stripe: %s", order_id, error.detail)
