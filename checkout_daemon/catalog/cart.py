"""Carts and products: what a shopper wants to buy, and what the shop sells."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from checkout_daemon.errors import FieldError
from checkout_daemon.model.text import cleaned

MAXIMUM_LINES = 100  # Stripe's limit of a session; shipping that costs something is a line too (catalog/delivery.py)
MAXIMUM_QUANTITY = 999
# It excludes NUL and lone surrogates, which PostgreSQL cannot store.
SKU = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True, slots=True)
class CartLine:
    """A product and how many of it."""

    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Cart:
    """Lines of different skus. `positions` are where each sku first was in the request, for faults to point there."""

    lines: tuple[CartLine, ...]
    positions: tuple[int, ...] = ()

    def pointer(self, index: int) -> str:
        """Return the JSON pointer of the line with this index."""
        return f"/items/{self.positions[index] if self.positions else index}"

    @property
    def skus(self) -> tuple[str, ...]:
        """The sku of every line."""
        return tuple(line.sku for line in self.lines)


@dataclass(frozen=True, slots=True)
class Product:
    """A product of the catalog, with its price in minor units. `image_url` is a URL or a path of the storefront.

    `stock`: the pieces that are not sold, reserved ones included; None: not counted, or not given in a file. `images`
    are all pictures, beginning with `image_url`, or none if there are not several.
    """

    sku: str
    name: str
    description: str
    image_url: str | None
    unit_amount: int
    currency: str
    available: bool
    stock: int | None = None
    images: tuple[str, ...] = ()

    @property
    def pictures(self) -> tuple[str, ...]:
        """Every picture, the first one first."""
        return self.images or ((self.image_url,) if self.image_url else ())


def check_cart(items: Sequence[CartLine]) -> tuple[Cart | None, list[FieldError]]:
    """Return the cart, with the lines of one sku merged into the first of them; or None and every fault."""
    if not items:
        return None, [FieldError("/items", "empty_cart", "Your cart is empty.")]
    if len(items) > MAXIMUM_LINES:
        detail = f"Your cart has {len(items)} lines. You can order at most {MAXIMUM_LINES} at once."
        return None, [FieldError("/items", "too_many_lines", detail)]
    errors: list[FieldError] = []
    first: dict[str, int] = {}
    quantities: dict[str, int] = {}
    for position, item in enumerate(items):
        sku = cleaned(item.sku)
        if not SKU.fullmatch(sku):
            errors.append(FieldError(f"/items/{position}/sku", "unknown_sku", "This product does not exist."))
            continue
        before = quantities.get(sku, 0)
        quantities[sku] = before + item.quantity
        first.setdefault(sku, position)
        if not 1 <= item.quantity <= MAXIMUM_QUANTITY:
            detail = f"The quantity must be from 1 to {MAXIMUM_QUANTITY}."
            errors.append(FieldError(f"/items/{position}/quantity", "invalid_quantity", detail))
        elif before <= MAXIMUM_QUANTITY < quantities[sku]:
            detail = f"You can order at most {MAXIMUM_QUANTITY} of one product, counting all of its lines."
            errors.append(FieldError(f"/items/{position}/quantity", "invalid_quantity", detail))
    if errors:
        return None, errors
    lines = tuple(CartLine(sku, quantity) for sku, quantity in quantities.items())
    return Cart(lines, tuple(first.values())), []
