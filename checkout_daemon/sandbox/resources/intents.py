"""PaymentIntents made by the merchant, without Checkout."""

from __future__ import annotations

from checkout_daemon.sandbox import payments
from checkout_daemon.sandbox.amounts import check_amount
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
from checkout_daemon.sandbox.shapes import INTENT_METHOD_TYPES, METHOD_OPTIONS, SHIPPING, method_options, shipping
from checkout_daemon.sandbox.storage import Body, Record

_FUTURE = Text(choices=("off_session", "on_session"))
_REASONS = ("duplicate", "fraudulent", "requested_by_customer", "abandoned")


def create(box: Box, params: Params, _: str) -> Body:
    currency = currency_code(params["currency"])
    check_amount(params["amount"], currency)
    if params.get("customer"):
        box.get(params["customer"], "customer", "customer")
    types = params.get("payment_method_types")
    automatic = params.get("automatic_payment_methods")
    if types and automatic and automatic["enabled"]:
        raise invalid("You may only specify one of these parameters: automatic_payment_methods, payment_method_types.")
    if not types:
        types = ["card", "sepa_debit"] if currency == "eur" else ["card"]
        types += ["us_bank_account"] if currency == "usd" else []
        automatic = automatic or {"enabled": True}
        automatic = {"allow_redirects": automatic.get("allow_redirects") or "always", "enabled": automatic["enabled"]}
    _check_off_session(params)
    method = _method(box, params)
    intent = payments.create_intent(
        box, params["amount"], currency, types, {**params, "automatic_payment_methods": automatic}
    )
    if method is not None:
        payments.check_method(intent.body, method)
        intent.body |= {"payment_method": method.id, "status": "requires_confirmation"}
        box.storage.save(intent)
    if params.get("confirm"):
        _confirm(box, intent, method, params)
    return intent.body


def retrieve(box: Box, _: Params, object_id: str) -> Body:
    return _get(box, object_id).body


def update(box: Box, params: Params, object_id: str) -> Body:
    intent = _get(box, object_id)
    body = intent.body
    if any(name in params for name in _BEFORE_PAYMENT) and body["status"] not in payments.CONFIRMABLE:
        changed = next(name for name in _BEFORE_PAYMENT if name in params)
        message = (
            f"This PaymentIntent's {changed} could not be updated because it has a status of {body['status']}. You may "
            f"only update the {changed} of a PaymentIntent with one of the following statuses: "
            f"{', '.join(payments.CONFIRMABLE)}."
        )
        raise invalid(message, code="payment_intent_unexpected_state", param=changed)
    if intent.private.get("session") and ("amount" in params or "currency" in params):
        raise invalid("You cannot change what a PaymentIntent of a Checkout Session is for.", param="amount")
    if "amount" in params or "currency" in params:
        currency = currency_code(params["currency"]) if params.get("currency") else body["currency"]
        amount: int = params["amount"] if "amount" in params else body["amount"]
        check_amount(amount, currency)
        body |= {"amount": amount, "currency": currency}
    if params.get("customer"):
        intent.customer = box.get(params["customer"], "customer", "customer").id
        body["customer"] = intent.customer
    _overlay(body, params)
    method = _method(box, params)
    if method is not None:
        payments.check_method(body, method)
        body |= {"payment_method": method.id, "status": "requires_confirmation", "next_action": None}
    box.storage.save(intent)
    return body


def confirm(box: Box, params: Params, object_id: str) -> Body:
    intent = _get(box, object_id)
    _refuse_checkout(intent, "confirm")
    _overlay(intent.body, params)
    method = _method(box, params)
    if method is None and intent.body["payment_method"] is not None:
        method = box.get(intent.body["payment_method"], "payment_method", "payment_method")
    _confirm(box, intent, method, params)
    return intent.body


def cancel(box: Box, params: Params, object_id: str) -> Body:
    intent = _get(box, object_id)
    _refuse_checkout(intent, "cancel")
    payments.cancel_intent(box, intent, params.get("cancellation_reason"))
    return intent.body


def capture(box: Box, params: Params, object_id: str) -> Body:
    intent = _get(box, object_id)
    intent.body["metadata"] = merge_metadata(intent.body["metadata"], params.get("metadata"))
    payments.capture_intent(box, intent, params.get("amount_to_capture"))
    return intent.body


def list_all(box: Box, params: Params, _: str) -> Body:
    return list_page(box, "payment_intent", "/v1/payment_intents", params, matching(params, "customer"))


def _confirm(box: Box, intent: Record, method: Record | None, params: Params) -> None:
    if method is None:
        message = (
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the "
            "PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a "
            "payment method or ConfirmationToken."
        )
        error = invalid(message, code="payment_intent_unexpected_state")
        error.error["payment_intent"] = intent.body
        raise error
    payments.confirm_intent(
        box,
        intent,
        method,
        params.get("return_url"),
        off_session=params.get("off_session", "false") != "false",
        error_on_requires_action=bool(params.get("error_on_requires_action")),
    )


def _check_off_session(params: Params) -> None:
    off_session = params.get("off_session", "false") != "false"
    if off_session and not params.get("confirm"):
        raise invalid("off_session can only be used when confirm is true.", param="off_session")
    if off_session and params.get("setup_future_usage") == "off_session":
        message = "You may only specify one of these parameters: off_session, setup_future_usage."
        raise invalid(message, param="off_session")


def _overlay(body: Body, params: Params) -> None:
    """Take over what may be changed along with a confirmation or an update."""
    body["metadata"] = merge_metadata(body["metadata"], params.get("metadata"))
    body |= {name: params[name] for name in _PLAIN if name in params}
    if "shipping" in params:
        body["shipping"] = shipping(params["shipping"])
    if params.get("payment_method_types"):
        body["payment_method_types"] = params["payment_method_types"]
    if params.get("payment_method_options") or params.get("payment_method_types"):
        given = {**body["payment_method_options"], **(params.get("payment_method_options") or {})}
        body["payment_method_options"] = method_options(body["payment_method_types"], given, session=False)


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


_PLAIN = (
    "capture_method",
    "description",
    "receipt_email",
    "setup_future_usage",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
)
_BEFORE_PAYMENT = ("amount", "currency", "payment_method", "payment_method_data", "capture_method", "customer")
_CAPTURE = Text(choices=("automatic", "automatic_async", "manual"))
_CONFIRM: Fields = {
    **EXPAND,
    "capture_method": _CAPTURE,
    "mandate_data": Anything(),
    "off_session": Text(choices=("true", "false", "one_off", "recurring")),
    "payment_method": Text(),
    "payment_method_data": Map(METHOD),
    "payment_method_options": Map(METHOD_OPTIONS),
    "payment_method_types": INTENT_METHOD_TYPES,
    "receipt_email": Text(),
    "return_url": Text(),
    "setup_future_usage": _FUTURE,
    "shipping": Map(SHIPPING),
    "use_stripe_sdk": Flag(),
    "error_on_requires_action": Flag(),
}
_CREATE: Fields = {
    **_CONFIRM,
    "amount": Integer(required=True, minimum=1),
    "automatic_payment_methods": Map(
        {"enabled": Flag(required=True), "allow_redirects": Text(choices=("always", "never"))}
    ),
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
            "amount": Integer(minimum=1),
            "capture_method": _CAPTURE,
            "currency": Text(),
            "customer": Text(),
            "description": Text(maximum=1000),
            "metadata": Metadata(),
            "payment_method": Text(),
            "payment_method_data": Map(METHOD),
            "payment_method_options": Map(METHOD_OPTIONS),
            "payment_method_types": INTENT_METHOD_TYPES,
            "receipt_email": Text(),
            "setup_future_usage": _FUTURE,
            "shipping": Map(SHIPPING),
            "statement_descriptor": Text(maximum=22),
            "statement_descriptor_suffix": Text(maximum=22),
            "transfer_group": Text(),
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
        {**EXPAND, "amount_to_capture": Integer(minimum=1), "final_capture": Flag(), "metadata": Metadata()},
    ),
    Operation("GET", "/v1/payment_intents", list_all, {**PAGING, "created": Range(), "customer": Text()}),
)
