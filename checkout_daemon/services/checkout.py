"""From a cart to a Checkout Session: the order is committed before Stripe is called."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from checkout_daemon.domain.cart import Cart
from checkout_daemon.domain.customer import Customer
from checkout_daemon.domain.pricing import PriceChanged, Quote
from checkout_daemon.domain.session_parameters import PayableOrder
from checkout_daemon.errors import IdempotencyConflict, InvalidRequest, NotFound
from checkout_daemon.runtime import Runtime
from checkout_daemon.services.orders import resolve_ref
from checkout_daemon.services.quotes import price_for_order
from checkout_daemon.services.session_plans import Session
from checkout_daemon.services.sessions import first_session, fresh_session, start_attempt
from checkout_daemon.store.orders import NewOrder, find_by_key, insert_order, read_order

RETRY_LEAST_TIME_LEFT = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class CheckoutRequest:
    """A checked request. `expected_total`, in minor units, is what the shopper was shown; None if unknown."""

    cart: Cart
    customer: Customer
    discount_code: str | None
    expected_total: int | None
    request_hash: bytes
    locale: str | None = None  # of the shopper's browser, for mails


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
    """Make an order and its session; or, for a key seen before, finish or repeat what it made.

    Raises InvalidRequest, PriceChanged or IdempotencyConflict, and nothing is written; StripeUnavailable or
    StripeRejected, and the order is kept, so that the same key finishes it.
    """
    order_id = await _held_order(runtime, request, idempotency_key)
    created = order_id is None
    if order_id is None:
        try:
            order_id = await _make_order(runtime, request, idempotency_key)
        except (InvalidRequest, PriceChanged):
            # A twin of this request may have been quicker, and have taken the last redemption of the discount.
            created = False
            order_id = await _held_order(runtime, request, idempotency_key)
            if order_id is None:
                raise
    if order_id is None:  # a twin was quicker with the insert
        created = False
        order_id = await _held_order(runtime, request, idempotency_key)
    if order_id is None:
        raise NotFound("the order of this Idempotency-Key was removed meanwhile")
    session = await first_session(runtime, order_id)
    return await _answer(runtime, order_id, session, created=created)


async def retry_checkout(runtime: Runtime, ref: str) -> CheckoutAnswer:
    """A session for an order that was not paid: the open one if it has an hour left, else a new one at its prices.

    Raises NotFound or NotPayable.
    """
    order_id = await resolve_ref(runtime, ref)
    session = await fresh_session(runtime, order_id, least_time_left=RETRY_LEAST_TIME_LEFT, actor="shopper")
    return await _answer(runtime, order_id, session, created=False)


async def _held_order(runtime: Runtime, request: CheckoutRequest, idempotency_key: str | None) -> str | None:
    if idempotency_key is None:
        return None
    async with runtime.database.connection() as connection:
        held = await find_by_key(connection, idempotency_key)
    if held is None:
        return None
    order_id, request_hash = held
    if request_hash != request.request_hash:
        raise IdempotencyConflict("this Idempotency-Key was used for another cart or customer: use a new one")
    return order_id


async def _make_order(runtime: Runtime, request: CheckoutRequest, idempotency_key: str | None) -> str | None:
    """The new order's id, or None if the key was taken meanwhile."""
    order_id = str(uuid4())
    settings = runtime.settings
    async with runtime.database.transaction(confirm=False) as connection:  # nothing is promised before the session
        quote = await price_for_order(connection, request.cart, request.discount_code, currency=settings.currency)
        if request.expected_total is not None and request.expected_total != quote.amount_total:
            raise PriceChanged(quote)
        attempt = start_attempt(_payable(order_id, quote, request.customer), 1, settings, runtime.gateway.now())
        new = NewOrder(
            order_id,
            quote,
            request.customer,
            settings.livemode,
            idempotency_key,
            request.request_hash if idempotency_key is not None else None,
            request.locale,
        )
        number = await insert_order(connection, new, attempt)
    return order_id if number is not None else None


def _payable(order_id: str, quote: Quote, customer: Customer) -> PayableOrder:
    return PayableOrder(
        order_id, quote.currency, quote.amount_discount, quote.discount_code, customer.email, quote.lines
    )


async def _answer(runtime: Runtime, order_id: str, session: Session, *, created: bool) -> CheckoutAnswer:
    async with runtime.database.connection() as connection:
        order = await read_order(connection, order_id)
    if order is None:
        raise NotFound(f"there is no order {order_id}")
    return CheckoutAnswer(
        created,
        UUID(order.id),
        order.number,
        session.id,
        session.url,
        order.status,
        order.amount_total,
        order.currency,
        session.expires_at,
    )
