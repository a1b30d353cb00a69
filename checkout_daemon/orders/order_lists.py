"""Lists orders for operators, and reads everything about one."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import get_type_hints

import asyncpg
import msgspec

from checkout_daemon.database.queries import sql
from checkout_daemon.database.records import FAR_FUTURE, LONG_AGO, in_utc, record_of
from checkout_daemon.events.event_lists import EventLine, fingerprinted
from checkout_daemon.ledger.change_log import ChangeLine
from checkout_daemon.model.orders import Order
from checkout_daemon.model.text import search_form

_TRIGRAM = 3  # characters


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """Which orders a list contains: those that meet every condition that is set. `until` is exclusive.

    A search matches the ids in `search_ids`, and names and emails that contain `search_text`.
    """

    statuses: tuple[str, ...] = ()
    email: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    attention: bool = False
    search_ids: tuple[str, ...] | None = None
    search_text: str | None = None

    def fits(self, order: Order) -> bool:
        """Return whether an order that has changed still belongs to the list, by the same rules as list_orders."""
        return (
            (not self.statuses or order.status in self.statuses)
            and (self.email is None or order.customer_email.lower() == self.email.lower())
            and (self.since is None or order.created_at >= self.since)
            and (self.until is None or order.created_at < self.until)
            and (not self.attention or bool(order.attention))
            and self._found(order)
        )

    def _found(self, order: Order) -> bool:
        if (self.search_ids is None and self.search_text is None) or order.id in (self.search_ids or ()):
            return True
        if self.search_text is None:
            return False
        text = search_form(self.search_text)
        return text in search_form(order.customer_name) or text in search_form(order.customer_email)


@dataclass(frozen=True, slots=True)
class OrderCursor:
    """The order after which a page begins."""

    created_at: datetime
    number: int

    @classmethod
    def after(cls, order: Order) -> OrderCursor:
        """Return the cursor of an order."""
        return cls(order.created_at, order.number)


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
    """A refund of an order. `unknown` as in OrderSession."""

    id: str
    payment_id: str
    amount: int
    currency: str
    status: str
    created_at: datetime
    unknown: str | None = None


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
class OrderView:
    """Everything about an order as of one moment. Items are in the cart's sequence, the other lists oldest first."""

    order: Order
    items: tuple[ItemLine, ...]
    sessions: tuple[OrderSession, ...]
    payments: tuple[PaymentLine, ...]
    refunds: tuple[RefundLine, ...]
    disputes: tuple[DisputeLine, ...]
    events: tuple[EventLine, ...]
    changes: tuple[ChangeLine, ...]


_DECODERS = {name: msgspec.json.Decoder(kind) for name, kind in get_type_hints(OrderView).items()}


async def list_orders(
    connection: asyncpg.Connection, wanted: OrderFilter, *, limit: int, cursor: OrderCursor | None = None
) -> list[Order]:
    """Return a page of orders after the cursor, newest first."""
    # Numbers start above 0, so orders of exactly that time are left out.
    before = OrderCursor(wanted.until or FAR_FUTURE, 0)
    if cursor is not None and cursor.created_at < before.created_at:
        before = cursor
    for statement in _statements(wanted):
        if statement == "list_orders_of_text" and wanted.statuses and await _is_common(connection, wanted.search_text):
            statement = "list_orders_of_status"
        rows = await connection.fetch(
            sql(statement),
            wanted.since or LONG_AGO,
            before.created_at,
            before.number,
            limit,
            _unique(wanted.statuses) or None,
            wanted.email,
            wanted.attention,
            _unique(wanted.search_ids or ()),
            wanted.search_text,
        )
        if len(rows) >= limit:
            break
    return [record_of(Order, row) for row in rows]


async def read_view(connection: asyncpg.Connection, order_id: str) -> OrderView | None:
    """Return everything about an order in one round trip, or None if it does not exist."""
    (row,) = await connection.fetch(sql("read_order_view"), order_id)
    if row["order"] is None:
        return None
    parts = {name: decoder.decode(row[name] or "[]") for name, decoder in _DECODERS.items()}
    order = in_utc(parts.pop("order"))
    parts["events"] = map(fingerprinted, parts["events"])
    return OrderView(order, **{name: tuple(map(in_utc, lines)) for name, lines in parts.items()})


def _statements(wanted: OrderFilter) -> tuple[str, ...]:
    """Return the names of the most selective statements; the first one that fills the page is used."""
    if wanted.search_ids is not None and wanted.search_text is None:
        return ("list_orders_of_ids",)
    if wanted.email is not None:
        return ("list_orders_of_email",)
    if wanted.attention:
        return ("list_orders_with_attention",)
    if wanted.search_text is not None:
        if len(search_form(wanted.search_text)) < _TRIGRAM:
            return ("list_orders_of_short_text",)
        return ("list_newest_orders_of_text", "list_orders_of_text")
    return ("list_orders_of_status" if wanted.statuses else "list_orders",)


async def _is_common(connection: asyncpg.Connection, text: str | None) -> bool:
    return bool(await connection.fetchval(sql("is_common_text"), text))


def _unique(texts: Collection[str]) -> list[str]:
    return list(dict.fromkeys(texts))
