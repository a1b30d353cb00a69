"""The answer of GET /api/products: encoded once for each state of the catalog, and sent as it is."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from hashlib import sha256

import msgspec
from aiohttp import hdrs, web
from multidict import CIMultiDict

from checkout_daemon.catalog.memory import CatalogMemory, CatalogSnapshot
from checkout_daemon.patience import shopper_waits
from checkout_daemon.web.direct import Send
from checkout_daemon.web.edge import Edge
from checkout_daemon.web.fields import IDENTITY, choose_encoding, knows_tag, list_field
from checkout_daemon.web.prepared import PreparedAnswer
from checkout_daemon.web.product_answers import product_answers
from checkout_daemon.web.schemas import Catalog

PATH = "/api/products"

_WORTH_COMPRESSING = 1024


@dataclass(frozen=True, slots=True)
class _Coded:
    """The answer in one content coding. `tag` names its bytes."""

    tag: str
    full: Callable[[], web.Response]
    unchanged: Callable[[], web.Response]
    send_full: Send
    send_unchanged: Send


class ProductList:
    """Answers GET /api/products: `handle` as the handler of the route, `find` as a direct one."""

    def __init__(self, edge: Edge, catalog: CatalogMemory, currency: str) -> None:
        self._edge = edge
        self._catalog = catalog
        self._currency = currency
        self._encoding = asyncio.Lock()
        self._snapshot: CatalogSnapshot | None = None
        self._shown: object = None
        self._codings: Mapping[str, _Coded] = {}

    async def handle(self, request: web.BaseRequest) -> web.Response:
        """Return the products in a coding that the client accepts, or 304 if it has them."""
        coded = await self._coded(request)
        return coded.unchanged() if _has(request, coded) else coded.full()

    async def find(self, request: web.BaseRequest) -> Send:
        """Return what sends the answer."""
        coded = await self._coded(request)
        return coded.send_unchanged if _has(request, coded) else coded.send_full

    async def _coded(self, request: web.BaseRequest) -> _Coded:
        with shopper_waits():
            snapshot = await self._catalog.read()
        codings = self._codings if snapshot is self._snapshot else await self._encode(snapshot)
        return codings[_choose(list_field(request, hdrs.ACCEPT_ENCODING), tuple(codings))]

    async def _encode(self, snapshot: CatalogSnapshot) -> Mapping[str, _Coded]:
        async with self._encoding:
            if snapshot is not self._snapshot:
                shown = (snapshot.state, snapshot.left)  # most orders change the stock, and nothing that is shown
                if shown != self._shown:
                    # In a thread: a large catalog takes a while, and webhooks must not wait for it.
                    self._codings = await asyncio.to_thread(_encode, snapshot, self._currency, self._edge)
                self._snapshot, self._shown = snapshot, shown
            return self._codings


PRODUCTS = web.AppKey("products", ProductList)


async def get_products(request: web.Request) -> web.Response:
    """Return the catalog, available products first, for a request that came by the router."""
    return await request.app[PRODUCTS].handle(request)


def _has(request: web.BaseRequest, coded: _Coded) -> bool:
    return knows_tag(list_field(request, hdrs.IF_NONE_MATCH), coded.tag)


_choose = lru_cache(maxsize=64)(choose_encoding)  # browsers send one of few headers


def _encode(snapshot: CatalogSnapshot, currency: str, edge: Edge) -> dict[str, _Coded]:
    body = msgspec.json.encode(Catalog(currency, product_answers(snapshot, snapshot.products.values(), currency)))
    codings = {IDENTITY: _coded(body, body, IDENTITY, edge)}
    if len(body) >= _WORTH_COMPRESSING:
        codings["gzip"] = _coded(body, gzip.compress(body, 6, mtime=0), "gzip", edge)
    return codings


def _coded(body: bytes, sent: bytes, coding: str, edge: Edge) -> _Coded:
    digest = sha256(body).hexdigest()[:20]
    tag = digest if coding == IDENTITY else f"{digest}-{coding}"  # different bytes, different tag
    # Prices change: a cache may keep the answer, but asks before each use.
    headers = CIMultiDict({"ETag": f'"{tag}"', "Vary": "Accept-Encoding", "Cache-Control": "no-cache"})
    whole = CIMultiDict(headers, **{"Content-Type": "application/json"})
    if coding != IDENTITY:
        whole["Content-Encoding"] = coding
    full = partial(web.Response, body=sent, headers=whole)
    unchanged = partial(web.Response, body=b"", status=304, headers=headers)
    return _Coded(tag, full, unchanged, PreparedAnswer(full, edge).to, PreparedAnswer(unchanged, edge).to)
