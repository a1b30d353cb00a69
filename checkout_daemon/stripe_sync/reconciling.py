"""Compare all orders that may differ with Stripe, and fix them if asked to.

The progress is saved after each few orders, so that the next run continues one that was interrupted.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from functools import partial

import asyncpg
import msgspec

from checkout_daemon.audit.operators import Operator
from checkout_daemon.backoff import BUSY_STRIPE_SECONDS
from checkout_daemon.checkout.coupons import orders_with_stray_coupon
from checkout_daemon.checkout.session_parameters import coupon_id
from checkout_daemon.database.leases import leased
from checkout_daemon.database.queries import sql
from checkout_daemon.errors import CheckoutError, DatabaseUnavailable, StripeUnavailable
from checkout_daemon.ledger.missing_order_store import MissingOrder
from checkout_daemon.ledger.missing_orders import LONGEST_LOOK, MARGIN, look_for_missing
from checkout_daemon.model.orders import Order
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api.client import StripeFailed, StripeSilent
from checkout_daemon.stripe_api.throttle import CALLS_PER_SECOND, at_most
from checkout_daemon.stripe_sync.comparing import Difference, Synced, sync_order

CURSOR = "reconcile"
_CALL_SECONDS = 2.0  # the slowest calls that do not slow down a run
_MOST_AT_ONCE = 100
_SAVED_EVERY = 8  # orders
_RESUMABLE = timedelta(hours=24)


class ReconcileUnderWay(CheckoutError):
    """Another process is reconciling."""

    code = "reconcile_under_way"
    status = 409
    title = "Another reconciliation is running"


class Uncompared(msgspec.Struct, frozen=True):
    """An order that could not be compared, and why."""

    order_id: str
    number: int
    error: str


Outcome = Synced | Uncompared | MissingOrder


class Tally(msgspec.Struct):
    """The outcomes so far. `left` counts the orders that still differ, `failed` those that could not be compared."""

    compared: int = 0
    differed: int = 0
    fixed: int = msgspec.field(default=0, name="mended")  # kept: the name in saved cursors
    left: int = 0
    failed: int = 0
    missing: int = 0  # of those left: orders that only Stripe has

    def add(self, outcome: Outcome) -> None:
        """Count an outcome."""
        self.compared += 1
        if isinstance(outcome, Uncompared):
            self.failed += 1
        elif isinstance(outcome, MissingOrder):
            self.differed += 1
            self.left += 1
            self.missing += 1
        elif outcome.differences:
            self.differed += 1
            self.left += bool(outcome.left)
            self.fixed += not outcome.left


class ReconcileRun(msgspec.Struct):
    """The progress of a run. `after` is the number of the last order that is done.

    `livemode`: of its key; None: it was saved by a release that did not keep that.
    """

    apply: bool
    since: datetime
    begun_at: datetime
    after: int = 0
    tally: Tally = msgspec.field(default_factory=Tally)
    livemode: bool | None = None


async def reconcile(
    runtime: Runtime,
    *,
    since: datetime,
    apply: bool,
    operator: Operator,
    note: str = "",
    anew: bool = False,
    calls_per_second: float = CALLS_PER_SECOND,
    on_start: Callable[[ReconcileRun, int], None] = lambda *_: None,
    on_outcome: Callable[[Outcome], None] = lambda _: None,
) -> ReconcileRun:
    """Compare every order that is open, needs attention, or was created or changed since a time.

    Continue a run that was interrupted within the last day and went back as far, unless `anew`. `on_start` is called
    with the run and the number of orders to compare. Raise ReconcileUnderWay, StripeUnavailable and
    DatabaseUnavailable; the next run continues after the last two.
    """
    async with leased(runtime.database, CURSOR) as lease:
        if lease is None:
            raise ReconcileUnderWay("another `checkout reconcile` is running or was just killed: try again in 2 m")
        livemode = runtime.settings.livemode
        run = _resume(None if anew else lease.value, since, apply=apply, livemode=livemode)

        async def save() -> None:
            await lease.save(msgspec.json.encode(run).decode())

        def report(outcome: Outcome) -> None:
            run.tally.add(outcome)
            on_outcome(outcome)

        async with runtime.database.connection() as connection:
            orders = await connection.fetch(sql("orders_to_compare"), run.after, livemode, run.since)
        on_start(run, len(orders))
        pace = at_most(calls_per_second)
        at_once = min(max(1, round(calls_per_second * _CALL_SECONDS)), _MOST_AT_ONCE)
        sync = partial(
            sync_order,
            runtime,
            cause="reconcile",
            actor=operator,
            note=note,
            apply=run.apply,
            pace=pace,
            store_drift=True,
        )
        async with aclosing(_in_sequence(sync, orders, at_once)) as compared:
            async for place, outcome in compared:
                report(outcome)
                run.after = orders[place]["number"]
                if (place + 1) % _SAVED_EVERY == 0 or place + 1 == len(orders):
                    await save()
        for order in await orders_with_stray_coupon(runtime, delete=run.apply):
            report(_stray_coupon(order, applied=run.apply))
        await save()
        now = runtime.gateway.now()
        begin = max(run.since + (runtime.gateway.ahead or timedelta()), now - LONGEST_LOOK) - MARGIN
        for missing in await look_for_missing(runtime, begin, after_page=save):
            report(missing)
        await lease.save(None)
    return run


def _resume(saved: str | None, since: datetime, *, apply: bool, livemode: bool) -> ReconcileRun:
    """Return the saved run if it covers what is wanted now, or a new run."""
    now = datetime.now(UTC)
    if saved is not None:
        run = msgspec.json.decode(saved, type=ReconcileRun)
        same = run.apply == apply and run.livemode == livemode
        if same and run.since <= since and now - run.begun_at < _RESUMABLE:
            return run
    return ReconcileRun(apply, since, now, livemode=livemode)


def _stray_coupon(order: Order, *, applied: bool) -> Synced:
    """Report a coupon that appeared after it was deleted as a difference of its order."""
    return Synced(
        order_id=order.id,
        number=order.number,
        differences=(Difference(coupon_id(order.id), "status", "deleted", "there"),),
        status_before=order.status,
        status=order.status,
        amount_refunded=order.amount_refunded,
        attention=order.attention,
        applied=applied,
    )


async def _in_sequence(
    sync: Callable[[str], Awaitable[Synced]], orders: Sequence[asyncpg.Record], at_once: int
) -> AsyncGenerator[tuple[int, Synced | Uncompared], None]:
    """Sync orders, many at once, and yield the place and outcome of one after the other.

    When it is closed or raises, the orders under way are broken off: the next run compares them again.
    """
    answered = asyncio.Event()
    under_way: deque[asyncio.Task[Synced | Uncompared]] = deque()
    begun = 0
    try:
        for place in range(len(orders)):
            while begun < len(orders) and len(under_way) < at_once:
                under_way.append(asyncio.create_task(_patiently(sync, orders[begun], answered)))
                begun += 1
            outcome = await under_way[0]
            under_way.popleft()
            yield place, outcome
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)


async def _patiently(
    sync: Callable[[str], Awaitable[Synced]], order: asyncpg.Record, answered: asyncio.Event
) -> Synced | Uncompared:
    """Sync an order, and try again while Stripe or the database does not answer; in the end raise, and stop the run.

    Raise at once if Stripe is silent and has not `answered` for any order.
    """
    order_id = str(order["id"])
    pauses = iter(BUSY_STRIPE_SECONDS)
    while True:
        try:
            synced = await sync(order_id)
            answered.set()
            return synced
        except (DatabaseUnavailable, StripeUnavailable) as error:
            if not answered.is_set() and isinstance(error, StripeSilent):
                raise  # nothing has been compared yet: do not keep the operator waiting
            pause = next(pauses, None)
            if pause is None:
                if isinstance(error, StripeFailed):
                    return Uncompared(order_id, order["number"], error.detail)
                raise
            await asyncio.sleep(pause)
        except CheckoutError as error:
            answered.set()
            return Uncompared(order_id, order["number"], error.detail)
