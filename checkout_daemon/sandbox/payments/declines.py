"""The errors of refused payments: status 402 with Stripe's details."""

from __future__ import annotations

from typing import Any

from checkout_daemon.sandbox.errors import ApiError
from checkout_daemon.sandbox.payments.testdata import Decline
from checkout_daemon.sandbox.storage import Body


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
