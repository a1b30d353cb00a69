"""Turns a cart into an order and its Checkout Session. The order is committed before Stripe is called."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg

from checkout_daemon.catalog.cart import Cart
from checkout_daemon.catalog.delivery import ShippingChoice
from checkout_daemon.catalog.memory import CatalogMemory
from checkout_daemon.catalog.pricing import PriceChanged, Quote, normalize_discount_code
from checkout_daemon.catalog.quotes import price_for_order, quote
from checkout_daemon.checkout.reserving import shortage
from checkout_daemon.checkout.session_plans import Session
from checkout_daemon.checkout.sessions import first_session, fresh_session, only_session, start_attempt
from checkout_daemon.checkout.shopper_view import resolve_ref
from checkout_daemon.errors import (
    CheckoutError,
    DiscountUsedUp,
    IdempotencyConflict,
    InvalidRequest,
    NotFound,
    NotPayable,
    OutOfStock,
    ProbablyPlaced,
)
from checkout_daemon.ledger.order_states import CHANNEL
from checkout_daemon.model.address import Address
from checkout_daemon.model.customer import Customer
from checkout_daemon.model.orders import OrderStatus
from checkout_daemon.model.shipping import OrderShipping
from checkout_daemon.orders.order_ids import new_order_id
from checkout_daemon.orders.order_store import (
    DeclineLimit,
    NewOrder,
    PayableOrder,
    PlacedOrder,
    ShortOfStock,
    StalePrices,
    find_alike,
    find_by_key,
    place_order,
    read_order,
    record_key,
)
from checkout_daemon.orders.second_orders import AlikeOrder, lines_of, lock_key, order_to_reuse, sent_as
from checkout_daemon.runtime import Runtime

# Shorter than for a retry: the shopper may be paying in another tab, and a session may last only half an hour in all.
REUSE_LEAST_TIME_LEFT = timedelta(minutes=10)
_MOST_ROUNDS = 4


@dataclass(frozen=True, slots=True)
class CheckoutRequest:
    """A validated request. `expected_total`, in minor units, is what the shopper was shown, or None if unknown.

    `request_hash` is the same for every spelling of the request. `former_hash` is how earlier releases computed it.
    `declines`: no new order is placed if the customer has reached this limit.
    """

    cart: Cart
    customer: Customer
    discount_code: str | None
    expected_total: int | None
    request_hash: bytes
    locale: str | None = None  # of the shopper: for mails and the payment page
    insist: bool = False  # place the order even if the customer has just placed the same one
    former_hash: bytes = b""
    declines: DeclineLimit | None = None
    address: Address | None = None  # only the country if Stripe's page asks for the rest
    shipping_rate: str | None = None

    @property
    def shipping_choice(self) -> ShippingChoice:
        """Where the order shall be sent, and how."""
        country = None if self.address is None else self.address.country
        return ShippingChoice(country, self.shipping_rate, self.locale, required=True)


@dataclass(frozen=True, slots=True)
class CheckoutAnswer:
    """Where the shopper pays. `created` is False for a repeated request."""

    created: bool
    order_id: UUID
    number: int
    session_id: str
    url: str
    status: str
    amount_total: int
    currency: str
    expires_at: datetime


async def start_checkout(
    runtime: Runtime, request: CheckoutRequest, *, idempotency_key: str | None, catalog: CatalogMemory | None = None
) -> CheckoutAnswer:
    """Place an order and create its session, or return to the order of the same key, or of the same customer and lines.

    `catalog` spares reading the products: they are compared with the tables when the order is placed.

    Raise InvalidRequest, OutOfStock, PriceChanged, IdempotencyConflict, ProbablyPlaced, NotPayable or TooManyDeclines,
    and then place no order; StripeUnavailable or StripeRejected, and then keep the order, so that the same key can
    finish it.
    """
    catalog = catalog or CatalogMemory(runtime.database)
    known: list[str] = []
    for _ in range(_MOST_ROUNDS):
        refusal: InvalidRequest | PriceChanged | None = None
        try:
            placed = await _place(runtime, catalog, request, idempotency_key, known)
        except (InvalidRequest, PriceChanged) as error:
            placed, refusal = None, error
        if isinstance(placed, OutOfStock):
            placed, refusal = None, placed
        if placed is not None:
            runtime.database.announce(CHANNEL)
            return await _answer_placed(runtime, placed)
        # The key has an order already, or another request was quicker with the same customer and lines. That order may
        # have taken the discount's last redemption, or the price may have changed since: this request was refused then.
        earlier = await _order_of_key(runtime, request, idempotency_key)
        if earlier is not None:
            return await _answer(runtime, earlier, await first_session(runtime, earlier), created=False)
        alike = await _alike_orders(runtime, request)
        first = order_to_reuse(
            request.customer, request.discount_code, request.expected_total, alike, _sent(runtime, request)
        )
        if first is not None:
            return await _reuse(runtime, request, idempotency_key, first, refusal)
        if refusal is not None:
            raise refusal
        known = [order.id for order in alike]
    raise NotFound("the conflicting order was just removed: send the same request again")


async def retry_checkout(runtime: Runtime, ref: str) -> CheckoutAnswer:
    """Return the unpaid order's open session if enough of its time is left, else a new one at the same prices.

    Raise NotFound, NotPayable or OutOfStock.
    """
    order_id = await resolve_ref(runtime, ref)
    session = await fresh_session(runtime, order_id, actor="shopper")
    return await _answer(runtime, order_id, session, created=False)


async def _order_of_key(runtime: Runtime, request: CheckoutRequest, idempotency_key: str | None) -> str | None:
    if idempotency_key is None:
        return None
    async with runtime.database.connection() as connection:
        found = await find_by_key(connection, idempotency_key)
    if found is None:
        return None
    order_id, request_hash = found
    if request_hash not in (request.request_hash, request.former_hash):
        raise IdempotencyConflict("this Idempotency-Key was used for another cart or customer: use a new one")
    return order_id


async def _alike_orders(runtime: Runtime, request: CheckoutRequest) -> list[AlikeOrder]:
    if request.insist:
        return []
    async with runtime.database.connection() as connection:
        lines = lines_of(request.cart)
        return await find_alike(connection, request.customer.email, lines, livemode=runtime.settings.livemode)


async def _reuse(
    runtime: Runtime,
    request: CheckoutRequest,
    idempotency_key: str | None,
    first: AlikeOrder,
    refusal: InvalidRequest | PriceChanged | None,
) -> CheckoutAnswer:
    """Return to an earlier order, which this key names from now on. Raise ProbablyPlaced if it is paid.

    If its discount is used up, raise `refusal`: why the request could place no order of its own.
    """

    async def name_it() -> None:
        if idempotency_key is not None:
            await runtime.database.run(record_key, idempotency_key, first.id, request.request_hash)

    try:
        session = await fresh_session(runtime, first.id, least_time_left=REUSE_LEAST_TIME_LEFT, actor="shopper")
    except DiscountUsedUp as used_up:  # the request is refused, so its key names nothing
        raise (used_up if refusal is None else refusal) from None
    except NotPayable as error:  # paid a moment ago, perhaps known to Stripe alone
        await name_it()
        raise ProbablyPlaced(first.id, first.number) from error
    except CheckoutError:
        await name_it()
        raise
    await name_it()
    return await _answer(runtime, first.id, session, created=False)


async def _place(
    runtime: Runtime,
    catalog: CatalogMemory,
    request: CheckoutRequest,
    idempotency_key: str | None,
    known: Sequence[str],
) -> PlacedOrder | OutOfStock | None:
    """Place an order. Return None if its key is taken or a similar order is not in `known`, or what is out of stock.

    Unconfirmed: nothing is promised before the session exists.
    """
    if normalize_discount_code(request.discount_code) is None:
        # Without a discount nothing must be locked while the cart is priced: the statement that places the order
        # compares the prices with the tables. If they differ, or the cart is refused, the tables decide.
        with suppress(InvalidRequest, StalePrices):
            priced = await quote(
                runtime.database,
                catalog,
                request.cart,
                None,
                currency=runtime.settings.currency,
                livemode=runtime.settings.livemode,
                shop=runtime.settings.shop,
                to=request.shipping_choice,
            )
            if request.expected_total in (None, priced.amount_total):
                run = runtime.database.run_unconfirmed if priced.has_terms else runtime.database.run_statement
                return await run(_insert_order, runtime, request, priced, idempotency_key, known, check_prices=True)
    return await runtime.database.run_unconfirmed(_price_and_insert, runtime, request, idempotency_key, known)


async def _price_and_insert(
    connection: asyncpg.Connection,
    runtime: Runtime,
    request: CheckoutRequest,
    idempotency_key: str | None,
    known: Sequence[str],
) -> PlacedOrder | OutOfStock | None:
    priced = await price_for_order(
        connection,
        request.cart,
        request.discount_code,
        currency=runtime.settings.currency,
        livemode=runtime.settings.livemode,
        lock_key=lock_key(request.customer, request.cart),
        shop=runtime.settings.shop,
        to=request.shipping_choice,
    )
    if request.expected_total not in (None, priced.amount_total):
        raise PriceChanged(priced)
    return await _insert_order(connection, runtime, request, priced, idempotency_key, known, check_prices=False)


async def _insert_order(
    connection: asyncpg.Connection,
    runtime: Runtime,
    request: CheckoutRequest,
    priced: Quote,
    idempotency_key: str | None,
    known: Sequence[str],
    *,
    check_prices: bool,
) -> PlacedOrder | OutOfStock | None:
    order_id = new_order_id(datetime.now(UTC))
    settings = runtime.settings
    shipping = _shipping(priced, request)
    payable = PayableOrder(
        order_id,
        priced.currency,
        priced.amount_discount,
        priced.discount_code,
        request.customer.email,
        priced.lines,
        request.locale,
        priced.amount_shipping,
        shipping,
        request.customer.phone,
    )
    attempt = start_attempt(payable, 1, settings, runtime.gateway.now(), priced.discount)
    new = NewOrder(
        order_id,
        priced,
        request.customer,
        settings.livemode,
        idempotency_key,
        request.request_hash if idempotency_key is not None else None,
        request.locale,
        None if request.insist else lines_of(request.cart),
        known,
        request.declines,
        shipping,
    )
    key = lock_key(request.customer, request.cart)
    try:
        return await place_order(connection, new, attempt, lock_key=key, check_prices=check_prices)
    except ShortOfStock as short:
        return shortage(priced.lines, short.free, request.cart)


def _shipping(priced: Quote, request: CheckoutRequest) -> OrderShipping | None:
    if priced.shipping is None or request.address is None:
        return None
    chosen = priced.shipping
    return OrderShipping(chosen.id, chosen.label, request.address, chosen.estimate)


def _sent(runtime: Runtime, request: CheckoutRequest) -> tuple[str, ...] | None:
    """Return how the order would be sent, to compare it with earlier ones; None if nothing of it is."""
    shipping = runtime.settings.shop.shipping
    if shipping is None or request.address is None or not shipping.needed(request.cart.skus):
        return None
    return sent_as(request.shipping_rate or "", request.address)


async def _answer_placed(runtime: Runtime, order: PlacedOrder) -> CheckoutAnswer:
    session = await only_session(runtime, order)
    if session is None:
        return await _answer(runtime, order.id, await first_session(runtime, order.id), created=True)
    return CheckoutAnswer(
        True,
        UUID(order.id),
        order.number,
        session.id,
        session.url,
        OrderStatus.PENDING,
        order.amount_total,
        order.currency,
        session.expires_at.astimezone(UTC),
    )


async def _answer(runtime: Runtime, order_id: str, session: Session, *, created: bool) -> CheckoutAnswer:
    async with runtime.database.connection() as connection:
        order = await read_order(connection, order_id)
    return CheckoutAnswer(
        created,
        UUID(order.id),
        order.number,
        session.id,
        session.url,
        order.status,
        order.amount_total,
        order.currency,
        session.expires_at.astimezone(UTC),
    )
