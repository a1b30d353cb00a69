"""Products."""

from __future__ import annotations

from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.checkout.catalog import apply_product, build_product, create_price
from checkout_daemon.sandbox.errors import ApiError, invalid, not_modelled
from checkout_daemon.sandbox.objects.operations import listing, operation, retrieving
from checkout_daemon.sandbox.objects.paging import any_of
from checkout_daemon.sandbox.objects.shapes import deleted_object
from checkout_daemon.sandbox.parameters.specs import Params
from checkout_daemon.sandbox.parameters.stripe_fields import Rules
from checkout_daemon.sandbox.storage import Body, Stored
from checkout_daemon.sandbox.webhooks.changes import updating
from checkout_daemon.sandbox.webhooks.events import emit


def _create(box: Box, params: Params, _: str) -> Body:
    if params.get("type") == "good":
        raise not_modelled("type=good", "type", "Use one of: service.")
    body = build_product(params)
    if given := params.get("id"):
        if box.storage.find(given):
            raise ApiError(f"Product already exists with id: {given}", code="resource_already_exists", param="id")
        body["id"] = given
    record = box.storage.add(Stored(body))
    if default := params.get("default_price_data"):
        price = create_price(box, {**default, "product": body["id"]})
        body["default_price"] = price["id"]
        box.storage.save(record)
    emit(box, "product.created", body)
    return body


def _revise(box: Box, product: Stored, params: Params) -> None:
    body = product.body
    if "default_price" in params:
        if chosen := params["default_price"]:
            price = box.get(chosen, "price", "default_price").body
            if price["product"] != product.id:
                message = f"The price {chosen} cannot be the default price of {product.id}: it has another product."
                raise invalid(message, param="default_price")
        body["default_price"] = params["default_price"]
    if params.get("name"):
        body["name"] = params["name"]
    apply_product(body, params)


def _delete(box: Box, _: Params, object_id: str) -> Body:
    record = box.get(object_id, "product")
    if box.storage.select("price", conditions=[("parent = ?", object_id)], limit=1):
        raise invalid("This product cannot be deleted because it has one or more user-created prices.")
    box.storage.remove(object_id)
    record.body["active"] = False
    emit(box, "product.deleted", record.body)
    return deleted_object(object_id, "product")


_PATH = "/v1/products"
_NO_TAXES = {"The offline sandbox does not compute taxes.": "tax_details"}
_PLAIN_PRICES = "The offline sandbox accepts only a plain price with a product. Create others through /v1/prices."
_CREATE = Rules(
    refuse={**_NO_TAXES, _PLAIN_PRICES: "currency_options custom_unit_amount recurring"}, most={"description": 40_000}
)
OPERATIONS = (
    operation(f"POST {_PATH}", _create, _CREATE),
    retrieving(_PATH, "product"),
    updating(_PATH, "product", _revise, Rules(refuse=_NO_TAXES, most={"description": 40_000})),
    operation(f"DELETE {_PATH}/{{id}}", _delete),
    listing(_PATH, "product", filters={"ids": any_of("id")}),
)
