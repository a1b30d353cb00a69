"""The catalog in memory, so that most requests are priced without a query.

A snapshot is used for TRUST_SECONDS after the start of a check that found it equal to the tables. A notification of a
change ends that time at once, as does the loss of the connection that hears it. So a lost notification, a failover, a
restore or a pooler that swallows LISTEN delays a change by TRUST_SECONDS at most.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import asyncpg
import msgspec

from checkout_daemon.backoff import reconnecting
from checkout_daemon.catalog.cart import Product
from checkout_daemon.catalog.discount_store import list_discounts
from checkout_daemon.catalog.pricing import Discount
from checkout_daemon.catalog.product_store import list_products
from checkout_daemon.catalog.stock_levels import CATALOG_CHANNEL, left_to_show
from checkout_daemon.database.away import unavailable_when_away
from checkout_daemon.database.listening import check_still_primary, listening, wait
from checkout_daemon.database.pool import Database
from checkout_daemon.database.queries import sql
from checkout_daemon.database.server import read_now
from checkout_daemon.errors import CheckoutError
from checkout_daemon.patience import deadline, shopper_waits

log = logging.getLogger(__name__)

CHANNEL = CATALOG_CHANNEL
TRUST_SECONDS = 1.0
# How often a quiet connection is tested: one that is cut off without a word hears nothing and reports nothing.
_QUIET_SECONDS = 10.0
_FREE = msgspec.json.Decoder(dict[str, int])


@dataclass(frozen=True, slots=True)
class CatalogSnapshot:
    """All products by sku, in display order, and all discounts by code. `state` is a hash of their rows.

    `free`: how many pieces of each counted product can be sold. It changes with every order, and is not in `state`.
    """

    state: str
    products: Mapping[str, Product]
    discounts: Mapping[str, Discount]
    free: Mapping[str, int] = field(default_factory=dict)

    @property
    def left(self) -> dict[str, int]:
        """Return what shoppers see of the products of which little is left."""
        return {sku: left for sku, free in self.free.items() if (left := left_to_show(free)) is not None}

    def is_available(self, product: Product) -> bool:
        """Return whether the product can be bought now."""
        return product.available and self.free.get(product.sku, 1) > 0


class CatalogMemory:
    """The catalog as it was last read, shared by all requests of a process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._snapshot: CatalogSnapshot | None = None
        self._trusted_until = 0.0
        self._lapses = 0
        self._check: asyncio.Task[CatalogSnapshot] | None = None

    async def read(self) -> CatalogSnapshot:
        """Return the catalog of at most TRUST_SECONDS ago. Callers share one check. Raise DatabaseUnavailable."""
        if self._snapshot is not None and time.monotonic() < self._trusted_until:
            return self._snapshot
        if self._check is None or self._check.done():
            self._check = asyncio.create_task(self._compare(), name="catalog-check")
            self._check.add_done_callback(_note_failure)
        with unavailable_when_away():
            async with asyncio.timeout_at(deadline()):
                return await asyncio.shield(self._check)

    def lapse(self) -> None:
        """Trust neither what is held nor a check under way: the catalog may have changed."""
        self._trusted_until = 0.0
        self._lapses += 1
        self._check = None

    async def follow(self, url: str) -> None:
        """Lapse whenever a change of the catalog is announced, for ever. `url` must be direct, because of LISTEN."""
        pauses = reconnecting()
        heard = True
        while True:
            try:
                async with listening(url, CHANNEL) as (connection, news):
                    while True:
                        news.clear()
                        self.lapse()
                        with unavailable_when_away():
                            await read_now(connection)
                        check_still_primary(connection, url)
                        heard = True
                        pauses.reset()
                        await wait(news, _QUIET_SECONDS)
            except CheckoutError as error:
                self.lapse()
                if heard:
                    log.info("changes of the catalog are not announced for now, only looked for: %s", error.detail)
                heard = False
            await asyncio.sleep(pauses.next())

    async def _compare(self) -> CatalogSnapshot:
        began, lapses, held = time.monotonic(), self._lapses, self._snapshot
        with shopper_waits():  # whoever began it: a page waits less, and those who join it wait longer
            async with self._database.connection() as connection:
                state, free = await _read_state(connection)
                if held is None or held.state != state:
                    held = await _read_snapshot(connection)
                elif held.free != free:
                    held = replace(held, free=free)
        if lapses == self._lapses:
            self._snapshot, self._trusted_until = held, began + TRUST_SECONDS
        return held


def _note_failure(check: asyncio.Task[CatalogSnapshot]) -> None:
    """Mark the failure of a check as retrieved: all who waited for it may have given up."""
    if not check.cancelled():
        check.exception()


async def _read_state(connection: asyncpg.Connection) -> tuple[str, dict[str, int]]:
    row = await connection.fetchrow(sql("read_catalog_state"))
    assert row is not None
    return row["state"], _FREE.decode(row["free"]) if row["free"] else {}


async def _read_snapshot(connection: asyncpg.Connection) -> CatalogSnapshot:
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        state, free = await _read_state(connection)
        return CatalogSnapshot(
            state,
            {product.sku: product for product in await list_products(connection)},
            {discount.code: discount for discount in await list_discounts(connection)},
            free,
        )
