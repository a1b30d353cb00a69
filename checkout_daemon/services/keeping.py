"""Ends what is kept for a time only: payloads by age, and coupons at Stripe that no order needs any more."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from checkout_daemon.domain.orders import Order
from checkout_daemon.domain.session_parameters import coupon_id, order_of_coupon
from checkout_daemon.errors import StripeRejected
from checkout_daemon.gateway.client import StripeFailed
from checkout_daemon.gateway.sessions import delete_coupon, list_coupons
from checkout_daemon.runtime import Runtime
from checkout_daemon.services.clocks import clocks_allow
from checkout_daemon.store import retention
from checkout_daemon.store.database import Database
from checkout_daemon.store.orders import read_order
from checkout_daemon.store.payloads import ensure_partitions
from checkout_daemon.store.servers import read_now

log = logging.getLogger(__name__)

# A session that was made with a coupon keeps its discount, so the coupon is needed only until no other can be asked
# for; with some time to spare for a request under way.
SETTLED_FOR = timedelta(minutes=10)
# An order that failed or expired can be paid again, which makes the coupon anew if it must.
GIVEN_UP_FOR = timedelta(days=2)
_COUPONS_A_TURN = 100
_LATE_PAYLOADS = timedelta(days=8)


@dataclass(frozen=True, slots=True)
class StrayCoupon:
    """A coupon at Stripe that was deleted, or never made, as far as we know."""

    id: str
    order: Order


async def drop_old_payloads(runtime: Runtime) -> int:
    """Drop whole weeks of payloads past CHECKOUT_PAYLOAD_DAYS, by the database's clock, and return how many weeks.

    Payloads of events that are not applied stay: an event cannot be applied without its payload.
    """
    database = runtime.database
    async with database.connection() as connection:
        now = await read_now(connection)
    keep_from = now - timedelta(days=runtime.settings.payload_days)
    dropped = 0
    while (name := await database.run_unconfirmed(_drop_partition, keep_from)) is not None:
        log.info("payloads: %s was dropped", name)
        dropped += 1
    async with database.connection() as connection:
        await retention.drop_stray_payloads(connection, keep_from)
        await retention.drop_payloads_after_erasure(connection, now - _LATE_PAYLOADS)
    return dropped


async def make_payload_partitions(database: Database) -> None:
    """Create the payload partitions of the coming weeks."""
    async with database.connection() as connection:
        await ensure_partitions(connection)


async def delete_spent_coupons(runtime: Runtime) -> int:
    """Delete the coupons of orders that need them no more; return how many. To delete one twice does no harm.

    Delete none while the clocks differ too much: an order may then only look old.
    """
    async with runtime.database.connection() as connection:
        now = await read_now(connection)
        order_ids = await retention.spent_coupons(
            connection,
            livemode=runtime.settings.livemode,
            settled_before=now - SETTLED_FOR,
            given_up_before=now - GIVEN_UP_FOR,
            limit=_COUPONS_A_TURN,
        )
    if order_ids and not await clocks_allow(runtime):
        return 0
    for order_id in order_ids:
        try:
            await delete_coupon(runtime.gateway, coupon_id(order_id))
        except StripeFailed as error:  # open whether it is deleted: it is asked again at the next turn
            log.warning("the coupon of order %s is not known to be deleted: %s", order_id, error.detail)
            continue
        except StripeRejected as error:  # it will not do so later either
            log.warning("the coupon of order %s stays at Stripe: %s", order_id, error.detail)
        async with runtime.database.connection() as connection:
            await retention.record_deleted_coupon(connection, order_id, now - SETTLED_FOR)
    return len(order_ids)


async def stray_coupons(runtime: Runtime, *, delete: bool) -> list[StrayCoupon]:
    """Return the coupons at Stripe of orders whose coupon was deleted: Stripe may have made one after a 5xx.

    Raises StripeUnavailable, also where not all coupons could be seen.
    """
    coupons = [str(coupon["id"]) for coupon in await list_coupons(runtime.gateway)]
    order_ids = [order_id for each in coupons if (order_id := order_of_coupon(each)) is not None]
    async with runtime.database.connection() as connection:
        deleted = await retention.without_coupon(connection, order_ids, livemode=runtime.settings.livemode)
        orders = [await read_order(connection, order_id) for order_id in deleted]
    stray = [StrayCoupon(coupon_id(order.id), order) for order in orders]
    if delete:
        for each in stray:
            await delete_coupon(runtime.gateway, each.id)
    return stray


async def _drop_partition(connection: asyncpg.Connection, keep_from: datetime) -> str | None:
    try:
        async with connection.transaction():  # a savepoint: to be refused a lock is no failure here
            return await retention.drop_payload_partition(connection, keep_from)
    except asyncpg.LockNotAvailableError:
        log.info("payloads: the table is in use, its old weeks are dropped at the next turn")
        return None
