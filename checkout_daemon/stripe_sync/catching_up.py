"""Fix in the background what Stripe did not deliver.

That is missed events, refunds that are only hinted at, and sessions that must have ended. One daemon at a time does
each of these. If it dies, another continues.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

import asyncpg
import msgspec

from checkout_daemon.audit.operators import DAEMON
from checkout_daemon.database.leases import LeaseLost, leased, read_cursor
from checkout_daemon.database.queries import sql
from checkout_daemon.errors import CheckoutError, DatabaseUnavailable, StripeUnavailable
from checkout_daemon.ledger.missing_orders import LONGEST_LOOK, MARGIN, look_for_missing
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api.client import StripeDenied
from checkout_daemon.stripe_api.events import stripe_time
from checkout_daemon.stripe_api.throttle import Pace, at_most
from checkout_daemon.stripe_sync.backfill import Backfilled, backfill
from checkout_daemon.stripe_sync.comparing import sync_order

_log = logging.getLogger(__name__)

_BACKFILL = "backfill"
_SWEEP = "expiry-sweep"
_HINTS = "refund-hints"

# A delivery takes seconds: an event that is older and not stored was missed.
_UNDER_WAY = timedelta(seconds=30)
_GAP = timedelta(minutes=10)
# The first comparison goes back as far as Stripe repeats a delivery; later ones as far as it keeps events, less a day.
_FIRST_LOOK = timedelta(days=3)
_LONGEST_LOOK = timedelta(days=29)
_EXPIRY_GRACE = timedelta(minutes=2)  # Stripe reports an expiry within moments
_MOST_PER_TURN = 50
_CALLS_PER_SECOND = 5.0
_STOPS_ALL = (DatabaseUnavailable, StripeUnavailable, StripeDenied, LeaseLost)


class CaughtUp(msgspec.Struct, frozen=True):
    """How far events were compared, by Stripe's clock, and how many were listed and stored in the last comparison.

    `missed_at` is when an event was last found missing, and `missed` how many were missing then. `livemode` is the mode
    of these events; None: it was saved by a release that did not keep that. `other_until` is how far events of the
    other mode were compared.
    """

    until: datetime
    listed: int = msgspec.field(default=0, name="made")
    stored: int = msgspec.field(default=0, name="held")
    failed: int = 0
    missed: int = 0
    missed_at: datetime | None = None
    livemode: bool | None = None
    other_until: datetime | None = None


async def catch_up(runtime: Runtime) -> int:
    """Compare Stripe's events with ours since the last comparison, apply the missing ones, and return how many.

    Raise StripeUnavailable, StripeRejected and DatabaseUnavailable; the next comparison then begins at the same time.
    """
    async with leased(runtime.database, _BACKFILL) as lease:
        if lease is None:
            return 0
        saved = None if lease.value is None else msgspec.json.decode(lease.value, type=CaughtUp)
        livemode = runtime.settings.livemode
        before, other_until = _by_mode(saved, livemode=livemode)
        now = await stripe_time(runtime.gateway)
        until = now - _UNDER_WAY
        since = now - _FIRST_LOOK if before is None else max(before.until, now - _LONGEST_LOOK)
        if before is not None and before.livemode is None:  # perhaps of the other mode
            since = min(since, now - _FIRST_LOOK)
        if before is not None and since < until - _GAP:  # no daemon ran, or a restore reset the database
            try:
                await look_for_missing(runtime, max(since, now - LONGEST_LOOK) - MARGIN, after_page=lease.renew)
            except StripeUnavailable as error:  # too many sessions to see all of them; events must not wait for it
                _log.warning("orders that a restore may have lost: %s; run `checkout reconcile`", error.detail)
        since = min(since, until)

        async def note_missed(count: int) -> None:
            """Keep the count before the events are stored: after a crash in between, none is missing any more."""
            if before is not None:
                found = msgspec.structs.replace(before, missed=count, missed_at=now, other_until=other_until)
                await lease.note(msgspec.json.encode(found).decode())

        done = await backfill(runtime, since, until=until, before_new=note_missed, after_page=lease.renew)
        reached = since if done.lost else until  # the next comparison fetches them again
        after = msgspec.structs.replace(_after(before, done, reached, now), livemode=livemode, other_until=other_until)
        await lease.save(msgspec.json.encode(after).decode())
    if done.lost:
        _log.error("%d events of Stripe were fetched and are not stored: they are fetched again", done.lost)
    if runtime.metrics is not None:
        runtime.metrics.events_compared(done.scanned, done.stored, done.new, done.failed)
    return done.new


def _by_mode(saved: CaughtUp | None, *, livemode: bool) -> tuple[CaughtUp | None, datetime | None]:
    """Return the last comparison in this mode, and how far events of the other mode were compared."""
    if saved is None or saved.livemode in (None, livemode):
        return saved, None if saved is None else saved.other_until
    before = None if saved.other_until is None else CaughtUp(saved.other_until, livemode=livemode)
    return before, saved.until


def _after(before: CaughtUp | None, done: Backfilled, until: datetime, now: datetime) -> CaughtUp:
    caught = CaughtUp(until, done.scanned, done.stored + done.new, done.failed)
    if before is None:  # events from before the first daemon were not missed
        return caught
    if done.new:
        return msgspec.structs.replace(caught, missed=done.new, missed_at=now)
    return msgspec.structs.replace(caught, missed=before.missed, missed_at=before.missed_at)


async def last_comparison(connection: asyncpg.Connection) -> tuple[CaughtUp | None, datetime | None]:
    """Return how far events were compared, and when by the database's clock; None and None before the first time."""
    found = await read_cursor(connection, _BACKFILL)
    return (None, None) if found is None else (msgspec.json.decode(found[0], type=CaughtUp), found[1])


async def sweep_expired(runtime: Runtime) -> int:
    """Sync orders with sessions that must have ended although Stripe has not reported it, and return how many."""
    async with leased(runtime.database, _SWEEP) as lease:
        if lease is None:
            return 0
        before = await stripe_time(runtime.gateway) - _EXPIRY_GRACE
        async with runtime.database.connection() as connection:
            overdue = await connection.fetch(sql("overdue_orders"), before, runtime.settings.livemode, _MOST_PER_TURN)
        pace = at_most(_CALLS_PER_SECOND)
        for row in overdue:
            await _sync(runtime, str(row["order_id"]), "session.swept", pace)
            await lease.renew()
    return len(overdue)


async def follow_hints(runtime: Runtime) -> int:
    """Sync orders with a charge whose events mention refunds that are not stored, and return how many charges."""
    async with leased(runtime.database, _HINTS) as lease:
        if lease is None:
            return 0
        async with runtime.database.connection() as connection:
            await connection.execute(sql("settle_hints"))
            hints = await connection.fetch(sql("hints_to_follow"), runtime.settings.livemode, _MOST_PER_TURN)
        pace = at_most(_CALLS_PER_SECOND)
        for order_id, *hint in hints:
            await _sync(runtime, str(order_id), "refund.followed", pace)
            async with runtime.database.connection() as connection:
                await connection.execute(sql("follow_hint"), *hint)
            await lease.renew()
    return len(hints)


async def _sync(runtime: Runtime, order_id: str, cause: str, pace: Pace) -> None:
    """Sync an order. What is wrong with it alone must not hold up the others; doctor and reconcile report it."""
    try:
        await sync_order(runtime, order_id, cause=cause, actor=DAEMON, pace=pace)
    except _STOPS_ALL:
        raise
    except CheckoutError as error:
        _log.warning("order %s was not compared with Stripe: %s", order_id, error.detail)
