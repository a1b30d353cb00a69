"""Turns a cart into an order and its Checkout Session. The order is committed before Stripe is called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg

from checkout_daemon.catalog.cart import Cart
from checkout_daemon.catalog.pricing import PriceChanged
from checkout_daemon.catalog.quotes import price_for_order
from checkout_daemon.checkout.session_plans import Session
from checkout_daemon.checkout.sessions import first_session, fresh_session, start_attempt
from checkout_daemon.checkout.shopper_view import resolve_ref
from checkout_daemon.errors import IdempotencyConflict, InvalidRequest, NotFound, NotPayable, ProbablyPlaced
from checkout_daemon.model.customer import Customer
from checkout_daemon.orders.order_store import (
    NewOrder,
    PayableOrder,
    find_alike,
    find_by_key,
    insert_order,
    read_order,
    record_key,
)
from checkout_daemon.orders.second_orders import AlikeOrder, lines_of, lock_key, order_to_reuse
from checkout_daemon.runtime import Runtime

# Shorter than for a retry: the shopper may be paying in another tab, and a session may last only half an hour in all.
REUSE_LEAST_TIME_LEFT = timedelta(minutes=10)
_MOST_ROUNDS = 4


@dataclass(frozen=True, slots=True)
class CheckoutRequest:
    """A validated request. `expected_total`, in minor units, is what the shopper was shown, or None if unknown.

    `request_hash` is the same for every spelling of the request. `former_hash` is how earlier releases computed it.
    """

    cart: Cart
    customer: Customer
    discount_code: str | None
    expected_total: int | None
    request_hash: bytes
    locale: str | None = None  # of the shopper: for mails and the payment page
    insist: bool = False  # place the order even if the customer has just placed the same one
    former_hash: bytes = b""


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


async def start_checkout(runtime: Runtime, request: CheckoutRequest, *, idempotency_key: str | None) -> CheckoutAnswer:
    """Place an order and create its session, or return to the order of the same key, or of the same customer and lines.

    Raise InvalidRequest, PriceChanged, IdempotencyConflict or ProbablyPlaced, and then places no order;
    StripeUnavailable or StripeRejected, and then keeps the order, so that the same key can finish it.
    """
    known: list[str] = []
    for _ in range(_MOST_ROUNDS):
        earlier = await _order_of_key(runtime, request, idempotency_key)
        if earlier is not None:
            return await _answer(runtime, earlier, await first_session(runtime, earlier), created=False)
        refusal: InvalidRequest | PriceChanged | None = None
        try:
            # Unconfirmed: nothing is promised before the session exists.
            placed = await runtime.database.run_unconfirmed(_insert_order, runtime, request, idempotency_key, known)
        except (InvalidRequest, PriceChanged) as error:
            placed, refusal = None, error
        if placed is not None:
            return await _answer(runtime, placed, await first_session(runtime, placed), created=True)
        # Another request was quicker, with this key or with the same customer and lines. If it took the discount's last
        # redemption, or the price has changed since, this request was refused for that.
        earlier = await _order_of_key(runtime, request, idempotency_key)
        alike = await _alike_orders(runtime, request) if earlier is None else []
        first = order_to_reuse(request.customer, request.discount_code, request.expected_total, alike)
        if first is not None:
            return await _reuse(runtime, request, idempotency_key, first)
        if earlier is None and refusal is not None:
            raise refusal
        known = [order.id for order in alike]
    raise NotFound("the conflicting order was just removed: send the same request again")


async def retry_checkout(runtime: Runtime, ref: str) -> CheckoutAnswer:
    """Return the unpaid order's open session if it has an hour left, else a new one at the same prices.

    Raise NotFound or NotPayable.
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
    runtime: Runtime, request: CheckoutRequest, idempotency_key: str | None, first: AlikeOrder
) -> CheckoutAnswer:
    """Return to an earlier order, which this key names from now on. Raise ProbablyPlaced if it is paid."""
    if idempotency_key is not None:
        async with runtime.database.connection() as connection:
            await record_key(connection, idempotency_key, first.id, request.request_hash)
    try:
        session = await fresh_session(runtime, first.id, least_time_left=REUSE_LEAST_TIME_LEFT, actor="shopper")
    except NotPayable as error:  # paid a moment ago, perhaps known to Stripe alone
        raise ProbablyPlaced(first.id, first.number) from error
    return await _answer(runtime, first.id, session, created=False)


async def _insert_order(
    connection: asyncpg.Connection,
    runtime: Runtime,
    request: CheckoutRequest,
    idempotency_key: str | None,
    known: Sequence[str],
) -> str | None:
    """Place an order and return its id, or None if its key is taken or a similar order is not in `known`."""
    order_id = str(uuid4())
    settings = runtime.settings
    key = lock_key(request.customer, request.cart)
    quote = await price_for_order(
        connection, request.cart, request.discount_code, currency=settings.currency, lock_key=key
    )
    if request.expected_total is not None and request.expected_total != quote.amount_total:
        raise PriceChanged(quote)
    payable = PayableOrder(
        order_id,
        quote.currency,
        quote.amount_discount,
        quote.discount_code,
        request.customer.email,
        quote.lines,
        request.locale,
    )
    attempt = start_attempt(payable, 1, settings, runtime.gateway.now(), quote.discount)
    new = NewOrder(
        order_id,
        quote,
        request.customer,
        settings.livemode,
        idempotency_key,
        request.request_hash if idempotency_key is not None else None,
        request.locale,
        None if request.insist else lines_of(request.cart),
        known,
    )
    number = await insert_order(connection, new, attempt)
    return order_id if number is not None else None


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
