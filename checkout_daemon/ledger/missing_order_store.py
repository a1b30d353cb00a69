"""Records orders that Stripe knows and the database does not, and recovers them with their numbers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter

import asyncpg

from checkout_daemon.catalog.pricing import PricedLine
from checkout_daemon.database.queries import sql
from checkout_daemon.database.records import columns, record_of
from checkout_daemon.model.shipping import OrderShipping


@dataclass(frozen=True, slots=True)
class MissingOrder:
    """A completed session at Stripe whose order does not exist here. Amount in minor units."""

    session_id: str
    order_id: str
    number: int | None
    livemode: bool
    amount_total: int | None
    currency: str | None


@dataclass(frozen=True, slots=True)
class NewestOrder:
    """The order that was created last."""

    number: int
    livemode: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class RecoveredOrder:
    """An order to insert again. `parameters` are those of the attempt that created the session."""

    id: str
    number: int | None
    currency: str
    amount_subtotal: int
    amount_discount: int
    amount_total: int
    customer_name: str
    customer_email: str
    customer_phone: str
    discount_code: str | None
    livemode: bool
    created_at: datetime
    locale: str | None
    lines: Sequence[PricedLine]
    attempt: int
    session_id: str
    parameters: str
    amount_shipping: int | None = None
    shipping: OrderShipping | None = None


async def read_shop(connection: asyncpg.Connection) -> str | None:
    """Return the id of this shop, which backups include."""
    shop = await connection.fetchval(sql("read_shop"))
    return None if shop is None else str(shop)


async def held_orders(connection: asyncpg.Connection, order_ids: Collection[str]) -> set[str]:
    """Return the ids of the orders that exist."""
    return {str(row["id"]) for row in await connection.fetch(sql("held_orders"), list(order_ids))}


async def record_missing(connection: asyncpg.Connection, found: Sequence[MissingOrder]) -> None:
    """Record missing orders. Those that exist are skipped."""
    await connection.execute(
        sql("record_missing_orders"),
        *columns(found, "session_id", "order_id", "number", "livemode", "amount_total", "currency"),
    )


async def list_missing(connection: asyncpg.Connection, *, livemode: bool) -> list[MissingOrder]:
    """Return the orders that are still missing, in the sequence in which they were found."""
    rows = await connection.fetch(sql("list_missing_orders"), livemode)
    return [record_of(MissingOrder, row) for row in rows]


async def raise_numbers(connection: asyncpg.Connection, highest: int) -> bool:
    """Make the next order's number higher than this one. Return whether that changed anything."""
    return await connection.fetchval(sql("raise_order_numbers"), highest) is not None


async def last_number(connection: asyncpg.Connection) -> int:
    """Return the last number used, or the one before the first."""
    number: int = await connection.fetchval(sql("last_order_number"))
    return number


async def newest_order(connection: asyncpg.Connection) -> NewestOrder | None:
    """Return the order that was created last, or None if no order exists."""
    row = await connection.fetchrow(sql("newest_order"))
    return None if row is None else record_of(NewestOrder, row)


async def insert_recovered(connection: asyncpg.Connection, order: RecoveredOrder, channel: str) -> int | None:
    """Insert an order with its items and attempt. Return its number (the old one unless taken); None if it exists."""
    number: int | None = await connection.fetchval(
        sql("insert_recovered_order"),
        *attrgetter("id", "number", "currency", "amount_subtotal", "amount_discount")(order),
        order.amount_total - (order.amount_shipping or 0),  # the caller completes the terms
        *attrgetter("customer_name", "customer_email", "customer_phone", "discount_code")(order),
        *attrgetter("livemode", "created_at", "locale")(order),
        *columns(order.lines, "sku", "name", "description", "unit_amount", "quantity", "amount", "amount_discount"),
        order.attempt,
        order.parameters,
        order.session_id,
        channel,
    )
    return number
