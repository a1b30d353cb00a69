"""Handlers of checkouts and orders."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial

import msgspec
from aiohttp import hdrs, web
from msgspec import UNSET

from checkout_daemon.catalog.cart import CartLine, check_cart
from checkout_daemon.catalog.memory import CatalogMemory
from checkout_daemon.checkout.placing import CheckoutAnswer, CheckoutRequest, retry_checkout, start_checkout
from checkout_daemon.checkout.shopper_view import show_to_shopper
from checkout_daemon.errors import FieldError, InvalidRequest
from checkout_daemon.model.address import Address, check_address
from checkout_daemon.model.customer import check_customer
from checkout_daemon.model.locale import preferred_locale
from checkout_daemon.observability import context
from checkout_daemon.observability.metrics import Metrics
from checkout_daemon.observability.tracing import span
from checkout_daemon.orders.order_store import TooManyDeclines
from checkout_daemon.patience import shopper_waits
from checkout_daemon.runtime import Runtime
from checkout_daemon.shop.phones import PhoneRule
from checkout_daemon.shop.selling import Shipping
from checkout_daemon.web.answers import encode, json_bytes, json_response
from checkout_daemon.web.app_keys import GUESSING, LIMITS, RUNTIME
from checkout_daemon.web.bodies import read_json
from checkout_daemon.web.body_budget import BodyBudget
from checkout_daemon.web.direct import Send
from checkout_daemon.web.edge import Edge
from checkout_daemon.web.failures import refuse_field
from checkout_daemon.web.fields import list_field
from checkout_daemon.web.guessing import Guessing
from checkout_daemon.web.limits import AddressLimit
from checkout_daemon.web.prepared import PreparedHead
from checkout_daemon.web.schemas import (
    StripeCheckoutRequest,
    checkout_answer,
    normalized,
    request_hash,
)
from checkout_daemon.web.shopper_schemas import order_answer

log = logging.getLogger(__name__)

_CHECKOUT_REQUEST = msgspec.json.Decoder(StripeCheckoutRequest)
PATH = "/api/stripe-checkout"
_LONGEST_KEY = 255


class CheckoutRoute:
    """Answers POST /api/stripe-checkout: `handle` as the handler of the route, `find` as a direct one."""

    def __init__(
        self,
        edge: Edge,
        runtime: Runtime,
        catalog: CatalogMemory,
        limit: AddressLimit,
        guessing: Guessing,
        budget: BodyBudget,
        metrics: Metrics,
    ) -> None:
        self._runtime = runtime
        self._catalog = catalog
        self._limit = limit
        self._guessing = guessing
        self._budget = budget
        self._metrics = metrics
        self._heads = {status: PreparedHead(partial(json_bytes, status=status), edge) for status in (200, 201)}

    async def handle(self, request: web.BaseRequest) -> web.Response:
        """Create an order and its Checkout Session, or return those of the same Idempotency-Key."""
        with span("checkout"):
            body, status = await self._answer(request)
        return json_bytes(body, status=status)

    async def find(self, request: web.BaseRequest) -> Send:
        """Return what sends the answer."""
        with span("checkout"):
            body, status = await self._answer(request)
        return partial(self._heads[status].to, body=body)

    async def _answer(self, request: web.BaseRequest) -> tuple[bytes, int]:
        self._limit.check(request)
        guessing = self._guessing
        key = read_idempotency_key(request)
        body = await read_json(request, _CHECKOUT_REQUEST, self._budget)
        shop = self._runtime.settings.shop
        checkout = _checkout_request(body, shop.shipping, shop.phone)
        checkout = replace(checkout, locale=preferred_locale(list_field(request, hdrs.ACCEPT_LANGUAGE) or ""))
        email = checkout.customer.email
        with shopper_waits(), guessing.counting(request, email):
            await guessing.check_code(request, checkout.discount_code, email)
            try:
                limit = await guessing.decline_limit(request, self._runtime)
                answer = await self._start(replace(checkout, declines=limit), key)
            except TooManyDeclines:
                await guessing.slow_payment(request, email)
                answer = await self._start(checkout, key)
        guessing.order_created(request, str(answer.order_id))
        context.order_id.set(str(answer.order_id))
        if answer.created:
            self._metrics.order_created(answer.currency)
            log.info("order %d created, %d %s", answer.number, answer.amount_total, answer.currency)
        return encode(checkout_answer(answer)), 201 if answer.created else 200

    async def _start(self, checkout: CheckoutRequest, key: str | None) -> CheckoutAnswer:
        return await start_checkout(self._runtime, checkout, idempotency_key=key, catalog=self._catalog)


CHECKOUTS = web.AppKey("checkouts", CheckoutRoute)


async def post_checkout(request: web.Request) -> web.Response:
    """Create an order and its Checkout Session, for a request that came by the router."""
    return await request.app[CHECKOUTS].handle(request)


async def get_order(request: web.Request) -> web.Response:
    """Return the order of a session or order id, as its shopper may see it."""
    request.app[LIMITS].looks.check(request)
    with shopper_waits():
        order = await show_to_shopper(request.app[RUNTIME], request.match_info["ref"])
    return json_response(order_answer(order))


async def post_retry(request: web.Request) -> web.Response:
    """Return a session to pay an unpaid order."""
    request.app[LIMITS].checkouts.check(request)
    runtime, ref = request.app[RUNTIME], request.match_info["ref"]
    with shopper_waits():
        await request.app[GUESSING].check_retry(request, runtime, ref)
        answer = await retry_checkout(runtime, ref)
    return json_response(checkout_answer(answer))


def _checkout_request(body: StripeCheckoutRequest, shipping: Shipping | None, phone_rule: PhoneRule) -> CheckoutRequest:
    """Validate the request. Raise InvalidRequest with the faults of cart and customer together."""
    cart, cart_faults = check_cart([CartLine(item.sku, item.quantity) for item in body.items])
    typed = body.customer
    phone = "" if typed.phone is UNSET else typed.phone
    customer, customer_faults = check_customer(typed.name, typed.email, phone, phone_rule=phone_rule)
    if typed.phone is UNSET and phone_rule.asked == "required":
        customer_faults = [
            _missing(fault) if fault.pointer == "/customer/phone" else fault for fault in customer_faults
        ]
    address, address_faults = _address(body, shipping)
    if cart is None or customer is None or address_faults:
        raise InvalidRequest(cart_faults + customer_faults + address_faults)
    if address is not None and address.is_known and not address.name:
        address = replace(address, name=customer.name)
    return CheckoutRequest(
        cart,
        customer,
        body.discount_code,
        body.expected_total,
        request_hash(normalized(body, cart, customer, address)),
        insist=body.insist,
        former_hash=request_hash(body),
        address=address,
        shipping_rate=body.shipping_rate,
    )


def _missing(fault: FieldError) -> FieldError:
    return replace(fault, code="missing_field", detail=f"the field '{fault.pointer.rpartition('/')[2]}' is required")


def _address(body: StripeCheckoutRequest, shipping: Shipping | None) -> tuple[Address | None, list[FieldError]]:
    """Return the address to send the order to, if there is one, and its faults."""
    given = body.shipping
    if given is None:
        return None, []
    address = msgspec.convert(given, Address, from_attributes=True)
    if shipping is None:
        return address, []  # refused with the cart
    if shipping.at_stripe and not any(getattr(given, name) for name in ("line1", "city", "postal_code")):
        address = Address(address.country)
        if address.country in shipping.countries:
            return address, []
    return check_address(address, shipping.countries)


def read_idempotency_key(request: web.BaseRequest) -> str | None:
    """Return the request's Idempotency-Key, if it has one. Raise InvalidRequest."""
    keys = request.headers.getall("Idempotency-Key", [])
    if not keys:
        return None
    key = keys[0]
    if len(keys) > 1 or not 1 <= len(key) <= _LONGEST_KEY or not (key.isascii() and key.isprintable()):
        detail = f"the Idempotency-Key header must be one value of 1 to {_LONGEST_KEY} printable ASCII characters"
        raise refuse_field("", "invalid_idempotency_key", detail)  # a header has no pointer into the body
    return key
