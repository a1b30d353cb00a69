"""Prices."""

from __future__ import annotations

import json
from collections.abc import Mapping

from checkout_daemon.sandbox.box import Box, Include, Operation
from checkout_daemon.sandbox.checkout.catalog import build_product, create_price, take_lookup_key
from checkout_daemon.sandbox.errors import ApiError, invalid
from checkout_daemon.sandbox.objects.paging import list_page, matching
from checkout_daemon.sandbox.parameters.specs import (
    EXPAND,
    PAGING,
    DecimalNumber,
    Flag,
    Integer,
    ListOf,
    Map,
    Metadata,
    Params,
    Range,
    Refused,
    Text,
    merge_metadata,
    refusing,
)
from checkout_daemon.sandbox.storage import Body, Storage, Stored
from checkout_daemon.sandbox.webhooks.events import emit

_TAX = Text(choices=("exclusive", "inclusive", "unspecified"))


def create(box: Box, params: Params, _: str) -> Body:
    if params.get("billing_scheme") == "tiered":
        raise invalid(_PLAIN_PRICES, param="billing_scheme")
    if data := params.get("product_data"):
        product = build_product(data)
        box.storage.add(Stored(product))
        emit(box, "product.created", product)
        params["product"] = product["id"]
    elif not params.get("product"):
        raise ApiError("Missing required param: product.", code="parameter_missing", param="product", stored=False)
    box.get(params["product"], "product", "product")
    return create_price(box, params)


def retrieve(box: Box, _: Params, object_id: str) -> Body:
    return box.get(object_id, "price").body


def update(box: Box, params: Params, object_id: str) -> Body:
    record = box.get(object_id, "price")
    body = record.body
    before = dict(body)
    body["metadata"] = merge_metadata(body["metadata"], params.get("metadata"))
    if params.get("lookup_key"):
        take_lookup_key(box, params["lookup_key"], transfer=bool(params.get("transfer_lookup_key")), price=object_id)
    for name in ("active", "nickname", "lookup_key", "tax_behavior"):
        if name in params:
            body[name] = params[name]
    box.storage.save(record)
    emit(box, "price.updated", body, {key: old for key, old in before.items() if old != body[key]})
    return body


def list_all(box: Box, params: Params, _: str) -> Body:
    conditions = matching(params, "active", "currency", "product", "recurring", "type")
    if keys := params.get("lookup_keys"):
        conditions.append(("json_extract(body, '$.lookup_key') IN (SELECT value FROM json_each(?))", json.dumps(keys)))
    return list_page(box, "price", "/v1/prices", params, conditions)


_PLAIN_PRICES = "The offline sandbox has prices of one currency and one amount for each unit."
_CREATE = {
    **EXPAND,
    **refusing(_PLAIN_PRICES, "currency_options", "custom_unit_amount", "tiers", "tiers_mode", "transform_quantity"),
    "transfer_lookup_key": Flag(),
    "active": Flag(),
    "billing_scheme": Text(choices=("per_unit", "tiered")),
    "currency": Text(required=True),
    "lookup_key": Text(maximum=200),
    "metadata": Metadata(),
    "nickname": Text(),
    "product": Text(),
    "product_data": Map(
        {
            **refusing("The offline sandbox does not compute taxes.", "tax_details"),
            "name": Text(required=True),
            "active": Flag(),
            "id": Refused("The offline sandbox names the products that come with a price."),
            "metadata": Metadata(),
            "statement_descriptor": Text(maximum=22),
            "tax_code": Text(),
            "unit_label": Text(maximum=12),
        }
    ),
    "recurring": Map(
        {
            "interval": Text(required=True, choices=("day", "month", "week", "year")),
            "interval_count": Integer(minimum=1),
            "meter": Text(),
            "trial_period_days": Integer(minimum=1),
            "usage_type": Text(choices=("licensed", "metered")),
        }
    ),
    "tax_behavior": _TAX,
    "unit_amount": Integer(minimum=0),
    "unit_amount_decimal": DecimalNumber(),
}
OPERATIONS = (
    Operation("POST", "/v1/prices", create, _CREATE),
    Operation("GET", "/v1/prices/{id}", retrieve, EXPAND),
    Operation(
        "POST",
        "/v1/prices/{id}",
        update,
        {
            **EXPAND,
            **refusing(_PLAIN_PRICES, "currency_options"),
            "transfer_lookup_key": Flag(),
            "active": Flag(),
            "lookup_key": Text(maximum=200),
            "metadata": Metadata(),
            "nickname": Text(),
            "tax_behavior": _TAX,
        },
    ),
    Operation(
        "GET",
        "/v1/prices",
        list_all,
        {
            **PAGING,
            "active": Flag(),
            "created": Range(),
            "currency": Text(),
            "lookup_keys": ListOf(Text(), maximum=10),
            "product": Text(),
            "recurring": Map(
                {
                    "interval": Text(choices=("day", "month", "week", "year")),
                    "meter": Text(),
                    "usage_type": Text(choices=("licensed", "metered")),
                }
            ),
            "type": Text(choices=("one_time", "recurring")),
        },
    ),
)


def _currency_options(_: Storage, price: Body) -> Body:
    names = ("custom_unit_amount", "tax_behavior", "unit_amount", "unit_amount_decimal")
    return {price["currency"]: {name: price[name] for name in names}}


EXPANDABLE: Mapping[tuple[str, str], Include] = {
    ("price", "currency_options"): _currency_options,
    ("price", "tiers"): lambda *_: None,
}
