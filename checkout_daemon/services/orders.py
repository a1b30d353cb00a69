"""Orders as they are looked at: by the shopper, and by the operator."""

from __future__ import annotations

import re
from dataclasses import dataclass

from checkout_daemon.domain.orders import PAYABLE_STATUSES
from checkout_daemon.errors import NotFound
from checkout_daemon.runtime import Runtime
from checkout_daemon.store import orders

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_SESSION_ID = re.compile(r"cs_[A-Za-z0-9_]{1,250}")


@dataclass(frozen=True, slots=True)
class ShopperItem:
    sku: str
    name: str
    unit_amount: int
    quantity: int
    amount: int


@dataclass(frozen=True, slots=True)
class ShopperOrder:
    """An order as the shopper may see it: nothing in it identifies a person. `retry_url` while it can be paid."""

    number: int
    status: str
    items: tuple[ShopperItem, ...]
    amount_subtotal: int
    amount_discount: int
    amount_total: int
    currency: str
    retry_url: str | None
    amount_refunded: int


async def resolve_ref(runtime: Runtime, ref: str) -> str:
    """The order's id, from a session's id or the order's own; both are random, and so a capability. Raises NotFound."""
    if _UUID.fullmatch(ref):
        return ref.lower()
    if _SESSION_ID.fullmatch(ref):
        async with runtime.database.connection() as connection:
            order_id = await orders.find_by_session(connection, ref)
        if order_id is not None:
            return order_id
    raise NotFound(f"no order has the session {ref}")


async def show_to_shopper(runtime: Runtime, ref: str) -> ShopperOrder:
    """Return an order as its shopper may see it. Raises NotFound."""
    order_id = await resolve_ref(runtime, ref)
    async with runtime.database.connection() as connection:
        order = await orders.read_order(connection, order_id)
        items = await orders.read_items(connection, order_id)
        payable = order.status in PAYABLE_STATUSES and not await orders.has_mismatch(connection, order_id)
    return ShopperOrder(
        number=order.number,
        status=order.status,
        items=tuple(ShopperItem(each.sku, each.name, each.unit_amount, each.quantity, each.amount) for each in items),
        amount_subtotal=order.amount_subtotal,
        amount_discount=order.amount_discount,
        amount_total=order.amount_total,
        currency=order.currency,
        retry_url=f"/api/stripe-checkout/{order.id}/retry" if payable else None,
        amount_refunded=order.amount_refunded,
    )
