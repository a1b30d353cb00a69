"""Lists orders for operators, and reads everything about one."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import get_type_hints

import asyncpg
import msgspec

from checkout_daemon.catalog.pricing import TaxLine
from checkout_daemon.database.queries import sql
from checkout_daemon.database.records import FAR_FUTURE, LONG_AGO, in_utc, record_of
from checkout_daemon.events.event_lists import fingerprinted
from checkout_daemon.ledger.change_log import ChangeLine
from checkout_daemon.model.events import EventLine
from checkout_daemon.model.orders import PAYMENT_NAME, PAYMENT_SKU, Order, OrderStatus
from checkout_daemon.model.shipping import OrderShipping
from checkout_daemon.orders.charge_lines import ChargeLine
from checkout_daemon.orders.order_filter import Extent, OrderCursor, OrderFilter
from checkout_daemon.orders.order_search import search_orders
from checkout_daemon.orders.refund_items import RefundedItem

_SEARCHED = 1000  # orders that one filter finds, before the index of another is tried
# The index by email and status leaves these out: nearly all orders pass through them.
_OFTEN = frozenset({"pending", "completed"})


@dataclass(frozen=True, slots=True)
class ItemLine:
    """An item of an order. Amounts in minor units."""

    sku: str
    name: str
    unit_amount: int
    quantity: int
    amount: int
    amount_discount: int


@dataclass(frozen=True, slots=True)
class OrderSession:
    """A session of an order. `unknown`: `field=value` if this version does not know a value, which is shown anyway."""

    id: str
    attempt: int
    status: str
    payment_status: str
    url: str | None
    expires_at: datetime | None
    created_at: datetime
    unknown: str | None = None


@dataclass(frozen=True, slots=True)
class PaymentLine:
    """An amount reported for a payment. If Stripe's objects disagree there are several lines, none of them valid.

    The amount is None if only refunds or disputes of the payment are known.
    """

    id: str
    session_id: str | None
    amount: int | None
    currency: str | None
    livemode: bool | None
    paid_at: datetime | None
    valid: bool


@dataclass(frozen=True, slots=True)
class RefundLine:
    """A refund of an order. `unknown` as in OrderSession. `items`: those that the operator chose, if any."""

    id: str
    payment_id: str
    amount: int
    currency: str
    status: str
    created_at: datetime
    unknown: str | None = None
    items: tuple[RefundedItem, ...] = ()


@dataclass(frozen=True, slots=True)
class DisputeLine:
    """A dispute. `unknown` as in OrderSession. `funds`: whether its money was last withdrawn or reinstated, or None."""

    id: str
    payment_id: str
    status: str
    reason: str | None
    amount: int | None
    currency: str | None
    due_by: datetime | None
    unknown: str | None = None
    funds: str | None = None


@dataclass(frozen=True, slots=True)
class FraudWarningLine:
    """An early fraud warning about a payment, whose amount is its own. Amount in minor units.

    `actionable` is Stripe's: whether a refund can still avert a dispute. `decision` is what CHECKOUT_FRAUD_WARNING led
    to (orders/fraud_warnings.py), or None before. `created_at` is when it became known here.
    """

    id: str
    payment_id: str
    fraud_type: str | None
    actionable: bool
    amount: int | None
    currency: str
    warned_at: datetime | None
    observed_at: datetime
    created_at: datetime
    decision: str | None = None
    decided_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OrderView:
    """Everything about an order as of one moment. Items are in the cart's sequence, the other lists oldest first."""

    order: Order
    items: tuple[ItemLine, ...]
    sessions: tuple[OrderSession, ...]
    payments: tuple[PaymentLine, ...]
    charges: tuple[ChargeLine, ...]
    refunds: tuple[RefundLine, ...]
    disputes: tuple[DisputeLine, ...]
    events: tuple[EventLine, ...]
    changes: tuple[ChangeLine, ...]
    taxes: tuple[TaxLine, ...] = ()
    shipping: OrderShipping | None = None  # None: nothing is sent
    fraud_warnings: tuple[FraudWarningLine, ...] = ()

    @property
    def public_items(self) -> tuple[ItemLine, ...]:
        """The items as anybody may see them: what another system called an imported payment may name a person."""
        if self.order.imported_from is None:
            return self.items
        return tuple(replace(item, name=PAYMENT_NAME) if item.sku == PAYMENT_SKU else item for item in self.items)


_ABSENT = {"shipping": "null"}
_DECODERS = {name: msgspec.json.Decoder(kind) for name, kind in get_type_hints(OrderView).items()}


async def list_orders(
    connection: asyncpg.Connection,
    wanted: OrderFilter,
    *,
    limit: int,
    cursor: OrderCursor | None = None,
    extent: Extent | None = None,
) -> list[Order]:
    """Return a page of orders after the cursor, newest first. If only some orders were searched, `extent` tells it."""
    # Numbers start above 0, so orders of exactly that time are left out.
    before = OrderCursor(wanted.until or FAR_FUTURE, 0)
    if cursor is not None and cursor.created_at < before.created_at:
        before = cursor
    both = wanted.last4 is not None and wanted.decline is not None
    if wanted.conditions or both or (wanted.of_charges and (wanted.statuses or wanted.attention or wanted.email)):
        return await search_orders(connection, wanted, before, limit, extent or Extent())
    return await _read_newest(connection, wanted, before, limit)


async def read_orders(connection: asyncpg.Connection, order_ids: Collection[str]) -> list[Order]:
    """Return the orders with these ids as they are now, in any sequence."""
    return [record_of(Order, row) for row in await connection.fetch(sql("read_orders_by_ids"), list(order_ids))]


async def read_view(connection: asyncpg.Connection, order_id: str) -> OrderView | None:
    """Return everything about an order in one round trip, or None if it does not exist."""
    (row,) = await connection.fetch(sql("read_order_view"), order_id)
    if row["order"] is None:
        return None
    parts = {name: decoder.decode(row[name] or _ABSENT.get(name, "[]")) for name, decoder in _DECODERS.items()}
    order, shipping = in_utc(parts.pop("order")), parts.pop("shipping")
    parts["events"] = map(fingerprinted, parts["events"])
    return OrderView(order, **{name: tuple(map(in_utc, lines)) for name, lines in parts.items()}, shipping=shipping)


async def _read_newest(
    connection: asyncpg.Connection, wanted: OrderFilter, before: OrderCursor, limit: int
) -> list[Order]:
    """Return a page from the newest orders of one filter after the other, until one has no more or fills the page."""
    statements = _statements(wanted)
    filters = wanted.attention or bool(wanted.statuses)
    several = wanted.email is not None and filters
    if wanted.of_charges:
        several = filters or wanted.email is not None
        lists = 1
    else:
        lists = len(_unique(wanted.statuses)) or (len(OrderStatus) if wanted.attention else 1)
    looked_at = max(limit, _SEARCHED // lists if several else limit)
    for statement in statements:
        orders, whole = await _read(connection, statement, wanted, before, limit, looked_at)
        if whole or len(orders) >= limit or not several:
            return orders
    return (await _read(connection, statements[0], wanted, before, limit, None))[0]


async def _read(
    connection: asyncpg.Connection,
    statement: str,
    wanted: OrderFilter,
    before: OrderCursor,
    limit: int,
    looked_at: int | None,
) -> tuple[list[Order], bool]:
    """Return a page, and whether the filter has no more orders than were looked at."""
    rows = await connection.fetch(
        sql(statement),
        wanted.since or LONG_AGO,
        before.created_at,
        before.number,
        limit,
        _unique(wanted.statuses) or None,
        wanted.email,
        wanted.attention,
        looked_at,
        *((wanted.last4, wanted.decline) if wanted.of_charges else ()),
    )
    return [record_of(Order, row) for row in rows if row["fits"]], all(row["place"] != looked_at for row in rows)


def _statements(wanted: OrderFilter) -> tuple[str, ...]:
    """Return the names of the statements that can find the orders, best first."""
    if wanted.of_charges:
        return ("list_orders_of_decline" if wanted.last4 is None else "list_orders_of_last4",)
    statements: tuple[str, ...] = ()
    if wanted.email is not None:
        if wanted.statuses and _OFTEN.isdisjoint(wanted.statuses):
            return ("list_orders_of_email_and_status",)
        statements += ("list_orders_of_email",)
    if wanted.attention:
        statements += ("list_orders_with_attention",)
    elif wanted.statuses:
        statements += ("list_orders_of_one_status" if len(wanted.statuses) == 1 else "list_orders_of_status",)
    return statements or ("list_orders",)


def _unique(texts: Collection[str]) -> list[str]:
    return list(dict.fromkeys(texts))
