"""Checkout sessions."""

from __future__ import annotations

from checkout_daemon.sandbox import sessions
from checkout_daemon.sandbox.box import Box, Operation
from checkout_daemon.sandbox.building import build_session
from checkout_daemon.sandbox.errors import invalid
from checkout_daemon.sandbox.ids import token
from checkout_daemon.sandbox.listing import Condition, list_page, matching
from checkout_daemon.sandbox.params import (
    EXPAND,
    PAGING,
    Anything,
    Flag,
    Integer,
    ListOf,
    Map,
    Metadata,
    Number,
    Params,
    Range,
    Text,
    merge_metadata,
)
from checkout_daemon.sandbox.shapes import METHOD_OPTIONS, METHOD_TYPES, SHIPPING
from checkout_daemon.sandbox.storage import Body, Record

_SESSIONS = "/v1/checkout/sessions"


def create(box: Box, params: Params, _: str) -> Body:
    body, private, items = build_session(box, params)
    body["id"] = f"cs_test_a1{token(56)}"
    body["url"] = f"{box.url}/c/pay/{body['id']}"
    for item in items:
        item.parent = body["id"]
        box.storage.add(item)
    box.storage.add(Record(body, private, customer=body["customer"]))
    box.storage.add_timer("expire", body["expires_at"], {"session": body["id"]})
    return body


def retrieve(box: Box, _: Params, object_id: str) -> Body:
    return box.get(object_id, "checkout.session").body


def update(box: Box, params: Params, object_id: str) -> Body:
    record = box.get(object_id, "checkout.session")
    record.body["metadata"] = merge_metadata(record.body["metadata"], params.get("metadata"))
    box.storage.save(record)
    return record.body


def list_all(box: Box, params: Params, _: str) -> Body:
    conditions: list[Condition] = matching(params, "customer", "payment_intent", "status")
    if details := params.get("customer_details"):
        conditions.append(("json_extract(body, '$.customer_details.email') = ?", details["email"]))
    return list_page(box, "checkout.session", _SESSIONS, params, conditions)


def line_items(box: Box, params: Params, object_id: str) -> Body:
    box.get(object_id, "checkout.session")
    # Items are listed in the order of the session's lines: the first line is the "newest".
    found = [each.body for each in box.storage.children(object_id, "item")]
    ids = [each["id"] for each in found]
    first, last = 0, len(found)
    limit = params.get("limit", 10)
    for name in ("starting_after", "ending_before"):
        if params.get(name) is not None and params[name] not in ids:
            raise invalid(f"No such line item: '{params[name]}'", param=name, code="resource_missing")
    if after := params.get("starting_after"):
        first = ids.index(after) + 1
    if before := params.get("ending_before"):
        last = ids.index(before)
        first = max(first, last - limit)
        has_more = first > 0
    else:
        has_more = last - first > limit
        last = min(last, first + limit)
    url = f"{_SESSIONS}/{object_id}/line_items"
    return {"object": "list", "data": found[first:last], "has_more": has_more, "url": url}


def expire(box: Box, _: Params, object_id: str) -> Body:
    record = box.get(object_id, "checkout.session")
    if record.body["status"] != "open":
        raise invalid(
            'Only Checkout Sessions with a status in ["open"] can be expired. '
            f"This Checkout Session has a status of {record.body['status']}.",
            param="session",
        )
    sessions.expire(box, record)
    return record.body


_PRODUCT_DATA = Map(
    {
        "description": Text(),
        "images": ListOf(Text(), maximum=8),
        "metadata": Metadata(),
        "name": Text(required=True),
        "tax_code": Text(),
        "unit_label": Text(maximum=12),
    }
)
_PRICE_DATA = Map(
    {
        "currency": Text(required=True),
        "product": Text(),
        "product_data": _PRODUCT_DATA,
        "recurring": Anything(),
        "tax_behavior": Text(choices=("exclusive", "inclusive", "unspecified")),
        "unit_amount": Integer(minimum=0),
        "unit_amount_decimal": Number(),
    }
)
_LINE = Map(
    {
        "adjustable_quantity": Map({"enabled": Flag(required=True), "maximum": Integer(), "minimum": Integer()}),
        "metadata": Metadata(),
        "price": Text(),
        "price_data": _PRICE_DATA,
        "quantity": Integer(minimum=1, maximum=999_999),
    },
    required=True,
)
_INTENT_DATA = Map(
    {
        "capture_method": Text(choices=("automatic", "automatic_async", "manual")),
        "description": Text(maximum=1000),
        "metadata": Metadata(),
        "receipt_email": Text(),
        "setup_future_usage": Text(choices=("off_session", "on_session")),
        "shipping": Map(SHIPPING),
        "statement_descriptor": Text(maximum=22),
        "statement_descriptor_suffix": Text(maximum=22),
        "transfer_group": Text(),
    }
)
_ENABLED = Map({"enabled": Flag()})
CREATE = {
    **EXPAND,
    "adaptive_pricing": _ENABLED,
    "allow_promotion_codes": Flag(),
    "automatic_tax": _ENABLED,
    "billing_address_collection": Text(choices=("auto", "required")),
    "cancel_url": Text(),
    "client_reference_id": Text(maximum=200),
    "currency": Text(),
    "customer": Text(),
    "customer_creation": Text(choices=("always", "if_required")),
    "customer_email": Text(maximum=800),
    "discounts": ListOf(Map({"coupon": Text(), "promotion_code": Text()}), maximum=1),
    "expires_at": Integer(),
    "integration_identifier": Text(),
    "line_items": ListOf(_LINE, maximum=100),
    "locale": Text(),
    "metadata": Metadata(),
    "mode": Text(choices=("payment", "setup", "subscription")),
    "origin_context": Text(choices=("mobile_app", "web")),
    "payment_intent_data": _INTENT_DATA,
    "payment_method_collection": Text(choices=("always", "if_required")),
    "payment_method_options": Map(METHOD_OPTIONS),
    "payment_method_types": METHOD_TYPES,
    "phone_number_collection": Map({"enabled": Flag(required=True)}),
    "submit_type": Text(choices=("auto", "book", "donate", "pay")),
    "success_url": Text(),
    "ui_mode": Text(choices=("hosted", "hosted_page")),
}
OPERATIONS = (
    Operation("POST", _SESSIONS, create, CREATE),
    Operation("GET", f"{_SESSIONS}/{{id}}", retrieve, EXPAND),
    Operation("POST", f"{_SESSIONS}/{{id}}", update, {**EXPAND, "metadata": Metadata()}),
    Operation(
        "GET",
        _SESSIONS,
        list_all,
        {
            **PAGING,
            "created": Range(),
            "customer": Text(),
            "customer_details": Map({"email": Text(required=True)}),
            "payment_intent": Text(),
            "status": Text(choices=("complete", "expired", "open")),
        },
    ),
    Operation("GET", f"{_SESSIONS}/{{id}}/line_items", line_items, PAGING),
    Operation("POST", f"{_SESSIONS}/{{id}}/expire", expire, EXPAND),
)
