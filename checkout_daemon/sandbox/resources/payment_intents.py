"""PaymentIntents that a merchant creates without Checkout."""

from __future__ import annotations

from checkout_daemon.sandbox.amounts import check_amount, currency_code
from checkout_daemon.sandbox.box import Box, Timers, on_object
from checkout_daemon.sandbox.errors import ApiError, invalid, only_one
from checkout_daemon.sandbox.objects.operations import acting, listing, operation, retrieving
from checkout_daemon.sandbox.objects.shapes import (
    INTENT_METHOD_TYPES,
    METHOD_CURRENCIES,
    method_options,
    shipping,
)
from checkout_daemon.sandbox.parameters.specs import Map, Params, Spec, Text, merge_metadata
from checkout_daemon.sandbox.parameters.stripe_fields import Rules
from checkout_daemon.sandbox.payments import intents
from checkout_daemon.sandbox.payments.acceptance import CONFIRMABLE, check_method, no_descriptor
from checkout_daemon.sandbox.payments.attempts import set_balance_transaction
from checkout_daemon.sandbox.payments.debits import settle_due
from checkout_daemon.sandbox.resources.checkout_session_params import NO_ACCOUNTS_V2
from checkout_daemon.sandbox.resources.payment_methods import FIELDS as METHOD
from checkout_daemon.sandbox.resources.payment_methods import chosen_method
from checkout_daemon.sandbox.storage import Body, Stored

_PLAIN = (
    "capture_method description receipt_email setup_future_usage statement_descriptor statement_descriptor_suffix "
    "transfer_group"
)
_BEFORE_PAYMENT = ("amount", "currency", "payment_method", "payment_method_data", "capture_method", "customer")
_ONLY_CONFIRMING = ("error_on_requires_action", "mandate_data", "return_url")
_TYPE_PARAMETERS = ("allowed_payment_method_types", "automatic_payment_methods", "payment_method_types")


def _create(box: Box, params: Params, _: str) -> Body:
    currency = currency_code(params["currency"])
    check_amount(params["amount"], currency)
    if params.get("customer"):
        box.get(params["customer"], "customer", "customer")
    types, automatic = _types(params, currency)
    _check_only_confirming(params)
    _check_descriptor(params, types)
    method = chosen_method(box, params)
    intent = intents.create_intent(
        box, params["amount"], currency, types, {**params, "automatic_payment_methods": automatic}
    )
    if method is not None:
        check_method(intent.body, method)
        intent.body |= {"payment_method": method.id, "status": "requires_confirmation"}
        box.storage.save(intent)
    if params.get("confirm"):
        _confirm_with(box, intent, method, params)
    return intent.body


def _update(box: Box, intent: Stored, params: Params) -> None:
    body = intent.body
    if any(name in params for name in _BEFORE_PAYMENT) and body["status"] not in CONFIRMABLE:
        changed = next(name for name in _BEFORE_PAYMENT if name in params)
        message = (
            f"This PaymentIntent's {changed} could not be updated because it has a status of {body['status']}. You may "
            f"only update the {changed} of a PaymentIntent with one of the following statuses: "
            f"{', '.join(CONFIRMABLE)}."
        )
        raise invalid(message, code="payment_intent_unexpected_state", param=changed)
    if intent.private.get("session") and ("amount" in params or "currency" in params):
        raise invalid("You cannot change the amount of a Checkout Session's PaymentIntent.", param="amount")
    if "amount" in params or "currency" in params:
        currency = currency_code(params["currency"]) if params.get("currency") else body["currency"]
        amount: int = params["amount"] if "amount" in params else body["amount"]
        check_amount(amount, currency)
        body |= {"amount": amount, "currency": currency}
    if params.get("customer"):
        intent.customer = box.get(params["customer"], "customer", "customer").id
        body["customer"] = intent.customer
    _check_descriptor(params, params.get("payment_method_types") or body["payment_method_types"])
    _overlay(body, params)
    method = chosen_method(box, params)
    if method is not None:
        check_method(body, method)
        body |= {"payment_method": method.id, "status": "requires_confirmation", "next_action": None}
    elif "payment_method" in params:  # empty: Stripe unsets it
        body |= {"payment_method": None, "status": "requires_payment_method", "next_action": None}
    box.storage.save(intent)


def _confirm(box: Box, intent: Stored, params: Params) -> None:
    _refuse_checkout(intent, "confirm")
    _overlay(intent.body, params)
    method = chosen_method(box, params)
    if method is None and intent.body["payment_method"] is not None:
        method = box.get(intent.body["payment_method"], "payment_method", "payment_method")
    _confirm_with(box, intent, method, params)


def _cancel(box: Box, intent: Stored, params: Params) -> None:
    if intent.body["status"] != "requires_capture":  # its session is complete: only this releases the money
        _refuse_checkout(intent, "cancel")
    intents.cancel_intent(box, intent, params.get("cancellation_reason"))


def _capture(box: Box, intent: Stored, params: Params) -> None:
    if not params.get("final_capture", True):
        message = "This PaymentIntent's charge cannot be captured more than once: its multicapture is unavailable."
        raise invalid(message, param="final_capture")
    intent.body["metadata"] = merge_metadata(intent.body["metadata"], params.get("metadata"))
    intents.capture_intent(box, intent, params.get("amount_to_capture"))


def _confirm_with(box: Box, intent: Stored, method: Stored | None, params: Params) -> None:
    if method is None:
        message = (
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the "
            "PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a "
            "payment method or ConfirmationToken."
        )
        error = invalid(message, code="payment_intent_unexpected_state")
        error.error["payment_intent"] = intent.body
        raise error
    _check_return_url(box, intent, params)
    intents.confirm_intent(
        box,
        intent,
        method,
        params.get("return_url"),
        off_session=params.get("off_session", "false") != "false",
        error_on_requires_action=bool(params.get("error_on_requires_action")),
    )


def _check_return_url(box: Box, intent: Stored, params: Params) -> None:
    """Raise ApiError if a payment method may redirect the customer and there is no URL to return to.

    https://docs.stripe.com/api/payment_intents/confirm#confirm_payment_intent-return_url
    """
    automatic = intent.body["automatic_payment_methods"] or {"enabled": False}
    off_session = params.get("off_session", "false") != "false"
    if not automatic["enabled"] or automatic["allow_redirects"] == "never" or off_session:
        return
    if intent.body["status"] not in CONFIRMABLE:
        return  # refused for its status later
    if params.get("return_url") or intent.private.get("return_url") or params.get("use_stripe_sdk"):
        return
    if box.origin.from_cli:
        return  # the CLI's trigger transfer.created confirms without a URL
    message = (
        "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of these "
        "payment methods might redirect your customer off of your page, you must provide a `return_url`. If you don't "
        "want to accept redirect-based payment methods, set `automatic_payment_methods[enabled]` to `true` and "
        "`automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and Payment Intents."
    )
    raise invalid(message, param="return_url")


def _types(params: Params, currency: str) -> tuple[list[str], Body | None]:
    """Return the intent's payment method types, and its `automatic_payment_methods`."""
    given, allowed = params.get("payment_method_types"), params.get("allowed_payment_method_types")
    automatic, excluded = params.get("automatic_payment_methods"), params.get("excluded_payment_method_types") or []
    named = [name for name in _TYPE_PARAMETERS if params.get(name)]
    if len(named) > 1 and (not automatic or automatic["enabled"] or len(named) > 2):
        raise only_one(*named)
    if given:
        return given, automatic
    types = [kind for kind in allowed or METHOD_CURRENCIES if METHOD_CURRENCIES.get(kind, "") in (None, currency)]
    types = [kind for kind in types if kind not in excluded]
    if not types:
        message = f"None of the payment method types that you allow can be used with the currency {currency}."
        raise invalid(message, param="allowed_payment_method_types")
    if allowed:
        return types, None
    automatic = automatic or {"enabled": True}
    redirects = automatic.get("allow_redirects") or "always"
    return types, {"allow_redirects": redirects, "enabled": automatic["enabled"]}


def _check_only_confirming(params: Params) -> None:
    off_session = params.get("off_session", "false") != "false"
    if off_session and not params.get("confirm"):
        raise invalid("off_session can only be used when confirm is true.", param="off_session")
    for name in _ONLY_CONFIRMING:
        if params.get(name) and not params.get("confirm"):
            raise invalid(f"The parameter `{name}` can only be used with `confirm=true`.", param=name)
    if off_session and params.get("setup_future_usage") == "off_session":
        message = "You may only specify one of these parameters: off_session, setup_future_usage."
        raise invalid(message, param="off_session")


def _check_descriptor(params: Params, types: list[str]) -> None:
    if params.get("statement_descriptor") and "card" in types:
        raise no_descriptor("statement_descriptor")


def _overlay(body: Body, params: Params) -> None:
    """Apply the parameters that an update or a confirmation may change."""
    body["metadata"] = merge_metadata(body["metadata"], params.get("metadata"))
    body |= {name: params[name] for name in _PLAIN.split() if name in params}
    if "shipping" in params:
        body["shipping"] = shipping(params["shipping"], body["shipping"])
    if params.get("payment_method_types"):
        body["payment_method_types"] = params["payment_method_types"]
    if params.get("payment_method_options") or params.get("payment_method_types"):
        given = {**body["payment_method_options"], **(params.get("payment_method_options") or {})}
        body["payment_method_options"] = method_options(body["payment_method_types"], given)


def _refuse_checkout(intent: Stored, verb: str) -> None:
    if intent.private.get("session"):
        message = f"You cannot {verb} this PaymentIntent because it was created by a Checkout Session."
        if verb == "cancel":
            message += " Expire the Checkout Session instead."
        raise ApiError(message, code="payment_intent_unexpected_state")


_PATH = "/v1/payment_intents"
_CHANGED = (
    "capture_method payment_method payment_method_data payment_method_options receipt_email setup_future_usage shipping"
)
_KEPT = "amount currency customer description metadata statement_descriptor statement_descriptor_suffix transfer_group"
_CONFIRM = f"{_CHANGED} error_on_requires_action mandate_data off_session return_url use_stripe_sdk"
_OPTIONS = "payment_method_options"
_OPTIONS_INSIDE = {
    _OPTIONS: "card customer_balance sepa_debit us_bank_account",
    f"{_OPTIONS}[card]": "capture_method request_three_d_secure setup_future_usage",
    f"{_OPTIONS}[sepa_debit]": "setup_future_usage",
    f"{_OPTIONS}[us_bank_account]": "setup_future_usage verification_method",
}


def _rules(only: str) -> Rules:
    own: dict[str, Spec] = {
        "payment_method_types": INTENT_METHOD_TYPES,
        "payment_method_data": Map(METHOD),
        f"{_OPTIONS}[customer_balance][bank_transfer][type]": Text(required=True),  # older ones as well
    }
    if "off_session" in only:
        own["off_session"] = Text(choices=("true", "false", "one_off", "recurring"))
    most = {"description": 1000} if "description" in only else {}
    return Rules(only=only, inside=_OPTIONS_INSIDE, own=own, most=most)


OPERATIONS = (
    operation(
        f"POST {_PATH}",
        _create,
        _rules(
            f"{_CONFIRM} {_KEPT} allowed_payment_method_types automatic_payment_methods confirm confirmation_method "
            "excluded_payment_method_types"
        ),
    ),
    retrieving(_PATH, "payment_intent", Rules(only="client_secret")),
    acting(f"POST {_PATH}/{{id}}", "payment_intent", _update, _rules(f"{_CHANGED} {_KEPT}")),
    acting(f"POST {_PATH}/{{id}}/confirm", "payment_intent", _confirm, _rules(_CONFIRM)),
    acting(f"POST {_PATH}/{{id}}/cancel", "payment_intent", _cancel, Rules(only="cancellation_reason")),
    acting(
        f"POST {_PATH}/{{id}}/capture",
        "payment_intent",
        _capture,
        Rules(only="amount_to_capture final_capture metadata", least={"amount_to_capture": 1}),
    ),
    listing(_PATH, "payment_intent", rules=Rules(refuse={NO_ACCOUNTS_V2: "customer_account"})),
)
TIMERS: Timers = {
    "settle": settle_due,
    "captured": set_balance_transaction,
    "authorization_over": on_object("intent", "payment_intent", intents.expire_authorization, "charge"),
}
