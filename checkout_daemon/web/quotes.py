"""The route of quotes: what a cart costs now."""

from __future__ import annotations

from functools import partial

import msgspec
from aiohttp import hdrs, web

from checkout_daemon.catalog.cart import Cart, CartLine, check_cart
from checkout_daemon.catalog.delivery import NOWHERE, ShippingChoice
from checkout_daemon.catalog.memory import CatalogMemory
from checkout_daemon.catalog.quotes import quote
from checkout_daemon.database.pool import Database
from checkout_daemon.errors import InvalidRequest
from checkout_daemon.model.locale import preferred_locale
from checkout_daemon.patience import shopper_waits
from checkout_daemon.shop.records import Shop
from checkout_daemon.web.answers import encode, json_bytes
from checkout_daemon.web.bodies import read_json
from checkout_daemon.web.body_budget import BodyBudget
from checkout_daemon.web.direct import Send
from checkout_daemon.web.edge import Edge
from checkout_daemon.web.fields import list_field
from checkout_daemon.web.guessing import Guessing
from checkout_daemon.web.limits import AddressLimit
from checkout_daemon.web.prepared import PreparedHead
from checkout_daemon.web.schemas import CartItem, QuoteRequest, quote_answer

PATH = "/api/quotes"

_REQUEST = msgspec.json.Decoder(QuoteRequest)


class QuoteRoute:
    """Answers POST /api/quotes: `handle` as the handler of the route, `find` as a direct one."""

    def __init__(
        self,
        edge: Edge,
        catalog: CatalogMemory,
        database: Database,
        limit: AddressLimit,
        guessing: Guessing,
        budget: BodyBudget,
        *,
        currency: str,
        livemode: bool,
        shop: Shop,
    ) -> None:
        self._catalog = catalog
        self._database = database
        self._limit = limit
        self._guessing = guessing
        self._budget = budget
        self._currency = currency
        self._livemode = livemode
        self._shop = shop
        self._head = PreparedHead(json_bytes, edge)

    async def handle(self, request: web.BaseRequest) -> web.Response:
        """Return what a cart costs now."""
        return json_bytes(await self._quote(request))

    async def find(self, request: web.BaseRequest) -> Send:
        """Return what sends the answer."""
        return partial(self._head.to, body=await self._quote(request))

    async def _quote(self, request: web.BaseRequest) -> bytes:
        self._limit.check(request)
        body = await read_json(request, _REQUEST, self._budget)
        await self._guessing.check_code(request, body.discount_code)
        cart = _cart(body.items)
        with shopper_waits(), self._guessing.counting(request):
            priced = await quote(
                self._database,
                self._catalog,
                cart,
                body.discount_code,
                currency=self._currency,
                livemode=self._livemode,
                shop=self._shop,
                to=self._shipping_choice(request, body),
            )
        return encode(quote_answer(priced))

    def _shipping_choice(self, request: web.BaseRequest, body: QuoteRequest) -> ShippingChoice:
        if body.country is None and body.shipping_rate is None:
            return NOWHERE
        locale = preferred_locale(list_field(request, hdrs.ACCEPT_LANGUAGE) or "") or self._shop.locale
        return ShippingChoice(body.country, body.shipping_rate, locale)


QUOTES = web.AppKey("quotes", QuoteRoute)


async def post_quote(request: web.Request) -> web.Response:
    """Return what a cart costs now, for a request that came by the router."""
    return await request.app[QUOTES].handle(request)


def _cart(items: list[CartItem]) -> Cart:
    cart, faults = check_cart([CartLine(item.sku, item.quantity) for item in items])
    if cart is None:
        raise InvalidRequest(faults)
    return cart
