"""Coupons."""

from __future__ import annotations

from checkout_daemon.sandbox.amounts import currency_code
from checkout_daemon.sandbox.box import Box, Expandable, Timers
from checkout_daemon.sandbox.checkout.promotions import close_codes, end_discount
from checkout_daemon.sandbox.clock import stamp
from checkout_daemon.sandbox.errors import ApiError, invalid, received_both
from checkout_daemon.sandbox.ids import token
from checkout_daemon.sandbox.objects.operations import listing, operation, retrieving
from checkout_daemon.sandbox.objects.shapes import deleted_object, new_body
from checkout_daemon.sandbox.parameters.specs import Params, merge_metadata
from checkout_daemon.sandbox.parameters.stripe_fields import Rules
from checkout_daemon.sandbox.storage import Body, Storage, Stored
from checkout_daemon.sandbox.webhooks.changes import updating
from checkout_daemon.sandbox.webhooks.events import emit

NO_CURRENCY_OPTIONS = "The offline sandbox supports one currency per price."

_PATH = "/v1/coupons"


def _create(box: Box, params: Params, _: str) -> Body:
    percent, amount = params.get("percent_off"), params.get("amount_off")
    if percent is None and amount is None:
        raise ApiError("Must provide percent_off or amount_off.", code="parameter_missing", stored=False)
    if percent is not None and amount is not None:
        raise received_both("percent_off", "amount_off")
    if percent is not None:
        _check_percent(float(percent))
    if amount is not None and not params.get("currency"):
        raise ApiError("You must pass currency when passing amount_off", param="currency", stored=False)
    duration, months = params.get("duration") or "once", params.get("duration_in_months")
    if duration == "repeating" and months is None:
        message = "The duration_in_months param must be set when creating a coupon with a repeating duration"
        raise invalid(message, param="duration")
    if duration != "repeating" and months is not None:
        message = "The duration_in_months param can only be set when creating a coupon with a repeating duration"
        raise invalid(message, param="duration_in_months")
    coupon_id = params.get("id") or token(8)
    if box.storage.find(coupon_id):
        raise ApiError("Coupon already exists.", code="resource_already_exists")
    body = new_body(
        "coupon",
        "",
        id=coupon_id,
        amount_off=amount,
        currency=None if amount is None else currency_code(params["currency"]),
        duration=duration,
        metadata=merge_metadata({}, params.get("metadata")),
        percent_off=None if percent is None else float(percent),
        **{name: params.get(name) for name in ("duration_in_months", "max_redemptions", "name", "redeem_by")},
    )
    if body["redeem_by"] is not None and body["redeem_by"] <= stamp():
        message = (
            "The parameter `redeem_by` expects a unix timestamp representing a date and time in the future. "
            f"You specified the value `{body['redeem_by']}` which is in the past."
        )
        raise invalid(message, param="redeem_by")
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


def _check_percent(percent: float) -> None:
    bound = "greater than or equal to 0.01" if percent < 0.01 else "less than or equal to 100" if percent > 100 else ""
    if bound:
        raise invalid(f"This value must be {bound} (it currently is '{percent}').", param="percent_off")


def _revise(_: Box, coupon: Stored, params: Params) -> None:
    if "name" in params:
        coupon.body["name"] = params["name"]


def _delete(box: Box, _: Params, object_id: str) -> Body:
    record = box.get(object_id, "coupon")
    box.storage.remove(object_id)
    close_codes(box, object_id)
    record.body["valid"] = False
    emit(box, "coupon.deleted", record.body)
    return deleted_object(object_id, "coupon")


def _applies_to(storage: Storage, coupon: Body) -> Body | None:
    record = storage.find(coupon["id"])
    return record.private.get("applies_to") if record else None


def _currency_options(_: Storage, coupon: Body) -> Body:
    return {coupon["currency"]: {"amount_off": coupon["amount_off"]}} if coupon["currency"] else {}


_REFUSED = {NO_CURRENCY_OPTIONS: "currency_options"}
_CREATE = Rules(
    refuse=_REFUSED,
    least=dict.fromkeys(("amount_off", "duration_in_months", "max_redemptions", "redeem_by"), 1),
    most={"id": 200, "name": 40},
)
OPERATIONS = (
    operation(f"POST {_PATH}", _create, _CREATE),
    retrieving(_PATH, "coupon"),
    updating(_PATH, "coupon", _revise, Rules(refuse=_REFUSED, most={"name": 40})),
    operation(f"DELETE {_PATH}/{{id}}", _delete),
    listing(_PATH, "coupon"),
)
EXPANDABLE: Expandable = {
    ("coupon", "applies_to"): _applies_to,
    ("coupon", "currency_options"): _currency_options,
}
TIMERS: Timers = {"discount_over": end_discount}
