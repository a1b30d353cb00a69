"""Finds an order for its shopper, and counts a shopper's declined payments."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from checkout_daemon.catalog.pricing import PricedLine, TaxLine
from checkout_daemon.database.queries import sql
from checkout_daemon.errors import NotFound
from checkout_daemon.model.orders import PAYABLE_STATUSES, Order, order_id_from
from checkout_daemon.model.shipping import OrderShipping
from checkout_daemon.orders import order_store
from checkout_daemon.orders.shipping_store import read_shipping, read_taxes
from checkout_daemon.runtime import Runtime

_SESSION_ID = re.compile(r"cs_[A-Za-z0-9_]{1,250}")


@dataclass(frozen=True, slots=True)
class RefundOfOrder:
    """A refund. `amount` in minor units, `status` in Stripe's words."""

    amount: int
    currency: str
    status: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ShopperOrder:
    """An order for its shopper, who may see only part of it (web/schemas.py). `retry_url` while it can be paid."""

    order: Order
    items: tuple[PricedLine, ...]
    retry_url: str | None
    taxes: tuple[TaxLine, ...] = ()
    shipping: OrderShipping | None = None
    refunds: tuple[RefundOfOrder, ...] = ()


async def resolve_ref(runtime: Runtime, ref: str) -> str:
    """Return the id of the order that `ref` names by its id or by the id of a session. Raise NotFound.

    Both ids are random, so whoever has one may see the order.
    """
    order_id = order_id_from(ref)
    if order_id is None and _SESSION_ID.fullmatch(ref):
        async with runtime.database.connection() as connection:
            order_id = await order_store.find_by_session(connection, ref)
    if order_id is not None:
        return order_id
    raise NotFound("no order has this id or session id")


async def show_to_shopper(runtime: Runtime, ref: str) -> ShopperOrder:
    """Return the order that `ref` names. Raise NotFound."""
    order_id = await resolve_ref(runtime, ref)
    async with runtime.database.connection() as connection:
        order = await order_store.read_order(connection, order_id)
        items = await order_store.read_items(connection, order_id)
        taxes = await read_taxes(connection, [order_id]) if order.amount_tax is not None else {}
        sent = await read_shipping(connection, [order_id]) if order.amount_shipping is not None else {}
        refunds = await connection.fetch(sql("refunds_of_order"), order_id, order.livemode) if order.paid_at else []
        payable = (
            order.status in PAYABLE_STATUSES
            and order.imported_from is None
            and order.customer_email != ""
            and order.livemode == runtime.settings.livemode
            and not await order_store.has_mismatch(connection, order_id)
        )
    retry_url = f"/api/stripe-checkout/{order.id}/retry" if payable else None
    return ShopperOrder(
        order,
        items,
        retry_url,
        taxes.get(order_id, ()),
        sent.get(order_id),
        tuple(RefundOfOrder(**refund) for refund in refunds),
    )


async def count_declines(runtime: Runtime, ref: str, order_ids: Sequence[str]) -> int:
    """Return how many payments were declined within the hour, which reveals card testing.

    Count the declines of the email of the order `ref` and those of the orders, and return the greater number. Those of
    orders that were paid in the end do not count. Raise NotFound if `ref` names no order.
    """
    order_id = await resolve_ref(runtime, ref)
    async with runtime.database.connection() as connection:
        declines: int = await connection.fetchval(sql("count_declines"), order_id, list(order_ids))
    return declines


async def count_declines_of(runtime: Runtime, order_ids: Sequence[str]) -> int:
    """Return how many payments of these orders were declined within the hour, as count_declines counts them."""
    async with runtime.database.connection() as connection:
        declines: int = await connection.fetchval(sql("count_declines_of_orders"), list(order_ids))
    return declines
