"""Prices a cart with the catalog's prices and discounts: to look at, and to make an order of."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import asyncpg

from checkout_daemon.catalog.cart import Cart, Product
from checkout_daemon.catalog.discounts import count_redemptions, find_discount, lock_discount
from checkout_daemon.catalog.pricing import DISCOUNT_CODE, Discount, Quote, normalize_discount_code, price_cart
from checkout_daemon.catalog.products import find_products, find_products_in_turn
from checkout_daemon.database.pool import Database
from checkout_daemon.errors import FieldError, InvalidRequest


async def quote(database: Database, cart: Cart, discount_code: str | None, *, currency: str) -> Quote:
    """What the cart costs now; nothing is written or reserved. Raises InvalidRequest with every fault."""
    code = normalize_discount_code(discount_code)
    async with database.connection() as connection:
        products = await find_products(connection, cart.skus)
        discount = await _find(connection, code)
        redemptions = 0
        if discount is not None and discount.redemption_limit is not None:
            redemptions = await count_redemptions(connection, discount.code)
    return _price(cart, products, code, discount, redemptions, currency)


async def price_for_order(
    connection: asyncpg.Connection, cart: Cart, discount_code: str | None, *, currency: str, lock_key: int
) -> Quote:
    """As quote, in the transaction that makes the order: a limited discount stays locked until it ends.

    So two orders cannot both take the last redemption. A code without a limit is not locked: all orders would queue.
    The advisory lock of `lock_key` is taken first: orders of the same customer and lines are made one at a time.
    """
    code = normalize_discount_code(discount_code)
    products = await find_products_in_turn(connection, cart.skus, lock_key)
    discount = await _find(connection, code)
    redemptions = 0
    if discount is not None and discount.redemption_limit is not None:
        locked = await lock_discount(connection, discount.code)
        discount, redemptions = locked or (None, 0)
    return _price(cart, products, code, discount, redemptions, currency)


async def _find(connection: asyncpg.Connection, code: str | None) -> Discount | None:
    # What is not shaped as a code cannot be one, and may hold what PostgreSQL refuses to look for.
    return await find_discount(connection, code) if code is not None and DISCOUNT_CODE.fullmatch(code) else None


def _price(
    cart: Cart,
    products: Mapping[str, Product],
    code: str | None,
    discount: Discount | None,
    redemptions: int,
    currency: str,
) -> Quote:
    faults: list[FieldError] = []
    if code is not None and discount is None:
        faults.append(FieldError("/discount_code", "discount_unknown", "This discount code does not exist."))
    if discount is not None and discount.redemption_limit is not None and redemptions >= discount.redemption_limit:
        detail = f"The discount code {discount.code} has been used up."
        faults.append(FieldError("/discount_code", "discount_exhausted", detail))
    try:
        priced = price_cart(cart, products, discount, currency=currency, now=datetime.now(UTC))
    except InvalidRequest as error:
        raise InvalidRequest(error.errors + faults) from error
    if faults:
        raise InvalidRequest(faults)
    return priced
