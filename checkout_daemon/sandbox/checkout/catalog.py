"""Build products and prices, also those that a Checkout session describes inline."""

from __future__ import annotations

from decimal import Decimal

from checkout_daemon.sandbox.amounts import currency_code
from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.errors import ApiError, invalid, missing_parameter, only_one
from checkout_daemon.sandbox.objects.shapes import new_body, new_part
from checkout_daemon.sandbox.parameters.specs import Params, merge_metadata
from checkout_daemon.sandbox.storage import Body, Stored
from checkout_daemon.sandbox.webhooks.changes import add, update_and_emit
from checkout_daemon.sandbox.webhooks.events import emit

INLINE = "inline"
"""The kind of products and prices that a session describes itself. They are not listed."""
_PLAIN = "active description images marketing_features shippable statement_descriptor tax_code unit_label url"


def build_product(params: Params) -> Body:
    """Return a product with these parameters."""
    metadata = merge_metadata({}, params.get("metadata"))
    body = new_body("product", "prod_", metadata=metadata, name=params["name"])
    apply_product(body, params)
    return body


def create_product(box: Box, params: Params, object_id: str | None = None, *, kind: str | None = None) -> Body:
    """Store a product and emit its event. `object_id` replaces the new id."""
    body = build_product(params)
    body["id"] = object_id or body["id"]
    box.storage.add(Stored(body, kind=kind))
    emit(box, "product.created", body)
    return body


def apply_product(body: Body, params: Params) -> None:
    """Set the fields of a product that the parameters name."""
    for name in _PLAIN.split():
        if name in params:
            body[name] = params[name]
    if "package_dimensions" in params:
        given = params["package_dimensions"]
        body["package_dimensions"] = given and {name: float(value) for name, value in given.items()}


def build_price(params: Params, product: str, prefix: str = "") -> Body:
    """Return a price with these parameters. `prefix` is the name of the parameter that holds them, for errors."""

    def named(name: str) -> str:
        return f"{prefix}[{name}]" if prefix else name

    amount: int | None = params.get("unit_amount")
    written: str | None = params.get("unit_amount_decimal")
    if amount is None and written is None:
        if prefix:
            raise missing_parameter(named("unit_amount"))
        message = "Prices require an `unit_amount` or `unit_amount_decimal` parameter to be set."
        raise ApiError(message, stored=False)
    if amount is not None and written is not None:
        raise only_one("unit_amount", "unit_amount_decimal")
    if written is not None:
        exact = Decimal(written)
        amount = int(exact) if exact == exact.to_integral_value() else None
        if amount is None:
            raise invalid("The offline sandbox accepts whole minor units only.", param=named("unit_amount_decimal"))
        if amount < 0:
            raise invalid("Invalid non-negative decimal", param=named("unit_amount_decimal"))
    return new_body(
        "price",
        "price_1",
        active=params.get("active", True),
        currency=currency_code(params["currency"], named("currency")),
        lookup_key=params.get("lookup_key"),
        metadata=merge_metadata({}, params.get("metadata")),
        nickname=params.get("nickname"),
        product=product,
        recurring=_recurring(params.get("recurring")),
        tax_behavior=params.get("tax_behavior") or "unspecified",
        type="recurring" if params.get("recurring") else "one_time",
        unit_amount=amount,
        unit_amount_decimal=str(amount),
    )


def create_price(box: Box, params: Params) -> Body:
    """Store a price of an existing product and emit its event. Raise ApiError if its lookup key is taken."""
    body = build_price(params, params["product"])
    if body["lookup_key"] is not None:
        take_lookup_key(box, body["lookup_key"], transfer=bool(params.get("transfer_lookup_key")))
    return add(box, body, "price.created", parent=body["product"]).body


def take_lookup_key(box: Box, key: str, *, transfer: bool, price: str | None = None) -> None:
    """Make a lookup key available to this price. Raise ApiError (400) if another price has it.

    With `transfer` the key is taken from the other price, as one key names only one price.
    """
    held = [("json_extract(body, '$.lookup_key') = ?", key), ("id IS NOT ?", price)]
    for other in box.storage.select("price", conditions=held):
        if not transfer:
            message = f"A price (`{other.id}`) already uses that lookup key."
            raise ApiError(message, code="resource_already_exists", param="lookup_key")
        update_and_emit(box, other, "price.updated", lookup_key=None)


def _recurring(given: Params | None) -> Body | None:
    chosen = {name: value for name, value in (given or {}).items() if value is not None}
    return new_part("price.recurring", **chosen) if chosen else None
