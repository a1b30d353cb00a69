"""Carts that must be sent: how many lines they may have."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from checkout_daemon.catalog.cart import MAXIMUM_LINES, Cart, CartLine, Product
from checkout_daemon.catalog.delivery import ShippingChoice, finish_quote
from checkout_daemon.catalog.pricing import Quote, price_cart
from checkout_daemon.errors import InvalidRequest
from checkout_daemon.shop.records import Shop
from checkout_daemon.shop.shop_file import read_shop
from tests.support.selling import SELLING

BY_POST = ShippingChoice("AT", "post", required=True)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A shop whose post costs 4.90 eur, and nothing from 50 eur on."""
    path = tmp_path / "shop.toml"
    path.write_text(SELLING)
    return read_shop(path)


def priced(lines: int, unit_amount: int) -> Quote:
    """Return a cart of so many products, one of each."""
    skus = [f"SKU-{number}" for number in range(lines)]
    products = {sku: Product(sku, sku, "", None, unit_amount, "eur", available=True) for sku in skus}
    cart = Cart(tuple(CartLine(sku, 1) for sku in skus))
    return price_cart(cart, products, None, currency="eur", now=datetime.now(UTC), shipped=True)


def test_shipping_that_costs_something_is_one_of_the_lines_that_stripe_takes(shop: Shop) -> None:
    quote = finish_quote(priced(MAXIMUM_LINES - 1, 10), shop, BY_POST)
    assert (quote.amount_shipping, quote.amount_total) == (490, 990 + 490)
    with pytest.raises(InvalidRequest, match="at most 99 at once: please remove a line") as caught:
        finish_quote(priced(MAXIMUM_LINES, 10), shop, BY_POST)
    assert [(fault.pointer, fault.code) for fault in caught.value.errors] == [("/items", "too_many_lines")]


def test_free_shipping_is_no_line(shop: Shop) -> None:
    quote = finish_quote(priced(MAXIMUM_LINES, 50), shop, BY_POST)
    assert (quote.amount_shipping, quote.amount_total) == (0, 5000)


def test_a_full_cart_is_priced_before_a_way_of_shipping_is_chosen(shop: Shop) -> None:
    quote = finish_quote(priced(MAXIMUM_LINES, 10), shop, ShippingChoice("AT"))
    assert [offer.id for offer in quote.offers] == ["post", "express"]
