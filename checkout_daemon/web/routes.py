"""The routes of shoppers, Stripe and monitoring, with their input, answers and failures.

Those of the shop's own systems are in `api_routes`. The storefront answers everything else.
"""

from __future__ import annotations

from aiohttp import web

from checkout_daemon.catalog.pricing import PriceChanged
from checkout_daemon.errors import (
    DatabaseUnavailable,
    IdempotencyConflict,
    InvalidRequest,
    InvalidSignature,
    NotFound,
    NotPayable,
    OutOfStock,
    ProbablyPlaced,
    SchemaMismatch,
    Stopping,
    StripeRejected,
    StripeUnavailable,
)
from checkout_daemon.web import checkout, product_list, quotes, schemas, shop_pages, system, webhook
from checkout_daemon.web.failures import ChallengeRequired, NoSuchPage, TooManyRequests
from checkout_daemon.web.late_routes import LateRoutes
from checkout_daemon.web.route import BODY, Failure, Route, add_all
from checkout_daemon.web.shopper_schemas import OrderAnswer

# The id of a session or an order: random, and so an access key. Anything else finds no order.
REF = "{ref:[A-Za-z0-9_-]{1,255}}"

_SLOWED: tuple[Failure, ...] = (TooManyRequests, ChallengeRequired)
_STRIPE: tuple[Failure, ...] = (*_SLOWED, StripeRejected, StripeUnavailable, DatabaseUnavailable)
_CHALLENGE = {"Checkout-Challenge": "the token of a solved challenge, asked for with `challenge_required`"}
_CHECKOUT = _CHALLENGE | {
    "Idempotency-Key": "1 to 255 printable ASCII characters: the same key and body give the same order and session",
    "Accept-Language": "the language of the payment page and of mails",
}
_SIGNATURE = {"Stripe-Signature": "t=…,v1=…: https://docs.stripe.com/webhooks#verify-manually"}
_KNOWN = {"If-None-Match": "the ETag of an earlier answer: 304 if nothing has changed"}
_SESSION = schemas.StripeCheckoutAnswer

API_MODULE = "checkout_daemon.web.api_routes"
"""The routes of the shop's own systems. They need a quarter of all modules, which no other request needs."""
API_PREFIXES = ("/api/orders", "/api/proposals")

# fmt: off
ROUTES = (
    Route("GET", product_list.PATH, product_list.get_products, "Every product, available ones first",
          {200: schemas.Catalog, 304: None}, failures=(DatabaseUnavailable,), headers=_KNOWN),
    Route("GET", shop_pages.PATH, shop_pages.get_shop, "The shop's name, words and links", {200: schemas.ShopAnswer}),
    Route("POST", quotes.PATH, quotes.post_quote, "What a cart costs now; no side effect",
          {200: schemas.QuoteAnswer}, schemas.QuoteRequest,
          (*BODY, InvalidRequest, OutOfStock, *_SLOWED, DatabaseUnavailable), _CHALLENGE),
    Route("POST", "/api/stripe-checkout", checkout.post_checkout, "Make an order and a Checkout Session to pay it",
          {201: _SESSION, 200: _SESSION}, schemas.StripeCheckoutRequest,
          (*BODY, PriceChanged, IdempotencyConflict, ProbablyPlaced, NotPayable, InvalidRequest, OutOfStock, NotFound,
           *_STRIPE), _CHECKOUT),
    Route("GET", f"/api/stripe-checkout/{REF}", checkout.get_order, "An order as its shopper may see it",
          {200: OrderAnswer}, failures=(NotFound, TooManyRequests, DatabaseUnavailable)),
    Route("POST", f"/api/stripe-checkout/{REF}/retry", checkout.post_retry, "A session to pay an unpaid order",
          {200: _SESSION}, failures=(NotFound, NotPayable, OutOfStock, *_STRIPE), headers=_CHALLENGE),
    Route("POST", webhook.PATH, webhook.post_webhook, "Stripe's events; answered once they are stored",
          {200: schemas.Received}, failures=(*BODY, InvalidSignature, DatabaseUnavailable),
          headers=_SIGNATURE),
    Route("GET", "/healthz", system.get_health, "The process is alive", {200: schemas.Health}),
    Route("GET", "/readyz", system.get_ready, "The daemon is not stopping, the database answers and its schema fits",
          {200: schemas.Health}, failures=(Stopping, DatabaseUnavailable, SchemaMismatch)),
    Route("GET", "/metrics", system.get_metrics, "Metrics in Prometheus' text format", {200: "text/plain"},
          failures=(NoSuchPage,)),
    Route("GET", "/openapi.json", system.get_openapi, "This description", {200: "application/json"}),
)
# fmt: on


def add_routes(app: web.Application) -> None:
    """Add all routes to the application; those of the shop's own systems are imported later."""
    add_all(ROUTES, app.router)
    for prefix in API_PREFIXES:
        app.router.register_resource(LateRoutes(prefix, API_MODULE))
