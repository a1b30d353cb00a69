"""Deletes the coupon that an order has at Stripe once the order no longer needs it."""

from __future__ import annotations

import logging
from datetime import timedelta

from checkout_daemon.checkout.session_parameters import coupon_id, order_of_coupon
from checkout_daemon.clocks import clocks_allow
from checkout_daemon.database.queries import sql
from checkout_daemon.database.server import read_now
from checkout_daemon.errors import StripeRejected
from checkout_daemon.model.orders import Order
from checkout_daemon.orders.order_store import read_order
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api.client import StripeFailed
from checkout_daemon.stripe_api.sessions import delete_coupon, list_coupons

log = logging.getLogger(__name__)

# A session keeps the discount of its coupon, so the coupon is needed only until no further session can be created,
# plus some time for a request in progress.
SETTLED_FOR = timedelta(minutes=10)
# An order that failed or expired can be paid again. A retry creates the coupon again if it must.
GIVEN_UP_FOR = timedelta(days=2)
_COUPONS_A_TURN = 100


async def delete_spent_coupons(runtime: Runtime) -> int:
    """Delete the coupons that orders no longer need, and return how many. Deleting one twice is harmless.

    Delete none while the clocks differ too much: an order may then only look old.
    """
    async with runtime.database.connection() as connection:
        now = await read_now(connection)
        settled_before, given_up_before = now - SETTLED_FOR, now - GIVEN_UP_FOR
        rows = await connection.fetch(
            sql("spent_coupons"), runtime.settings.livemode, settled_before, given_up_before, _COUPONS_A_TURN
        )
    if rows and not await clocks_allow(runtime):
        return 0
    for row in rows:
        order_id = str(row["id"])
        try:
            await delete_coupon(runtime.gateway, coupon_id(order_id))
        except StripeFailed as error:  # it may or may not be deleted: the next turn asks again
            log.warning("the coupon of order %s is not known to be deleted: %s", order_id, error.detail)
            continue
        except StripeRejected as error:  # Stripe will not delete it later either
            log.warning("the coupon of order %s stays at Stripe: %s", order_id, error.detail)
        async with runtime.database.connection() as connection:
            await connection.execute(sql("record_deleted_coupon"), order_id, settled_before)
    return len(rows)


async def orders_with_stray_coupon(runtime: Runtime, *, delete: bool) -> list[Order]:
    """Return the orders whose coupon exists at Stripe although it was deleted: Stripe may create one after a 5xx.

    Raise StripeUnavailable, also if the list of coupons could not be read to its end.
    """
    coupon_ids = [str(coupon["id"]) for coupon in await list_coupons(runtime.gateway)]
    order_ids = [order_id for found in coupon_ids if (order_id := order_of_coupon(found)) is not None]
    async with runtime.database.connection() as connection:
        deleted = await connection.fetch(sql("without_coupon"), order_ids, runtime.settings.livemode)
        orders = [await read_order(connection, str(row["id"])) for row in deleted]
    if delete:
        for order in orders:
            await delete_coupon(runtime.gateway, coupon_id(order.id))
    return orders
