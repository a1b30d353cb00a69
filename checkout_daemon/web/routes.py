"""Every route, with its input, its answers and its failures. The storefront answers everything else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import msgspec
from aiohttp import web

from checkout_daemon.audit.rights import NotAnOperator, RoleTooLow
from checkout_daemon.catalog.pricing import PriceChanged
from checkout_daemon.checkout.canceling import NotCancelable
from checkout_daemon.errors import (
    CheckoutError,
    DatabaseUnavailable,
    IdempotencyConflict,
    InvalidRequest,
    InvalidSignature,
    MalformedJson,
    NotFound,
    NotPayable,
    OutOfStock,
    ProbablyPlaced,
    SchemaMismatch,
    ServerBusy,
    Stopping,
    StripeRejected,
    StripeUnavailable,
)
from checkout_daemon.orders.order_feed import CursorExpired
from checkout_daemon.orders.refund_items import ItemsNotRefundable
from checkout_daemon.orders.refund_rules import NotRefundable, RefundUnderWay, SeveralPayments
from checkout_daemon.proposals.deciding import NotOpen, OwnProposal, ProposalStale
from checkout_daemon.tokens.api_tokens import Scope
from checkout_daemon.web import (
    checkout,
    order_schemas,
    orders,
    orders_query,
    product_list,
    proposal_schemas,
    proposals,
    quotes,
    schemas,
    shop_pages,
    system,
    webhook,
)
from checkout_daemon.web.failures import (
    BodyTimeout,
    BodyTooLarge,
    ChallengeRequired,
    InsufficientScope,
    InvalidToken,
    NoSuchPage,
    TokenRequired,
    TooManyRequests,
    UnsupportedMediaType,
)
from checkout_daemon.web.shopper_schemas import OrderAnswer

Failure = type[CheckoutError]


@dataclass(frozen=True, slots=True)
class Route:
    """A route. `answers` maps a status to the body's type, or to a content type if the body is not JSON, or to None."""

    method: str
    path: str
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    summary: str
    answers: Mapping[int, type[msgspec.Struct] | str | None]
    body: type[msgspec.Struct] | None = None
    failures: tuple[Failure, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)  # the request headers that it reads, and what they mean
    scope: Scope | None = None  # that the bearer token must have
    query: Mapping[str, Mapping[str, object]] = field(default_factory=dict)  # the parameters, with their JSON schemas


# The id of a session or an order: random, and so an access key. Anything else finds no order.
REF = "{ref:[A-Za-z0-9_-]{1,255}}"

# An order's number, or its whole id.
ORDER = "{order:[0-9]{1,18}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}}"

# A proposal's number.
PROPOSAL = "{proposal:[0-9]{1,18}}"

_BODY: tuple[Failure, ...] = (MalformedJson, BodyTimeout, BodyTooLarge, UnsupportedMediaType, ServerBusy)
_SLOWED: tuple[Failure, ...] = (TooManyRequests, ChallengeRequired)
_STRIPE: tuple[Failure, ...] = (*_SLOWED, StripeRejected, StripeUnavailable, DatabaseUnavailable)
_TOKEN: tuple[Failure, ...] = (TokenRequired, InvalidToken, InsufficientScope, TooManyRequests, DatabaseUnavailable)
_ACT: tuple[Failure, ...] = (*_TOKEN, NotAnOperator, RoleTooLow, *_BODY, InvalidRequest, NotFound)
_ASKING: tuple[Failure, ...] = (*_ACT, StripeRejected, StripeUnavailable)
_KEY = {"Idempotency-Key": "required, 1 to 255 printable ASCII characters: the same key and body give the same refund"}
_QUERY: Mapping[str, Mapping[str, object]] = {
    "status": {"type": "string", "description": "One or more statuses, separated by commas"},
    "updated_since": {
        "type": "string",
        "format": "date-time",
        "description": "Orders that changed, oldest change first",
    },
    "cursor": {"type": "string", "description": "next_cursor of the page before, with the same other parameters"},
    "limit": {"type": "integer", "minimum": 1, "maximum": orders_query.MOST_ORDERS, "default": 50},
}
_CHALLENGE = {"Checkout-Challenge": "the token of a solved challenge, asked for with `challenge_required`"}
_CHECKOUT = _CHALLENGE | {
    "Idempotency-Key": "1 to 255 printable ASCII characters: the same key and body give the same order and session",
    "Accept-Language": "the language of the payment page and of mails",
}
_SIGNATURE = {"Stripe-Signature": "t=…,v1=…: https://docs.stripe.com/webhooks#verify-manually"}
_KNOWN = {"If-None-Match": "the ETag of an earlier answer: 304 if nothing has changed"}
_SESSION = schemas.StripeCheckoutAnswer

# fmt: off
ROUTES = (
    Route("GET", product_list.PATH, product_list.get_products, "Every product, available ones first",
          {200: schemas.Catalog, 304: None}, failures=(DatabaseUnavailable,), headers=_KNOWN),
    Route("GET", shop_pages.PATH, shop_pages.get_shop, "The shop's name, words and links", {200: schemas.ShopAnswer}),
    Route("POST", quotes.PATH, quotes.post_quote, "What a cart costs now; no side effect",
          {200: schemas.QuoteAnswer}, schemas.QuoteRequest,
          (*_BODY, InvalidRequest, OutOfStock, *_SLOWED, DatabaseUnavailable), _CHALLENGE),
    Route("POST", "/api/stripe-checkout", checkout.post_checkout, "Make an order and a Checkout Session to pay it",
          {201: _SESSION, 200: _SESSION}, schemas.StripeCheckoutRequest,
          (*_BODY, PriceChanged, IdempotencyConflict, ProbablyPlaced, InvalidRequest, OutOfStock, NotFound,
           *_STRIPE), _CHECKOUT),
    Route("GET", f"/api/stripe-checkout/{REF}", checkout.get_order, "An order as its shopper may see it",
          {200: OrderAnswer}, failures=(NotFound, TooManyRequests, DatabaseUnavailable)),
    Route("POST", f"/api/stripe-checkout/{REF}/retry", checkout.post_retry, "A session to pay an unpaid order",
          {200: _SESSION}, failures=(NotFound, NotPayable, OutOfStock, *_STRIPE), headers=_CHALLENGE),
    Route("POST", webhook.PATH, webhook.post_webhook, "Stripe's events; answered once they are stored",
          {200: schemas.Received}, failures=(*_BODY, InvalidSignature, DatabaseUnavailable),
          headers=_SIGNATURE),
    Route("GET", orders.PATH, orders.get_orders, "Orders with customer, items and charges, for the shop's own systems",
          {200: order_schemas.ShopOrders}, failures=(*_TOKEN, InvalidRequest, CursorExpired),
          scope=Scope.READ, query=_QUERY),
    Route("GET", f"{orders.PATH}/{ORDER}", orders.get_shop_order, "An order with its payments, refunds and disputes",
          {200: order_schemas.ShopOrderDetails}, failures=(*_TOKEN, NotFound), scope=Scope.READ),
    Route("POST", f"{orders.PATH}/{ORDER}/refunds", orders.post_refund, "Refund an order",
          {200: order_schemas.MadeRefund, 202: proposal_schemas.ProposalAnswer}, order_schemas.RefundBody,
          (*_ASKING, IdempotencyConflict, NotRefundable, ItemsNotRefundable, RefundUnderWay, SeveralPayments),
          _KEY, scope=Scope.WRITE),
    Route("POST", f"{orders.PATH}/{ORDER}/cancel", orders.post_cancel, "Cancel an unpaid order",
          {200: order_schemas.ShopOrderDetails}, order_schemas.CancelBody, (*_ASKING, NotCancelable),
          scope=Scope.WRITE),
    Route("POST", f"{orders.PATH}/{ORDER}/notes", orders.post_note, "Add a note to an order's history",
          {200: order_schemas.ShopOrderDetails}, order_schemas.NoteBody, _ACT, scope=Scope.WRITE),
    Route("GET", f"{proposals.PATH}/{PROPOSAL}", proposals.get_proposal, "What waits for another operator",
          {200: proposal_schemas.ProposalAnswer}, failures=(*_TOKEN, NotFound), scope=Scope.READ),
    Route("POST", f"{proposals.PATH}/{PROPOSAL}/approve", proposals.post_approve,
          "Approve a proposal of another operator",
          {200: proposal_schemas.ProposalAnswer}, proposal_schemas.DecisionBody,
          (*_ASKING, NotOpen, OwnProposal, ProposalStale, NotRefundable, ItemsNotRefundable, RefundUnderWay,
           SeveralPayments, NotCancelable), scope=Scope.WRITE),
    Route("POST", f"{proposals.PATH}/{PROPOSAL}/reject", proposals.post_reject,
          "Reject a proposal, or withdraw one's own",
          {200: proposal_schemas.ProposalAnswer}, proposal_schemas.DecisionBody, (*_ACT, NotOpen), scope=Scope.WRITE),
    Route("GET", "/healthz", system.get_health, "The process is alive", {200: schemas.Health}),
    Route("GET", "/readyz", system.get_ready, "The daemon is not stopping, the database answers and its schema fits",
          {200: schemas.Health}, failures=(Stopping, DatabaseUnavailable, SchemaMismatch)),
    Route("GET", "/metrics", system.get_metrics, "Metrics in Prometheus' text format", {200: "text/plain"},
          failures=(NoSuchPage,)),
    Route("GET", "/openapi.json", system.get_openapi, "This description", {200: "application/json"}),
)
# fmt: on


def add_routes(app: web.Application) -> None:
    """Add all routes to the application. GET routes also answer HEAD."""
    for route in ROUTES:
        resource = app.router.add_resource(route.path)
        for method in (route.method, "HEAD") if route.method == "GET" else (route.method,):
            resource.add_route(method, route.handler, expect_handler=_expect)


async def _expect(request: web.Request) -> None:
    """Do not send 100 Continue yet: whoever reads the body does, and a refused body is never asked for."""
