"""Check the parameters of a Checkout session: which exclude each other, and which the sandbox does not support."""

from __future__ import annotations

from checkout_daemon.sandbox.clock import stamp
from checkout_daemon.sandbox.errors import invalid, missing_parameter, only_one
from checkout_daemon.sandbox.objects.shapes import METHOD_CURRENCIES, methods_for
from checkout_daemon.sandbox.parameters.specs import Params, check_url
from checkout_daemon.sandbox.payments.acceptance import no_descriptor

SHORTEST_SECONDS = 30 * 60
LONGEST_SECONDS = 24 * 3600
_GRACE_SECONDS = 10  # for a clock that differs from ours
_EXCLUSIVE = (
    ("customer", "customer_email"),
    ("customer", "customer_creation"),
    ("discounts", "allow_promotion_codes"),
    ("allowed_payment_method_types", "payment_method_types"),
    ("excluded_payment_method_types", "payment_method_types"),
    ("payment_method_configuration", "payment_method_types"),
)
_NOT_ENABLED = {
    "automatic_tax": "The offline sandbox does not compute taxes.",
    "managed_payments": "The offline sandbox cannot be the merchant of record.",
    "invoice_creation": "Stripe makes an invoice for the payment; the offline Stripe does not.",
}


def check_session(params: Params) -> None:
    """Raise ApiError for the first parameter that is wrong or not supported."""
    _check_mode(params)
    for name in ("success_url", "line_items"):
        if not params.get(name):
            raise missing_parameter(name)
    for name in ("success_url", "cancel_url"):
        if params.get(name):
            check_url(params[name], name)
    for one, other in _EXCLUSIVE:
        if params.get(one) and params.get(other) is not None:
            raise only_one(one, other)
    if params.get("customer_update") and not params.get("customer"):
        raise invalid("`customer_update` can only be used with `customer`.", param="customer_update")
    recovery = (params.get("after_expiration") or {}).get("recovery") or {}
    if recovery.get("allow_promotion_codes") and not recovery["enabled"]:
        name = "after_expiration[recovery][allow_promotion_codes]"
        raise invalid("Promotion codes on recovery require recovery to be enabled.", param=name)
    _check_fields(params.get("custom_fields") or [])
    _check_expiry(params.get("expires_at"))


def method_types(params: Params, currency: str) -> list[str]:
    """Return the payment method types of a session: those requested, or those that suit the currency.

    Raise ApiError if no type is left, or if one does not take the statement descriptor.
    """
    types = _types(params, currency)
    if "card" in types and (params.get("payment_intent_data") or {}).get("statement_descriptor"):
        raise no_descriptor("payment_intent_data[statement_descriptor]")
    return types


def _types(params: Params, currency: str) -> list[str]:
    asked: list[str] | None = params.get("payment_method_types")
    if asked:
        for kind in asked:
            if (only := METHOD_CURRENCIES[kind]) not in (None, currency):
                raise invalid(
                    f"The payment method `{kind}` cannot be used with the currency {currency}: it takes {only} only.",
                    param="payment_method_types",
                )
        return list(dict.fromkeys(asked))
    # At Stripe the account's settings enable US bank accounts. Here a session must ask for them.
    found = [kind for kind in methods_for(currency) if kind != "us_bank_account"]
    if allowed := params.get("allowed_payment_method_types"):
        found = [kind for kind in methods_for(currency) if kind in allowed]
    found = [kind for kind in found if kind not in (params.get("excluded_payment_method_types") or [])]
    if not found:
        raise invalid(
            "No valid payment method types for this Checkout Session: the offline sandbox has "
            f"{', '.join(METHOD_CURRENCIES)}."
        )
    return found


def _check_mode(params: Params) -> None:
    mode = params.get("mode")
    if mode is None:
        raise missing_parameter("mode")
    if mode != "payment":
        raise invalid(f"The offline sandbox does not support mode={mode}, only mode=payment.", param="mode")
    if params.get("ui_mode") not in (None, "hosted_page", "hosted"):
        raise invalid(f"The offline sandbox has hosted pages only, not ui_mode={params['ui_mode']}.", param="ui_mode")
    for name, message in _NOT_ENABLED.items():
        if (params.get(name) or {}).get("enabled"):
            raise invalid(message, param=f"{name}[enabled]")
    if params.get("submit_type") == "subscribe":
        raise invalid("`submit_type=subscribe` requires mode=subscription.", param="submit_type")


def _check_fields(fields: list[Params]) -> None:
    if len({field["key"] for field in fields}) < len(fields):
        raise invalid("Each key of custom_fields must be unique.", param="custom_fields")
    for index, field in enumerate(fields):
        at = f"custom_fields[{index}]"
        if not (field["key"].isascii() and field["key"].isalnum()):
            raise invalid("A custom field's key may contain only letters and digits.", param=f"{at}[key]")
        if field["type"] == "dropdown" and not field.get("dropdown"):
            raise missing_parameter(f"{at}[dropdown]")
        for kind in ("dropdown", "numeric", "text"):
            if field.get(kind) and kind != field["type"]:
                raise invalid(f"`{kind}` belongs to custom fields of that type only.", param=f"{at}[{kind}]")


def _check_expiry(expires_at: int | None) -> None:
    if expires_at is None:
        return
    ahead = expires_at - stamp()
    if ahead < SHORTEST_SECONDS - _GRACE_SECONDS:
        message = "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation."
        raise invalid(message, param="expires_at")
    if ahead > LONGEST_SECONDS + _GRACE_SECONDS:
        message = "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation."
        raise invalid(message, param="expires_at")
