"""Products."""

from __future__ import annotations

import json

from checkout_daemon.sandbox.box import Box, Operation
from checkout_daemon.sandbox.checkout.catalog import apply_product, build_product, create_price
from checkout_daemon.sandbox.clock import stamp
from checkout_daemon.sandbox.errors import ApiError, invalid
from checkout_daemon.sandbox.objects.paging import list_page, matching
from checkout_daemon.sandbox.parameters.specs import (
    EXPAND,
    PAGING,
    DecimalNumber,
    Fields,
    Flag,
    Integer,
    ListOf,
    Map,
    Metadata,
    Params,
    Range,
    Text,
    merge_metadata,
    refusing,
)
from checkout_daemon.sandbox.storage import Body, Stored
from checkout_daemon.sandbox.webhooks.events import emit

_CHANGEABLE: Fields = {
    **refusing("The offline sandbox does not compute taxes.", "tax_details"),
    "active": Flag(),
    "description": Text(maximum=40_000),
    "images": ListOf(Text(), maximum=8),
    "marketing_features": ListOf(Map({"name": Text(required=True)}), maximum=15),
    "metadata": Metadata(),
    "package_dimensions": Map({name: DecimalNumber(required=True) for name in ("height", "length", "weight", "width")}),
    "shippable": Flag(),
    "statement_descriptor": Text(maximum=22),
    "tax_code": Text(),
    "unit_label": Text(maximum=12),
    "url": Text(),
}


def create(box: Box, params: Params, _: str) -> Body:
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


def retrieve(box: Box, _: Params, object_id: str) -> Body:
    return box.get(object_id, "product").body


def update(box: Box, params: Params, object_id: str) -> Body:
    record = box.get(object_id, "product")
    body = record.body
    before = dict(body)
    if "default_price" in params:
        if params["default_price"]:
            box.get(params["default_price"], "price", "default_price")
        body["default_price"] = params["default_price"]
    if params.get("name"):
        body["name"] = params["name"]
    body["metadata"] = merge_metadata(body["metadata"], params.get("metadata"))
    apply_product(body, params)
    body["updated"] = stamp()
    box.storage.save(record)
    emit(box, "product.updated", body, {key: old for key, old in before.items() if old != body[key]})
    return body


def delete(box: Box, _: Params, object_id: str) -> Body:
    record = box.get(object_id, "product")
    if box.storage.select("price", conditions=[("parent = ?", object_id)], limit=1):
        raise invalid("This product cannot be deleted because it has one or more user-created prices.")
    box.storage.remove(object_id)
    emit(box, "product.deleted", record.body)
    return {"id": object_id, "object": "product", "deleted": True}


def list_all(box: Box, params: Params, _: str) -> Body:
    conditions = matching(params, "active", "shippable", "type", "url")
    if params.get("ids"):
        conditions.append(("id IN (SELECT value FROM json_each(?))", json.dumps(params["ids"])))
    return list_page(box, "product", "/v1/products", params, conditions)


_PLAIN_PRICES = "The offline sandbox takes a plain price with a product; create others as prices."
_PRICE_DATA = Map(
    {
        **refusing(_PLAIN_PRICES, "currency_options", "custom_unit_amount", "recurring"),
        "currency": Text(required=True),
        "metadata": Metadata(),
        "unit_amount": Integer(minimum=0),
        "unit_amount_decimal": DecimalNumber(),
        "tax_behavior": Text(choices=("exclusive", "inclusive", "unspecified")),
    }
)
OPERATIONS = (
    Operation(
        "POST",
        "/v1/products",
        create,
        {
            **EXPAND,
            **_CHANGEABLE,
            "name": Text(required=True, maximum=5000),
            "id": Text(),
            "type": Text(choices=("good", "service")),
            "default_price_data": _PRICE_DATA,
        },
    ),
    Operation("GET", "/v1/products/{id}", retrieve, EXPAND),
    Operation("POST", "/v1/products/{id}", update, {**EXPAND, **_CHANGEABLE, "name": Text(), "default_price": Text()}),
    Operation("DELETE", "/v1/products/{id}", delete, {}),
    Operation(
        "GET",
        "/v1/products",
        list_all,
        {
            **PAGING,
            "active": Flag(),
            "created": Range(),
            "ids": ListOf(Text()),
            "shippable": Flag(),
            "type": Text(choices=("good", "service")),
            "url": Text(),
        },
    ),
)
