"""Prices."""

from __future__ import annotations

from checkout_daemon.sandbox.box import Box, Expandable
from checkout_daemon.sandbox.checkout.catalog import INLINE, create_price, create_product, take_lookup_key
from checkout_daemon.sandbox.errors import ApiError, invalid, only_one
from checkout_daemon.sandbox.objects.operations import listing, operation, retrieving
from checkout_daemon.sandbox.objects.paging import any_of
from checkout_daemon.sandbox.parameters.specs import Params
from checkout_daemon.sandbox.parameters.stripe_fields import Rules
from checkout_daemon.sandbox.storage import Body, Storage, Stored
from checkout_daemon.sandbox.webhooks.changes import updating


def _create(box: Box, params: Params, _: str) -> Body:
    if params.get("billing_scheme") == "tiered":
        raise invalid(_PLAIN_PRICES, param="billing_scheme")
    data, product = params.get("product_data"), params.get("product")
    if data and product:
        raise only_one("product", "product_data", param="product")
    if data:
        params["product"] = create_product(box, data)["id"]
    elif not product:
        message = "You must specify either `product` or `product_data` when creating a price."
        raise ApiError(message, stored=False)
    box.get(params["product"], "product", "product")
    return create_price(box, params)


def _revise(box: Box, price: Stored, params: Params) -> None:
    if params.get("active") is False and price.body["active"]:
        _check_not_default(box, price)
    if key := params.get("lookup_key"):
        take_lookup_key(box, key, transfer=bool(params.get("transfer_lookup_key")), price=price.id)
    price.body |= {
        name: params[name] for name in ("active", "nickname", "lookup_key", "tax_behavior") if name in params
    }


def _check_not_default(box: Box, price: Stored) -> None:
    product = box.storage.find(price.body["product"], "product")
    if product is not None and product.body["default_price"] == price.id:
        raise invalid("This price cannot be archived because it is the default price of its product.")


def _currency_options(_: Storage, price: Body) -> Body:
    names = ("custom_unit_amount", "tax_behavior", "unit_amount", "unit_amount_decimal")
    return {price["currency"]: {name: price[name] for name in names}}


_PATH = "/v1/prices"
_PLAIN_PRICES = "The offline sandbox supports one currency and one unit amount per price."
_CREATE = Rules(
    refuse={
        _PLAIN_PRICES: "currency_options custom_unit_amount tiers tiers_mode transform_quantity",
        "The offline sandbox does not compute taxes.": "tax_details",
        "The offline sandbox chooses the ids of products that are created with a price.": "product_data[id]",
    },
    least={"interval_count": 1, "trial_period_days": 1},
)
OPERATIONS = (
    operation(f"POST {_PATH}", _create, _CREATE),
    retrieving(_PATH, "price"),
    updating(_PATH, "price", _revise, Rules(refuse={_PLAIN_PRICES: "currency_options"})),
    listing(
        _PATH,
        "price",
        filters={"lookup_keys": any_of("json_extract(body, '$.lookup_key')")},
        always=[("kind IS NOT ?", INLINE)],
        defaults={"active": True},
        rules=Rules(most={"lookup_keys": 10}),
    ),
)
EXPANDABLE: Expandable = {
    ("price", "currency_options"): _currency_options,
    ("price", "tiers"): lambda *_: None,
}
