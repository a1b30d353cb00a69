"""Coupons."""

from __future__ import annotations

from collections.abc import Mapping

from checkout_daemon.sandbox.amounts import currency_code
from checkout_daemon.sandbox.box import Box, Include, Operation, TimerHandler
from checkout_daemon.sandbox.checkout.promotions import close_codes, end_discount
from checkout_daemon.sandbox.clock import stamp
from checkout_daemon.sandbox.errors import ApiError, invalid
from checkout_daemon.sandbox.ids import token
from checkout_daemon.sandbox.objects.paging import list_page
from checkout_daemon.sandbox.objects.shapes import new_object
from checkout_daemon.sandbox.parameters.specs import (
    EXPAND,
    PAGING,
    DecimalNumber,
    Integer,
    ListOf,
    Map,
    Metadata,
    Params,
    Range,
    Refused,
    Text,
    merge_metadata,
)
from checkout_daemon.sandbox.resources.checkout_session_params import NO_CURRENCY_OPTIONS
from checkout_daemon.sandbox.storage import Body, Storage, Stored
from checkout_daemon.sandbox.webhooks.events import emit


def create(box: Box, params: Params, _: str) -> Body:
    percent, amount = params.get("percent_off"), params.get("amount_off")
    if percent is None and amount is None:
        raise ApiError("You must pass either percent_off or amount_off.", code="parameter_missing", stored=False)
    if percent is not None and amount is not None:
        raise ApiError("You may only specify one of these parameters: percent_off, amount_off.", stored=False)
    if percent is not None and not 0 < float(percent) <= 100:
        raise invalid("Invalid percent_off: must be between 0 and 100", param="percent_off")
    if amount is not None and not params.get("currency"):
        raise ApiError("Missing required param: currency.", code="parameter_missing", param="currency", stored=False)
    duration = params.get("duration") or "once"
    if (duration == "repeating") != (params.get("duration_in_months") is not None):
        raise invalid("duration_in_months belongs to duration=repeating, and only to it.", param="duration_in_months")
    coupon_id = params.get("id") or token(8)
    if box.storage.find(coupon_id):
        raise ApiError("Coupon already exists.", code="resource_already_exists", param="id")
    body = new_object(
        "",
        "coupon",
        amount_off=amount,
        currency=None if amount is None else currency_code(params["currency"]),
        duration=duration,
        duration_in_months=params.get("duration_in_months"),
        max_redemptions=params.get("max_redemptions"),
        metadata=merge_metadata({}, params.get("metadata")),
        name=params.get("name"),
        percent_off=None if percent is None else float(percent),
        redeem_by=params.get("redeem_by"),
        times_redeemed=0,
        valid=True,
    )
    if body["redeem_by"] is not None and body["redeem_by"] <= stamp():
        raise invalid("`redeem_by` must be in the future.", param="redeem_by")
    body["id"] = coupon_id
    private = {}
    if applies := params.get("applies_to"):
        products = applies.get("products") or []
        for product in products:
            box.get(product, "product", "applies_to[products]")
        private["applies_to"] = {"products": products}
    box.storage.add(Stored(body, private))
    if body["redeem_by"] is not None:
        box.storage.add_timer("discount_over", body["redeem_by"], {"id": coupon_id})
    emit(box, "coupon.created", body)
    return body


def retrieve(box: Box, _: Params, object_id: str) -> Body:
    return box.get(object_id, "coupon").body


def update(box: Box, params: Params, object_id: str) -> Body:
    record = box.get(object_id, "coupon")
    before = dict(record.body)
    record.body["metadata"] = merge_metadata(record.body["metadata"], params.get("metadata"))
    if "name" in params:
        record.body["name"] = params["name"]
    box.storage.save(record)
    emit(box, "coupon.updated", record.body, {key: old for key, old in before.items() if old != record.body[key]})
    return record.body


def delete(box: Box, _: Params, object_id: str) -> Body:
    record = box.get(object_id, "coupon")
    box.storage.remove(object_id)
    close_codes(box, object_id)
    record.body["valid"] = False
    emit(box, "coupon.deleted", record.body)
    return {"id": object_id, "object": "coupon", "deleted": True}


def list_all(box: Box, params: Params, _: str) -> Body:
    return list_page(box, "coupon", "/v1/coupons", params)


OPERATIONS = (
    Operation(
        "POST",
        "/v1/coupons",
        create,
        {
            **EXPAND,
            "amount_off": Integer(minimum=1),
            "applies_to": Map({"products": ListOf(Text(required=True))}),
            "currency": Text(),
            "currency_options": Refused(NO_CURRENCY_OPTIONS),
            "duration": Text(choices=("forever", "once", "repeating")),
            "duration_in_months": Integer(minimum=1),
            "id": Text(maximum=200),
            "max_redemptions": Integer(minimum=1),
            "metadata": Metadata(),
            "name": Text(maximum=40),
            "percent_off": DecimalNumber(),
            "redeem_by": Integer(minimum=1),
        },
    ),
    Operation("GET", "/v1/coupons/{id}", retrieve, EXPAND),
    Operation(
        "POST",
        "/v1/coupons/{id}",
        update,
        {
            **EXPAND,
            "currency_options": Refused(NO_CURRENCY_OPTIONS),
            "metadata": Metadata(),
            "name": Text(maximum=40),
        },
    ),
    Operation("DELETE", "/v1/coupons/{id}", delete, {}),
    Operation("GET", "/v1/coupons", list_all, {**PAGING, "created": Range()}),
)


def _applies_to(storage: Storage, coupon: Body) -> Body | None:
    record = storage.find(coupon["id"])
    return record.private.get("applies_to") if record else None


def _currency_options(_: Storage, coupon: Body) -> Body:
    return {coupon["currency"]: {"amount_off": coupon["amount_off"]}} if coupon["currency"] else {}


EXPANDABLE: Mapping[tuple[str, str], Include] = {
    ("coupon", "applies_to"): _applies_to,
    ("coupon", "currency_options"): _currency_options,
}
TIMERS: Mapping[str, TimerHandler] = {"discount_over": end_discount}
