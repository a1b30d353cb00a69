"""Which payment methods an intent accepts, and when; and the errors of payments that are refused."""

from __future__ import annotations

from typing import Any

from checkout_daemon.sandbox.errors import ApiError, invalid
from checkout_daemon.sandbox.payments.stripe_test_methods import Decline, TestCard
from checkout_daemon.sandbox.storage import Body, Stored

CONFIRMABLE = ("requires_payment_method", "requires_confirmation", "requires_action")
CANCELABLE = ("requires_payment_method", "requires_capture", "requires_confirmation", "requires_action", "processing")
_DEBIT_CURRENCIES = {"sepa_debit": "eur", "us_bank_account": "usd"}


def no_descriptor(param: str) -> ApiError:
    """Return the error for a statement descriptor of a payment that may be by card."""
    return invalid(
        "The statement_descriptor parameter is not supported for the payment_method_type `card`. To continue "
        "supporting payment_method_type `card`, please pass in `statement_descriptor_suffix` or remove the "
        "`statement_descriptor` parameter altogether.",
        param=param,
    )


def check_method(body: Body, method: Stored) -> None:
    """Raise ApiError if an intent cannot be paid with this method."""
    kind = method.body["type"]
    if kind not in body["payment_method_types"]:
        listed = ", ".join(body["payment_method_types"])
        raise invalid(
            f"The PaymentMethod provided ({kind}) is not allowed for this PaymentIntent. "
            f"Please attach a PaymentMethod of one of the following types: {listed}.",
            param="payment_method",
        )
    currency = _DEBIT_CURRENCIES.get(kind)
    if currency not in (None, body["currency"]):
        message = (
            f"The payment method type provided: {kind} is invalid with this currency: only {currency} is accepted."
        )
        raise invalid(message, code="payment_method_currency_mismatch", param="payment_method")
    if method.customer is None and method.private.get("used"):
        raise invalid(
            "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared "
            "with a connected account without Customer attachment, or was detached from a Customer. It may not be "
            "used again. To use a PaymentMethod multiple times, you must attach it to a Customer first.",
            param="payment_method",
        )
    if method.customer is not None and body["customer"] is None:
        raise invalid(
            f"The PaymentMethod {method.id} belongs to a Customer. Please include the Customer in the `customer` "
            "parameter on the PaymentIntent.",
            param="payment_method",
        )
    if method.customer not in (None, body["customer"]):
        raise invalid(
            f"The customer does not have a payment method with the ID {method.id}. The payment method must be "
            "attached to the customer.",
            code="resource_missing",
            param="payment_method",
        )


def unexpected_state(body: Body, verb: str) -> ApiError:
    """Return the error for an intent whose status does not allow the verb."""
    status = body["status"]
    if verb == "confirm" and status == "succeeded":
        message = (
            "You cannot confirm this PaymentIntent because it has already succeeded after being previously confirmed."
        )
    elif verb == "capture":
        message = (
            f"This PaymentIntent could not be captured because it has a status of {status}. Only a PaymentIntent with "
            "one of the following statuses may be captured: requires_capture."
        )
    else:
        message = f"You cannot {verb} this PaymentIntent because it has a status of {status}."
        if verb == "cancel":
            listed = ", ".join(CANCELABLE)
            message += f" Only a PaymentIntent with one of the following statuses may be canceled: {listed}."
    error = invalid(message, code="payment_intent_unexpected_state")
    error.error["payment_intent"] = body
    return error


def needs_customer(body: Body, method: Stored, card: TestCard, *, off_session: bool) -> bool:
    """Return whether the bank asks the cardholder to authenticate."""
    options = body["payment_method_options"].get("card") or {}
    if options.get("request_three_d_secure") in ("any", "challenge") and card.optional:
        return True
    if card.outcome != "authenticate":
        return False
    if not off_session:
        return True
    return not (card.off_session or (card.unless_saved and method.private.get("saved") == "off_session"))


def error_fields(decline: Decline, charge: str | None, method: Body) -> Body:
    """Return the fields that `last_payment_error` and the error body share."""
    fields: dict[str, Any] = {
        "type": "card_error" if method["type"] == "card" else "invalid_request_error",
        "code": decline.code,
        "doc_url": f"https://stripe.com/docs/error-codes/{decline.code.replace('_', '-')}",
        "message": decline.message,
        "payment_method": method,
    }
    if charge is not None:
        fields["charge"] = charge
    if decline.decline_code is not None:
        fields["decline_code"] = decline.decline_code
    if decline.advice is not None:
        fields["advice_code"] = decline.advice
    if decline.param is not None:
        fields["param"] = decline.param
    return fields


def card_error(decline: Decline) -> ApiError:
    """Return the error for a card that is refused before there is a payment."""
    extra = {} if decline.decline_code is None else {"decline_code": decline.decline_code}
    message, code, param = decline.message, decline.code, decline.param
    return ApiError(message, status=402, kind="card_error", code=code, param=param, extra=extra)


def payment_error(fields: Body, intent: Body) -> ApiError:
    """Return the error for a refused confirmation. What the attempt has stored is kept."""
    error = ApiError(fields["message"], status=402, kind="card_error", code=fields["code"], keep=True)
    error.error |= {**fields, "type": "card_error", "payment_intent": intent}
    return error
