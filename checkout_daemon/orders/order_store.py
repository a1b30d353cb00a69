"""Reads, locks and writes orders."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import asyncpg
import msgspec

from checkout_daemon.catalog.pricing import PricedLine, Quote
from checkout_daemon.database.queries import sql
from checkout_daemon.database.records import columns, record_of
from checkout_daemon.errors import OrderNotFound
from checkout_daemon.model.customer import Customer
from checkout_daemon.model.orders import Order, OrderTerms
from checkout_daemon.model.shipping import OrderShipping
from checkout_daemon.orders.second_orders import AlikeOrder
from checkout_daemon.orders.session_attempt_store import Attempt
from checkout_daemon.orders.shipping_store import SellingTerms, read_shipping, record_terms

_LINE = ("sku", "name", "description", "unit_amount", "quantity", "amount", "amount_discount")


@dataclass(frozen=True, slots=True)
class DeclineLimit:
    """How many payments may have been declined within the hour, of an email or of the orders of one IP address."""

    most: int
    address_orders: Sequence[str]


@dataclass(frozen=True, slots=True)
class NewOrder:
    """An order to place. `request_hash` distinguishes a repeated request from another one with the same key.

    `lines` are those of second_orders.lines_of: no order is placed if the customer made one with the same lines within
    the last hour that is not in `known`. With None it is placed in any case.
    """

    id: str
    quote: Quote
    customer: Customer
    livemode: bool
    idempotency_key: str | None
    request_hash: bytes | None
    locale: str | None = None
    lines: Sequence[str] | None = None
    known: Collection[str] = ()
    declines: DeclineLimit | None = None
    shipping: OrderShipping | None = None


@dataclass(frozen=True, slots=True)
class PayableOrder:
    """What Stripe needs to know about an order. Amounts in minor units. `locale`: the shopper's language, as de-AT.

    `customer_phone` is for whoever delivers: it is used if `shipping` has an address.
    """

    id: str
    currency: str
    amount_discount: int
    discount_code: str | None
    customer_email: str
    lines: Sequence[PricedLine]
    locale: str | None = None
    amount_shipping: int | None = None
    shipping: OrderShipping | None = None
    customer_phone: str = ""


@dataclass(frozen=True, slots=True)
class PlacedOrder:
    """An order that was placed a moment ago, with its first attempt. Amount in minor units."""

    id: str
    number: int
    amount_total: int
    currency: str
    livemode: bool
    attempt: Attempt

    @property
    def terms(self) -> OrderTerms:
        """The order's terms."""
        return OrderTerms(self.id, self.amount_total, self.currency, self.livemode)


class StalePrices(Exception):
    """A product of the catalog differs from its line."""


class ShortOfStock(Exception):
    """There is not enough of counted products. `free`: how many pieces of each can be sold, which may be negative."""

    def __init__(self, free: Mapping[str, int]) -> None:
        super().__init__(", ".join(free))
        self.free = free


class TooManyDeclines(Exception):
    """The limit of declined payments is reached, so no order was placed."""


async def place_order(
    connection: asyncpg.Connection, order: NewOrder, attempt: Attempt, *, lock_key: int, check_prices: bool
) -> PlacedOrder | None:
    """Place an order with its items and first attempt, in one statement. The caller announces it after the commit.

    `lock_key` is that of the customer and lines, so that two concurrent orders cannot miss each other. Return None if
    the order's key is taken or the customer has a similar order. Raise TooManyDeclines or ShortOfStock. With
    `check_prices`, raise StalePrices if the lines differ from the products of the catalog; without, the caller has read
    them in this transaction. An order with shipping or taxes takes a second statement, in a transaction that the
    caller has begun.
    """
    quote = order.quote
    (row,) = await connection.fetch(
        sql("place_order"),
        lock_key,
        order.id,
        quote.currency,
        quote.amount_subtotal,
        quote.amount_discount,
        quote.amount_total - (quote.amount_shipping or 0),
        order.customer.name,
        order.customer.email,
        order.customer.phone,
        quote.discount_code,
        order.livemode,
        order.idempotency_key,
        order.request_hash,
        order.locale,
        *columns(quote.lines, *_LINE),
        attempt.parameters,
        None if order.lines is None else list(order.lines),
        list(order.known),
        check_prices,
        [] if order.declines is None else list(order.declines.address_orders),
        None if order.declines is None else order.declines.most,
    )
    match row["outcome"]:
        case "declined":
            raise TooManyDeclines
        case "stale":
            raise StalePrices
        case "short":
            raise ShortOfStock(dict(msgspec.json.decode(row["parameters"], type=list[tuple[str, int]])))
        case "taken":
            return None
    if quote.has_terms:
        terms = SellingTerms(quote.amount_total, quote.amount_shipping, quote.amount_tax, quote.taxes)
        await record_terms(connection, order.id, terms, order.shipping)
    started = replace(attempt, parameters=row["parameters"])
    return PlacedOrder(order.id, row["number"], quote.amount_total, quote.currency, order.livemode, started)


async def find_alike(
    connection: asyncpg.Connection, email: str, lines: Sequence[str], *, livemode: bool
) -> list[AlikeOrder]:
    """Return the orders that this customer made with these lines within the last hour, newest first.

    Canceled and fully refunded orders are left out, because their goods will not be sent.
    """
    rows = await connection.fetch(sql("find_alike_orders"), email, livemode, list(lines))
    return [record_of(AlikeOrder, row) for row in rows]


async def record_key(connection: asyncpg.Connection, idempotency_key: str, order_id: str, request_hash: bytes) -> None:
    """Map this key to an order made with another key or without one. A key that is taken keeps its order."""
    await connection.execute(sql("record_order_key"), idempotency_key, order_id, request_hash)


async def find_by_key(connection: asyncpg.Connection, idempotency_key: str) -> tuple[str, bytes] | None:
    """Return the id of the order that this key leads to, and the hash of its request."""
    row = await connection.fetchrow(sql("find_order_by_key"), idempotency_key)
    return (str(row["id"]), row["request_hash"]) if row else None


async def find_by_session(connection: asyncpg.Connection, session_id: str) -> str | None:
    """Return the id of the session's order, or None."""
    order_id = await connection.fetchval(sql("find_order_by_session"), session_id)
    return str(order_id) if order_id else None


async def read_order(connection: asyncpg.Connection, order_id: str) -> Order:
    """Return an order. Raise OrderNotFound."""
    row = await connection.fetchrow(sql("read_order"), order_id)
    if row is None:
        raise OrderNotFound(order_id)
    return record_of(Order, row)


async def read_locale(connection: asyncpg.Connection, order_id: str) -> str | None:
    """Return the language tag of the shopper, such as de-AT, or None if it is unknown."""
    locale: str | None = await connection.fetchval(sql("read_order_locale"), order_id)
    return locale


async def read_items(connection: asyncpg.Connection, order_id: str) -> tuple[PricedLine, ...]:
    """Return the order's lines in the sequence of the cart."""
    return tuple(PricedLine(**dict(row)) for row in await connection.fetch(sql("read_items"), order_id))


async def read_payable_order(connection: asyncpg.Connection, order_id: str) -> PayableOrder:
    """Return what Stripe needs to know about an order. Raise OrderNotFound."""
    order = await read_order(connection, order_id)
    lines = await read_items(connection, order_id)
    locale = await read_locale(connection, order_id)
    sent = await read_shipping(connection, [order_id]) if order.amount_shipping is not None else {}
    return PayableOrder(
        order.id,
        order.currency,
        order.amount_discount,
        order.discount_code,
        order.customer_email,
        lines,
        locale,
        order.amount_shipping,
        sent.get(order_id),
        order.customer_phone,
    )


async def has_mismatch(connection: asyncpg.Connection, order_id: str) -> bool:
    """Return whether a payment differs from the order in amount, currency or livemode: then it is not payable."""
    return bool(await connection.fetchval(sql("has_mismatch"), order_id))
