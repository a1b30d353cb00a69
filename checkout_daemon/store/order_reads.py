"""Orders as operators find, list and show them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from checkout_daemon.domain.orders import Order
from checkout_daemon.domain.text import search_form
from checkout_daemon.store.change_reads import ChangeLine
from checkout_daemon.store.event_reads import EventLine, fingerprinted
from checkout_daemon.store.orders import order_of
from checkout_daemon.store.queries import sql
from checkout_daemon.store.reading import FAR_FUTURE, LONG_AGO, in_utc

_MOST_NUMBER = 2**63 - 1
_NEWEST_PAID = 10_000
_TRIGRAM = 3  # characters


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """All that is set must hold; of several statuses, any. `until` is exclusive.

    A search is what it may name (`search_ids`) and what names and emails may contain (`search_text`).
    """

    statuses: tuple[str, ...] = ()
    email: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    attention: bool = False
    search_ids: tuple[str, ...] | None = None
    search_text: str | None = None

    def fits(self, order: Order) -> bool:
        """Whether an order is in the list: as list_orders decides, for orders that changed since it was read."""
        return (
            (not self.statuses or order.status in self.statuses)
            and (self.email is None or order.customer_email.lower() == self.email.lower())
            and (self.since is None or order.created_at >= self.since)
            and (self.until is None or order.created_at < self.until)
            and (not self.attention or bool(order.attention))
            and self._found(order)
        )

    def _found(self, order: Order) -> bool:
        if self.search_ids is None and self.search_text is None:
            return True
        text = search_form(self.search_text or "")
        return order.id in (self.search_ids or ()) or (
            self.search_text is not None
            and (text in search_form(order.customer_name) or text in search_form(order.customer_email))
        )


@dataclass(frozen=True, slots=True)
class OrderCursor:
    """The order after which a page begins."""

    created_at: datetime
    number: int

    @classmethod
    def after(cls, order: Order) -> OrderCursor:
        return cls(order.created_at, order.number)


@dataclass(frozen=True, slots=True)
class ItemLine:
    sku: str
    name: str
    unit_amount: int
    quantity: int
    amount: int
    amount_discount: int


@dataclass(frozen=True, slots=True)
class SessionLine:
    """`unknown`: `field=value` of what this version does not know; such a status is here in Stripe's words."""

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
    """What was told of a payment: one line each where Stripe's objects disagree, none of them valid.

    Without an amount where only refunds or disputes of it are known.
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
    """`unknown`: as of a session."""

    id: str
    payment_id: str
    amount: int
    currency: str
    status: str
    created_at: datetime
    unknown: str | None = None


@dataclass(frozen=True, slots=True)
class DisputeLine:
    """`unknown`: as of a session. `funds`: whether its money was last withdrawn or reinstated, where that is known."""

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
    """All there is about an order, as of one moment; each list in the order in which things came."""

    order: Order
    items: tuple[ItemLine, ...]
    sessions: tuple[SessionLine, ...]
    payments: tuple[PaymentLine, ...]
    refunds: tuple[RefundLine, ...]
    disputes: tuple[DisputeLine, ...]
    events: tuple[EventLine, ...]
    changes: tuple[ChangeLine, ...]


_DECODERS: dict[str, msgspec.json.Decoder[Any]] = {
    "items": msgspec.json.Decoder(list[ItemLine]),
    "sessions": msgspec.json.Decoder(list[SessionLine]),
    "payments": msgspec.json.Decoder(list[PaymentLine]),
    "refunds": msgspec.json.Decoder(list[RefundLine]),
    "disputes": msgspec.json.Decoder(list[DisputeLine]),
    "events": msgspec.json.Decoder(list[EventLine]),
    "changes": msgspec.json.Decoder(list[ChangeLine]),
}


async def find_by_number(connection: asyncpg.Connection, number: int) -> list[Order]:
    if number > _MOST_NUMBER:
        return []
    return [order_of(row) for row in await connection.fetch(sql("find_orders_by_number"), number)]


async def find_by_id_range(connection: asyncpg.Connection, first: UUID, last: UUID, limit: int) -> list[Order]:
    """Newest first, as all of these."""
    return [order_of(row) for row in await connection.fetch(sql("find_orders_by_id"), first, last, limit)]


async def find_by_email(connection: asyncpg.Connection, email: str, limit: int) -> list[Order]:
    """Upper and lower case are the same."""
    return [order_of(row) for row in await connection.fetch(sql("find_orders_by_email"), email, limit)]


async def find_by_payer(connection: asyncpg.Connection, email: str, limit: int) -> list[Order]:
    """Return the orders that somebody of this address paid on Stripe's page, among those paid last."""
    return [order_of(row) for row in await connection.fetch(sql("find_orders_by_payer"), email, limit, _NEWEST_PAID)]


async def find_by_stripe_id(connection: asyncpg.Connection, stripe_id: str, limit: int) -> list[Order]:
    """By the id of a session, PaymentIntent, charge, refund, dispute or event."""
    return [order_of(row) for row in await connection.fetch(sql("find_orders_by_stripe_id"), stripe_id, limit)]


async def list_orders(
    connection: asyncpg.Connection, wanted: OrderFilter, *, limit: int, cursor: OrderCursor | None = None
) -> list[Order]:
    """A page, newest first, of those after the cursor."""
    before = OrderCursor(wanted.until or FAR_FUTURE, 0)  # numbers begin above: nothing of that very moment
    if cursor is not None and cursor.created_at < before.created_at:
        before = cursor
    for statement in _statements(wanted):
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
    return [order_of(row) for row in rows]


async def read_view(connection: asyncpg.Connection, order_id: str) -> OrderView | None:
    """In one round trip."""
    (row,) = await connection.fetch(sql("read_order_view"), order_id)
    if row["order"] is None:
        return None
    lists = {name: decoder.decode(row[name]) if row[name] else [] for name, decoder in _DECODERS.items()}
    lists["events"] = [fingerprinted(each) for each in lists["events"]]
    return OrderView(
        order=in_utc(msgspec.json.decode(row["order"], type=Order)),
        **{name: tuple(map(in_utc, records)) for name, records in lists.items()},
    )


async def read_items_of_orders(connection: asyncpg.Connection, order_ids: Collection[str]) -> dict[str, list[ItemLine]]:
    """By order, as they stand in the cart."""
    found: dict[str, list[ItemLine]] = {}
    for order_id, *line in await connection.fetch(sql("read_items_of_orders"), list(order_ids)):
        found.setdefault(str(order_id), []).append(ItemLine(*line))
    return found


def _statements(wanted: OrderFilter) -> tuple[str, ...]:
    """Return the most selective statements; of several, the first that fills the page is used."""
    if wanted.search_ids is not None and wanted.search_text is None:
        return ("list_orders_of_ids",)
    if wanted.email is not None:
        return ("list_orders_of_email",)
    if wanted.attention:
        return ("list_orders_with_attention",)
    if wanted.search_text is not None and len(search_form(wanted.search_text)) >= _TRIGRAM:
        return ("list_newest_orders_of_text", "list_orders_of_text")
    return ("list_orders_of_status" if wanted.statuses else "list_orders",)


def _unique(texts: Collection[str]) -> list[str]:
    return list(dict.fromkeys(texts))
