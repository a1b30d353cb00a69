"""Compares every order that may differ with Stripe, one after the other, and with `apply` puts them right.

Where it has come to is kept after each handful, so that a run that was killed or cut off is gone on with by the next.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from checkout_daemon.audit.operators import Operator
from checkout_daemon.backoff import BUSY_STRIPE_SECONDS
from checkout_daemon.checkout.coupons import StrayCoupon, stray_coupons
from checkout_daemon.database.leases import Lease, leased
from checkout_daemon.errors import CheckoutError, DatabaseUnavailable, StripeUnavailable
from checkout_daemon.ledger.missing_order_store import MissingOrder
from checkout_daemon.ledger.missing_orders import LONGEST_LOOK, MARGIN, look_for_missing
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api.client import StripeFailed, StripeSilent
from checkout_daemon.stripe_api.throttle import Pace, at_most
from checkout_daemon.stripe_sync.reconcile_store import Candidate, orders_to_compare
from checkout_daemon.stripe_sync.syncing import Difference, Synced, sync_order

CURSOR = "reconcile"
CALLS_PER_SECOND = 20.0
"""Below the 25 that Stripe takes in test mode, and the shop's own calls go on meanwhile."""

_AT_ONCE = 8
_RESUMABLE = timedelta(hours=24)


class ReconcileUnderWay(CheckoutError):
    """Another process is at it."""

    code = "reconcile_under_way"
    status = 409
    title = "Somebody else is reconciling"


class Tally(msgspec.Struct):
    """What came of the orders so far; `left` of those that differed, `failed` of those that could not be compared."""

    compared: int = 0
    differed: int = 0
    fixed: int = 0
    left: int = 0
    failed: int = 0
    missing: int = 0  # of those left: Stripe has a session of theirs, and they are not held


class Standing(msgspec.Struct):
    """Where a run stands; `after` is the number of the last order that is done."""

    apply: bool
    since: datetime
    begun_at: datetime
    after: int = 0
    tally: Tally = msgspec.field(default_factory=Tally)


class Uncompared(msgspec.Struct, frozen=True):
    """An order that Stripe refused to tell of, and why."""

    order_id: str
    number: int
    error: str


Tell = Callable[[Synced | Uncompared | MissingOrder], None]
Begin = Callable[[Standing, int], None]


async def reconcile(
    runtime: Runtime,
    *,
    since: datetime,
    apply: bool,
    operator: Operator,
    note: str = "",
    anew: bool = False,
    calls_per_second: float = CALLS_PER_SECOND,
    begin: Begin = lambda *_: None,
    tell: Tell = lambda _: None,
) -> Standing:
    """Compare all that is open, flagged, or made or changed since a time; `tell` each order, `begin` with how many.

    A run of the last day that was cut off and reached as far back is gone on with, unless `anew`. Raises
    StripeUnavailable and DatabaseUnavailable, after which the next run goes on; ReconcileUnderWay.
    """
    async with leased(runtime.database, CURSOR) as lease:
        if lease is None:
            raise ReconcileUnderWay(
                "another `checkout reconcile` is at it, or was killed a moment ago: try again in 2 m"
            )
        standing = _standing(None if anew else lease.value, since, apply=apply)
        async with runtime.database.connection() as connection:
            orders = await orders_to_compare(
                connection, standing.since, after=standing.after, livemode=runtime.settings.livemode
            )
        begin(standing, len(orders))
        pace = at_most(calls_per_second)
        for place in range(0, len(orders), _AT_ONCE):
            await _compare(
                runtime, orders[place : place + _AT_ONCE], standing, operator, note, pace, tell, patient=place > 0
            )
            await _save(lease, standing)
        for coupon in await stray_coupons(runtime, delete=standing.apply):
            outcome = _stray(coupon, applied=standing.apply)
            standing.tally.compared += 1
            _count(standing.tally, outcome)
            tell(outcome)
        await _save(lease, standing)
        found = await look_for_missing(
            runtime, _since_at_stripe(runtime, standing), after_page=lambda: _save(lease, standing)
        )
        for each in found:
            for count in ("compared", "differed", "left", "missing"):
                setattr(standing.tally, count, getattr(standing.tally, count) + 1)
            tell(each)
        await lease.save(None)
    return standing


def _count(tally: Tally, outcome: Synced) -> None:
    if outcome.differences:
        tally.differed += 1
        tally.left += bool(outcome.left)
        tally.fixed += not outcome.left


def _stray(coupon: StrayCoupon, *, applied: bool) -> Synced:
    """Report a coupon that appeared after it was deleted as a difference of its order."""
    difference = Difference(coupon.id, "status", "deleted", "there")
    order = coupon.order
    return Synced(
        order.id,
        order.number,
        (difference,),
        order.status,
        order.status,
        order.amount_refunded,
        order.attention,
        applied,
    )


def _since_at_stripe(runtime: Runtime, standing: Standing) -> datetime:
    """Return how far back to look, by Stripe's clock and within reason."""
    now = runtime.gateway.now()
    return max(standing.since + (runtime.gateway.ahead or timedelta()), now - LONGEST_LOOK) - MARGIN


def _standing(value: str | None, since: datetime, *, apply: bool) -> Standing:
    now = datetime.now(UTC)
    if value is not None:
        kept = msgspec.json.decode(value, type=Standing)
        if kept.apply == apply and kept.since <= since and now - kept.begun_at < _RESUMABLE:
            return kept
    return Standing(apply, since, now)


async def _save(lease: Lease, standing: Standing) -> None:
    await lease.save(msgspec.json.encode(standing).decode())


async def _compare(
    runtime: Runtime,
    orders: Sequence[Candidate],
    standing: Standing,
    operator: Operator,
    note: str,
    pace: Pace,
    tell: Tell,
    *,
    patient: bool,
) -> None:
    async def one(order: Candidate) -> Synced | Uncompared:
        return await _patiently(runtime, order, operator, note, pace, apply=standing.apply, patient=patient)

    for outcome in await asyncio.gather(*(one(each) for each in orders)):
        standing.tally.compared += 1
        if isinstance(outcome, Uncompared):
            standing.tally.failed += 1
        else:
            _count(standing.tally, outcome)
        tell(outcome)
    standing.after = orders[-1].number


async def _patiently(
    runtime: Runtime, order: Candidate, operator: Operator, note: str, pace: Pace, *, apply: bool, patient: bool
) -> Synced | Uncompared:
    """Stripe may be busy, or away for a moment; for longer, or not `patient` and it is silent, and the run stops."""
    for pause in (*BUSY_STRIPE_SECONDS, None):
        try:
            return await sync_order(
                runtime, order.order_id, cause="reconcile", actor=operator, note=note, apply=apply, pace=pace
            )
        except (DatabaseUnavailable, StripeUnavailable) as error:
            if not patient and isinstance(error, StripeSilent):
                raise  # nothing has been compared yet: whoever waits is told at once
            if pause is None:
                if isinstance(error, StripeFailed):
                    return Uncompared(order.order_id, order.number, error.detail)
                raise
            await asyncio.sleep(pause)
        except CheckoutError as error:
            return Uncompared(order.order_id, order.number, error.detail)
    raise AssertionError("the last pause is None")
