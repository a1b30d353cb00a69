"""Promotion codes, which shoppers type to get a coupon's discount."""

from __future__ import annotations

import re

from checkout_daemon.sandbox.amounts import currency_code
from checkout_daemon.sandbox.box import Box, Expandable
from checkout_daemon.sandbox.checkout.promotions import codes_like
from checkout_daemon.sandbox.clock import stamp
from checkout_daemon.sandbox.errors import ApiError, invalid, missing_parameter, only_one
from checkout_daemon.sandbox.ids import token
from checkout_daemon.sandbox.objects.operations import listing, operation, retrieving
from checkout_daemon.sandbox.objects.shapes import new_body
from checkout_daemon.sandbox.parameters.specs import Params, Text, merge_metadata
from checkout_daemon.sandbox.parameters.stripe_fields import Rules
from checkout_daemon.sandbox.resources.checkout_session_params import NO_ACCOUNTS_V2
from checkout_daemon.sandbox.resources.coupons import NO_CURRENCY_OPTIONS
from checkout_daemon.sandbox.storage import Body, Storage, Stored
from checkout_daemon.sandbox.webhooks.changes import updating
from checkout_daemon.sandbox.webhooks.events import emit

_PATH = "/v1/promotion_codes"
_CODE = re.compile(r"[A-Za-z0-9-]{1,500}", re.ASCII)


def _create(box: Box, params: Params, _: str) -> Body:
    coupon, param = _coupon(box, params)
    customer = params.get("customer")
    if customer:
        box.get(customer, "customer", "customer")
    code = params.get("code") or token(8).upper()
    if not _CODE.fullmatch(code):
        raise invalid("A promotion code may contain only letters, digits and dashes.", param="code")
    active = params.get("active", True)
    if active:
        _check_unique(box, code, customer)
    if not coupon.body["valid"]:
        raise ApiError(f"Coupon {coupon.id} is expired and cannot be applied.", code="coupon_expired", param=param)
    body = new_body(
        "promotion_code",
        "promo_1",
        active=active,
        code=code,
        customer=customer,
        expires_at=_expires_at(params.get("expires_at"), coupon.body["redeem_by"]),
        max_redemptions=_max_redemptions(params.get("max_redemptions"), coupon.body["max_redemptions"]),
        metadata=merge_metadata({}, params.get("metadata")),
        promotion={"coupon": coupon.id, "type": "coupon"},
        restrictions=_restrictions(params.get("restrictions") or {}),
    )
    box.storage.add(Stored(body, parent=coupon.id, customer=customer, kind=code.upper()))
    if body["expires_at"] is not None:
        box.storage.add_timer("discount_over", body["expires_at"], {"id": body["id"]})
    emit(box, "promotion_code.created", body)
    return body


def _revise(box: Box, code: Stored, params: Params) -> None:
    if "active" in params and params["active"] != code.body["active"]:
        if params["active"]:
            _check_redeemable(box, code)
        code.body["active"] = params["active"]


def _coupon(box: Box, params: Params) -> tuple[Stored, str]:
    """Return the coupon and the name of its parameter, which older versions and the CLI's triggers put at the top."""
    promotion, plain = params.get("promotion"), params.get("coupon")
    if promotion and plain:
        raise only_one("coupon", "promotion")
    param = "promotion[coupon]" if promotion or not plain else "coupon"
    coupon_id = (promotion or {}).get("coupon") or plain
    if not coupon_id:
        raise missing_parameter(param)
    return box.get(coupon_id, "coupon", param), param


def _check_unique(box: Box, code: str, customer: str | None) -> None:
    for other in codes_like(box, code):
        if other.body["active"] and (customer is None or other.customer in (None, customer)):
            message = f"An active promotion code with `code: {code}` already exists."
            raise ApiError(message, code="resource_already_exists", param="code")


def _check_redeemable(box: Box, record: Stored) -> None:
    body = record.body
    coupon = box.storage.find(body["promotion"]["coupon"], "coupon")
    most, ends = body["max_redemptions"], body["expires_at"]
    gone = coupon is None or not coupon.body["valid"]
    if gone or (most is not None and body["times_redeemed"] >= most) or (ends is not None and ends <= stamp()):
        raise invalid("This promotion code cannot be activated: it, or its coupon, can no longer be redeemed.")
    _check_unique(box, body["code"], record.customer)


def _expires_at(asked: int | None, redeem_by: int | None) -> int | None:
    if asked is None:
        return redeem_by
    if asked <= stamp():
        raise invalid("`expires_at` must be in the future.", param="expires_at")
    if redeem_by is not None and asked > redeem_by:
        raise invalid("`expires_at` cannot be after the coupon's `redeem_by`.", param="expires_at")
    return asked


def _max_redemptions(asked: int | None, most: int | None) -> int | None:
    if asked is not None and most is not None and asked > most:
        message = "`max_redemptions` cannot be greater than the coupon's `max_redemptions`."
        raise invalid(message, param="max_redemptions")
    return asked


def _restrictions(given: Params) -> Body:
    amount, currency = given.get("minimum_amount"), given.get("minimum_amount_currency")
    if (amount is None) != (currency is None):
        raise missing_parameter(f"restrictions[minimum_amount{'_currency' if currency is None else ''}]")
    return {
        "first_time_transaction": given.get("first_time_transaction", False),
        "minimum_amount": amount,
        "minimum_amount_currency": currency and currency_code(currency, "restrictions[minimum_amount_currency]"),
    }


def _currency_options(_: Storage, code: Body) -> Body:
    limits = code["restrictions"]
    currency = limits["minimum_amount_currency"]
    return {currency: {"minimum_amount": limits["minimum_amount"]}} if currency else {}


_ONE_CURRENCY = {NO_CURRENCY_OPTIONS: "currency_options"}
_CUSTOMERS_ONLY = {NO_ACCOUNTS_V2: "customer_account"}
_CREATE = Rules(
    own={"coupon": Text()},  # older versions and the CLI's triggers name the coupon there
    optional=("promotion",),
    refuse=_ONE_CURRENCY | _CUSTOMERS_ONLY,
    least=dict.fromkeys(("expires_at", "max_redemptions", "minimum_amount"), 1),
    most={"code": 500},
)
OPERATIONS = (
    operation(f"POST {_PATH}", _create, _CREATE),
    retrieving(_PATH, "promotion_code"),
    updating(_PATH, "promotion_code", _revise, Rules(refuse=_ONE_CURRENCY)),
    listing(
        _PATH,
        "promotion_code",
        columns={"coupon": "parent", "customer": "customer"},
        filters={"code": lambda code: [("kind = ?", code.upper())]},
        rules=Rules(refuse=_CUSTOMERS_ONLY),
    ),
)
EXPANDABLE: Expandable = {("promotion_code", "restrictions.currency_options"): _currency_options}
