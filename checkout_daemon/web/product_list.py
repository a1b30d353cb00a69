"""The answer of GET /api/products: encoded once for each state of the catalog, and sent as it is."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import sha256

import msgspec
from aiohttp import hdrs, web
from multidict import CIMultiDict

from checkout_daemon.catalog.memory import CatalogSnapshot
from checkout_daemon.web.fields import IDENTITY, choose_encoding, knows_tag, list_field
from checkout_daemon.web.schemas import Catalog, ProductAnswer

_WORTH_COMPRESSING = 1024


@dataclass(frozen=True, slots=True)
class _Coded:
    """The answer in one content coding. `tag` names these bytes; `headers` are those of a 304, `full` of a 200."""

    body: bytes
    tag: str
    headers: CIMultiDict[str]
    full: CIMultiDict[str]


class ProductList:
    """Answers with the products of a snapshot, available ones first."""

    def __init__(self, currency: str) -> None:
        self._currency = currency
        self._encoding = asyncio.Lock()
        self._snapshot: CatalogSnapshot | None = None
        self._codings: Mapping[str, _Coded] = {}

    async def answer(self, request: web.Request, snapshot: CatalogSnapshot) -> web.Response:
        """Return the products in a coding that the client accepts, or 304 if it has them."""
        codings = self._codings if snapshot is self._snapshot else await self._encode(snapshot)
        coded = codings[_choose(list_field(request, hdrs.ACCEPT_ENCODING), tuple(codings))]
        if knows_tag(list_field(request, hdrs.IF_NONE_MATCH), coded.tag):
            return web.Response(status=304, headers=coded.headers)
        return web.Response(body=coded.body, headers=coded.full)

    async def _encode(self, snapshot: CatalogSnapshot) -> Mapping[str, _Coded]:
        async with self._encoding:
            if snapshot is not self._snapshot:
                # In a thread: a large catalog takes a while, and webhooks must not wait for it.
                self._codings = await asyncio.to_thread(_encode, snapshot, self._currency)
                self._snapshot = snapshot
            return self._codings


_choose = lru_cache(maxsize=64)(choose_encoding)  # browsers send one of few headers


def _encode(snapshot: CatalogSnapshot, currency: str) -> dict[str, _Coded]:
    # A product priced in another currency cannot be bought here, so show it as unavailable.
    products = [
        product if product.currency == currency else replace(product, available=False)
        for product in snapshot.products.values()
    ]
    products.sort(key=lambda product: not product.available)
    body = msgspec.json.encode(Catalog(currency, msgspec.convert(products, list[ProductAnswer], from_attributes=True)))
    codings = {IDENTITY: _coded(body, body, IDENTITY)}
    if len(body) >= _WORTH_COMPRESSING:
        codings["gzip"] = _coded(body, gzip.compress(body, 6, mtime=0), "gzip")
    return codings


def _coded(body: bytes, sent: bytes, coding: str) -> _Coded:
    digest = sha256(body).hexdigest()[:20]
    tag = digest if coding == IDENTITY else f"{digest}-{coding}"  # different bytes, different tag
    # Prices change: a cache may keep the answer, but asks before each use.
    headers = CIMultiDict({"ETag": f'"{tag}"', "Vary": "Accept-Encoding", "Cache-Control": "no-cache"})
    full = CIMultiDict(headers, **{"Content-Type": "application/json"})
    if coding != IDENTITY:
        full["Content-Encoding"] = coding
    return _Coded(sent, tag, headers, full)
