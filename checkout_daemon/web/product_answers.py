"""Products as the API and the pages have them."""

from __future__ import annotations

from collections.abc import Iterable

from checkout_daemon.catalog.cart import Product
from checkout_daemon.catalog.descriptions import plain_of
from checkout_daemon.catalog.memory import CatalogSnapshot
from checkout_daemon.web.schemas import ProductAnswer


def product_answers(snapshot: CatalogSnapshot, listed: Iterable[Product], currency: str) -> list[ProductAnswer]:
    """Return products of the catalog as the API has them, available ones first."""
    # A product priced in another currency cannot be bought here, so show it as unavailable.
    left = snapshot.left
    answers = [
        ProductAnswer(
            product.sku,
            product.name,
            product.description,
            product.image_url,
            product.unit_amount,
            product.currency,
            snapshot.is_available(product) and product.currency == currency,
            left.get(product.sku),
            _summary(product.description),
            list(product.images),
        )
        for product in listed
    ]
    answers.sort(key=lambda answer: not answer.available)
    return answers


def _summary(description: str) -> str | None:
    plain = plain_of(description)
    return None if plain == description else plain
