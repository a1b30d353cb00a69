"""Price a cart with the prices and discounts of the catalog, for a quote and for an order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from types import MappingProxyType

import asyncpg

from checkout_daemon.catalog.cart import Cart, Product
from checkout_daemon.catalog.delivery import NOWHERE, ShippingChoice, finish_quote
from checkout_daemon.catalog.discount_store import count_redemptions, find_discount, lock_discount
from checkout_daemon.catalog.memory import CatalogMemory
from checkout_daemon.catalog.pricing import DISCOUNT_CODE, Discount, Quote, normalize_discount_code, price_cart
from checkout_daemon.catalog.product_store import find_products
from checkout_daemon.catalog.stock_levels import out_of_stock
from checkout_daemon.database.pool import Database
from checkout_daemon.errors import FieldError, InvalidRequest, OutOfStock
from checkout_daemon.shop.records import Shop

PLAIN = Shop()
"""A shop that sends nothing and states no taxes."""


async def quote(
    database: Database,
    catalog: CatalogMemory,
    cart: Cart,
    discount_code: str | None,
    *,
    currency: str,
    livemode: bool,
    shop: Shop = PLAIN,
    to: ShippingChoice = NOWHERE,
) -> Quote:
    """Return what the cart costs now, sent as `to` states. Nothing is written or reserved.

    Raise InvalidRequest with every fault.

    Prices and terms come from memory; only the redemptions of a code with a limit are counted in the database.
    """
    snapshot = await catalog.read()
    code = normalize_discount_code(discount_code)
    discount = snapshot.discounts.get(code) if code else None
    redemptions = 0
    if discount is not None and discount.redemption_limit is not None:
        async with database.connection() as connection:
            redemptions = await count_redemptions(connection, discount.code, livemode=livemode)
    priced = _price(cart, snapshot.products, code, discount, redemptions, currency, shop, snapshot.free)
    return finish_quote(priced, shop, to)


async def price_for_order(
    connection: asyncpg.Connection,
    cart: Cart,
    discount_code: str | None,
    *,
    currency: str,
    livemode: bool,
    lock_key: int,
    shop: Shop = PLAIN,
    to: ShippingChoice = NOWHERE,
) -> Quote:
    """Price as `quote` does, in the transaction that creates the order: a limited discount stays locked until its end.

    So two orders cannot both take the last redemption. A code without a limit is not locked: all orders would queue.
    The advisory lock of `lock_key` is taken first: orders of the same customer and lines are created one at a time.
    Prices and terms are read from the tables, never from memory. Whether there is enough is seen when it is placed.
    """
    products = await find_products(connection, cart.skus, lock_key=lock_key)
    code = normalize_discount_code(discount_code)
    # Any other text cannot be a code, and may hold characters that PostgreSQL refuses to look for.
    discount = await find_discount(connection, code) if code and DISCOUNT_CODE.fullmatch(code) else None
    redemptions = 0
    if discount is not None and discount.redemption_limit is not None:
        discount, redemptions = await lock_discount(connection, discount.code, livemode=livemode) or (None, 0)
    return finish_quote(_price(cart, products, code, discount, redemptions, currency, shop), shop, to)


def _price(
    cart: Cart,
    products: Mapping[str, Product],
    code: str | None,
    discount: Discount | None,
    redemptions: int,
    currency: str,
    shop: Shop,
    free: Mapping[str, int] = MappingProxyType({}),
) -> Quote:
    faults: list[FieldError] = []
    if code is not None and discount is None:
        faults.append(FieldError("/discount_code", "discount_unknown", "This discount code does not exist."))
    if discount is not None and discount.redemption_limit is not None and redemptions >= discount.redemption_limit:
        detail = f"The discount code {discount.code} has been used up."
        faults.append(FieldError("/discount_code", "discount_exhausted", detail))
    faults += _stock_faults(cart, products, currency, free)
    try:
        shipped = shop.shipping is not None and shop.shipping.needed(cart.skus)
        priced = price_cart(cart, products, discount, currency=currency, now=datetime.now(UTC), shipped=shipped)
    except InvalidRequest as error:
        raise InvalidRequest(error.errors + faults) from error
    if faults:
        only_stock = all(fault.code == "out_of_stock" for fault in faults)
        raise OutOfStock(faults) if only_stock else InvalidRequest(faults)
    return priced


def _stock_faults(
    cart: Cart, products: Mapping[str, Product], currency: str, free: Mapping[str, int]
) -> Iterator[FieldError]:
    """Yield a fault for each line that asks for more than is free, unless it cannot be bought anyway."""
    for index, line in enumerate(cart.lines):
        product = products.get(line.sku)
        can_be_bought = product is not None and product.available and product.currency == currency
        if product is not None and can_be_bought and line.quantity > free.get(line.sku, line.quantity):
            yield out_of_stock(cart.pointer(index), product.name, free[line.sku])
