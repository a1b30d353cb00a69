"""The errors of refused payments: status 402 with Stripe's details."""

from __future__ import annotations

from typing import Any

from checkout_daemon.sandbox.errors import ApiError
from checkout_daemon.sandbox.payments.testdata import Decline
from checkout_daemon.sandbox.storage import Body

_PARAMS = {"incorrect_number": "number", "expired_card": "exp_month", "incorrect_cvc": "cvc"}
ADVICE = {
    "generic_decline": "try_again_later",
    "card_velocity_exceeded": "try_again_later",
    "insufficient_funds": "try_again_later",
    "lost_card": "do_not_try_again",
    "stolen_card": "do_not_try_again",
    "processing_error": "try_again_later",
    "expired_card": "confirm_card_data",
    "incorrect_cvc": "confirm_card_data",
    "incorrect_number": "confirm_card_data",
}


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
        if decline.decline_code in ADVICE:
            fields["advice_code"] = ADVICE[decline.decline_code]
    if decline.code in _PARAMS:
        fields["param"] = _PARAMS[decline.code]
    return fields


def card_error(decline: Decline, *, param: str | None = None) -> ApiError:
    """Return the error for a card that is refused before there is a payment."""
    extra = {} if decline.decline_code is None else {"decline_code": decline.decline_code}
    return ApiError(
        decline.message,
        status=402,
        kind="card_error",
        code=decline.code,
        param=param or _PARAMS.get(decline.code),
        extra=extra,
    )


def payment_error(fields: Body, intent: Body) -> ApiError:
    """Return the error for a refused confirmation. What the attempt has stored is kept."""
    error = ApiError(fields["message"], status=402, kind="card_error", code=fields["code"], keep=True)
    error.error |= {**fields, "type": "card_error", "payment_intent": intent}
    return error
