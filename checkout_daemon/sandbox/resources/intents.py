"""PaymentIntents made by the merchant, without Checkout."""

from __future__ import annotations

from checkout_daemon.sandbox import payments
from checkout_daemon.sandbox.box import Box, Operation
from checkout_daemon.sandbox.catalog import currency_code
from checkout_daemon.sandbox.errors import ApiError, invalid
from checkout_daemon.sandbox.listing import list_page, matching
from checkout_daemon.sandbox.methods import method_by_id
from checkout_daemon.sandbox.params import (
    EXPAND,
    PAGING,
    Anything,
    Fields,
    Flag,
    Integer,
    Map,
    Metadata,
    Params,
    Range,
    Text,
    merge_metadata,
)
from checkout_daemon.sandbox.resources.methods import CREATE as METHOD
from checkout_daemon.sandbox.resources.methods import build as build_method
from checkout_daemon.sandbox.shapes import METHOD_OPTIONS, METHOD_TYPES, SHIPPING, shipping
from checkout_daemon.sandbox.storage import Body, Record
from checkout_daemon.sandbox.totals import MAXIMUM_AMOUNT

_FUTURE = Text(choices=("off_session", "on_session"))
_REASONS = ("duplicate", "fraudulent", "requested_by_customer", "abandoned")


def create(box: Box, params: Params, _: str) -> Body:
    currency = currency_code(params["currency"])
    if params.get("customer"):
        box.get(params["customer"], "customer", "customer")
    types = params.get("payment_method_types")
    automatic = params.get("automatic_payment_methods")
    if types and automatic and automatic["enabled"]:
        raise invalid("You may only specify one of these parameters: automatic_payment_methods, payment_method_types.")
    if not types:
        types = ["card", "sepa_debit"] if currency == "eur" else ["card"]
        automatic = automatic or {"enabled": True}
        automatic = {"allow_redirects": automatic.get("allow_redirects") or "always", "enabled": automatic["enabled"]}
    method = _method(box, params)
    intent = payments.create_intent(
        box, params["amount"], currency, types, {**params, "automatic_payment_methods": automatic}
    )
    if method is not None:
        intent.body |= {"payment_method": method.id, "status": "requires_confirmation"}
        box.storage.save(intent)
    if params.get("confirm"):
        if method is None:
            message = "You cannot confirm this PaymentIntent because it's missing a payment method."
            raise invalid(message, code="payment_intent_unexpected_state")
        payments.confirm_intent(box, intent, method, params.get("return_url"))
    return intent.body


def retrieve(box: Box, _: Params, object_id: str) -> Body:
    return _get(box, object_id).body


def update(box: Box, params: Params, object_id: str) -> Body:
    intent = _get(box, object_id)
    body = intent.body
    if "amount" in params and body["status"] not in ("requires_payment_method", "requires_confirmation"):
        raise payments.unexpected_state(body, "update the amount of")
    body["metadata"] = merge_metadata(body["metadata"], params.get("metadata"))
    body |= {name: params[name] for name in ("amount", "description", "receipt_email", "customer") if name in params}
    if "shipping" in params:
        body["shipping"] = shipping(params["shipping"])
    if params.get("payment_method"):
        method = method_by_id(box, params["payment_method"])
        body |= {"payment_method": method.id, "status": "requires_confirmation"}
    box.storage.save(intent)
    return body


def confirm(box: Box, params: Params, object_id: str) -> Body:
    intent = _get(box, object_id)
    _refuse_checkout(intent, "confirm")
    method = _method(box, params)
    if method is None:
        if intent.body["payment_method"] is None:
            message = "You cannot confirm this PaymentIntent because it's missing a payment method."
            raise invalid(message, code="payment_intent_unexpected_state")
        method = box.get(intent.body["payment_method"], "payment_method", "payment_method")
    payments.confirm_intent(box, intent, method, params.get("return_url"))
    return intent.body


def cancel(box: Box, params: Params, object_id: str) -> Body:
    intent = _get(box, object_id)
    _refuse_checkout(intent, "cancel")
    payments.cancel_intent(box, intent, params.get("cancellation_reason"))
    return intent.body


def capture(box: Box, params: Params, object_id: str) -> Body:
    intent = _get(box, object_id)
    payments.capture_intent(box, intent, params.get("amount_to_capture"))
    return intent.body


def list_all(box: Box, params: Params, _: str) -> Body:
    return list_page(box, "payment_intent", "/v1/payment_intents", params, matching(params, "customer"))


def _get(box: Box, object_id: str) -> Record:
    return box.get(object_id, "payment_intent")


def _refuse_checkout(intent: Record, verb: str) -> None:
    if intent.private.get("session"):
        message = f"You cannot {verb} this PaymentIntent because it was created by a Checkout Session."
        if verb == "cancel":
            message += " Expire the Checkout Session instead."
        raise ApiError(message, code="payment_intent_unexpected_state")


def _method(box: Box, params: Params) -> Record | None:
    if params.get("payment_method"):
        return method_by_id(box, params["payment_method"])
    if params.get("payment_method_data"):
        return box.storage.add(build_method(params["payment_method_data"]))
    return None


_CONFIRM: Fields = {
    **EXPAND,
    "mandate_data": Anything(),
    "off_session": Flag(),
    "payment_method": Text(),
    "payment_method_data": Map(METHOD),
    "payment_method_options": Map(METHOD_OPTIONS),
    "payment_method_types": METHOD_TYPES,
    "receipt_email": Text(),
    "return_url": Text(),
    "setup_future_usage": _FUTURE,
    "shipping": Map(SHIPPING),
    "use_stripe_sdk": Flag(),
    "error_on_requires_action": Flag(),
}
_CREATE: Fields = {
    **_CONFIRM,
    "amount": Integer(required=True, minimum=1, maximum=MAXIMUM_AMOUNT),
    "automatic_payment_methods": Map(
        {"enabled": Flag(required=True), "allow_redirects": Text(choices=("always", "never"))}
    ),
    "capture_method": Text(choices=("automatic", "automatic_async", "manual")),
    "confirm": Flag(),
    "confirmation_method": Text(choices=("automatic", "manual")),
    "currency": Text(required=True),
    "customer": Text(),
    "description": Text(maximum=1000),
    "metadata": Metadata(),
    "statement_descriptor": Text(maximum=22),
    "statement_descriptor_suffix": Text(maximum=22),
    "transfer_group": Text(),
}
OPERATIONS = (
    Operation("POST", "/v1/payment_intents", create, _CREATE),
    Operation("GET", "/v1/payment_intents/{id}", retrieve, {**EXPAND, "client_secret": Text()}),
    Operation(
        "POST",
        "/v1/payment_intents/{id}",
        update,
        {
            **EXPAND,
            "amount": Integer(minimum=1, maximum=MAXIMUM_AMOUNT),
            "customer": Text(),
            "description": Text(maximum=1000),
            "metadata": Metadata(),
            "payment_method": Text(),
            "receipt_email": Text(),
            "shipping": Map(SHIPPING),
        },
    ),
    Operation("POST", "/v1/payment_intents/{id}/confirm", confirm, _CONFIRM),
    Operation(
        "POST", "/v1/payment_intents/{id}/cancel", cancel, {**EXPAND, "cancellation_reason": Text(choices=_REASONS)}
    ),
    Operation(
        "POST",
        "/v1/payment_intents/{id}/capture",
        capture,
        {**EXPAND, "amount_to_capture": Integer(minimum=1), "metadata": Metadata()},
    ),
    Operation("GET", "/v1/payment_intents", list_all, {**PAGING, "created": Range(), "customer": Text()}),
)
