"""Build the lines of a Checkout session."""

from __future__ import annotations

from typing import Any

from checkout_daemon.sandbox.amounts import currency_code
from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.checkout.catalog import INLINE, build_price, create_product
from checkout_daemon.sandbox.errors import invalid, missing_parameter, only_one
from checkout_daemon.sandbox.ids import new_id
from checkout_daemon.sandbox.objects.shapes import new_body
from checkout_daemon.sandbox.parameters.specs import Params, merge_metadata
from checkout_daemon.sandbox.storage import Body, Stored
from checkout_daemon.sandbox.webhooks.changes import add

_MOST_ADJUSTABLE = 99


def build_line(box: Box, given: Params, index: int, *, recurring: bool = False) -> Stored:
    """Return the line that these parameters describe, not stored yet. Its discount is computed with the totals.

    Raise ApiError for a recurring price, unless `recurring`.
    """
    at = f"line_items[{index}]"
    price = _price(box, given, at)
    if price["type"] == "recurring" and not recurring:
        raise invalid("You must use mode=subscription for recurring prices.", param=f"{at}[price]")
    quantity = given.get("quantity")
    if quantity is None:
        raise missing_parameter(f"{at}[quantity]")
    adjustable = _adjustable(given.get("adjustable_quantity"), quantity, f"{at}[adjustable_quantity]")
    metadata = merge_metadata({}, given.get("metadata"))
    return Stored(line_item(box, price, quantity, adjustable_quantity=adjustable, metadata=metadata))


def line_item(box: Box, price: Body, quantity: int, **fields: Any) -> Body:
    """Return a new line item of a price, without discounts."""
    product = box.storage.find(price["product"], "product")
    amount = (price["unit_amount"] or 0) * quantity
    return new_body(
        "item",
        "li_1",
        amount_subtotal=amount,
        amount_total=amount,
        currency=price["currency"],
        description=product.body["name"] if product else None,
        price=price,
        quantity=quantity,
        **fields,
    )


def common_currency(lines: list[Stored], asked: str | None) -> str:
    """Return the currency of the lines. Raise ApiError if they have several."""
    found = {line.body["currency"] for line in lines}
    if asked:
        found.add(currency_code(asked))
    if len(found) > 1:
        raise invalid(f"All line items must have the same currency; found {', '.join(sorted(found))}.")
    return str(found.pop())


def _price(box: Box, given: Params, at: str) -> Body:
    price_id, data = given.get("price"), given.get("price_data")
    if price_id is None and data is None:
        raise missing_parameter(f"{at}[price]")
    if data is not None:
        if price_id is not None:
            raise only_one(f"{at}[price]", f"{at}[price_data]")
        return _inline_price(box, data, f"{at}[price_data]")
    price = box.get(str(price_id), "price", f"{at}[price]").body
    if not price["active"]:
        message = "The price specified is inactive. This field only accepts active prices."
        raise invalid(message, param=f"{at}[price]")
    product = box.storage.find(price["product"], "product")
    if product is not None and not product.body["active"]:
        message = "This price is not available to be purchased because its product is not active."
        raise invalid(message, param=f"{at}[price]")
    return price


def _inline_price(box: Box, data: Params, at: str) -> Body:
    """Create a price for this session only, and its product if that is described too."""
    described, product_id = data.get("product_data"), data.get("product")
    if (described is None) == (product_id is None):
        if product_id is None:
            raise missing_parameter(f"{at}[product_data]")
        raise only_one(f"{at}[product]", f"{at}[product_data]")
    price = build_price(data, product_id or new_id("prod_"), at)
    price["active"] = False
    if described is None:
        box.get(price["product"], "product", f"{at}[product]")
    else:
        create_product(box, {**described, "active": False}, price["product"], kind=INLINE)
    return add(box, price, "price.created", parent=price["product"], kind=INLINE).body


def _adjustable(given: Params | None, quantity: int, at: str) -> Body | None:
    if not given or not given["enabled"]:
        return None
    minimum = given["minimum"] if given.get("minimum") is not None else 0
    maximum = given.get("maximum") or _MOST_ADJUSTABLE
    if not minimum <= quantity <= maximum:
        raise invalid(
            f"The quantity {quantity} must be between {minimum} and {maximum}, its adjustable bounds.", param=at
        )
    return {"enabled": True, "maximum": maximum, "minimum": minimum}
