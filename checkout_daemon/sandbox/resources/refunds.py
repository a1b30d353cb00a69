"""Refunds."""

from __future__ import annotations

from checkout_daemon.sandbox.box import Box, Timers, on_object
from checkout_daemon.sandbox.errors import ApiError, invalid
from checkout_daemon.sandbox.objects.operations import acting, listing, operation, retrieving
from checkout_daemon.sandbox.parameters.specs import Params, merge_metadata
from checkout_daemon.sandbox.parameters.stripe_fields import Rules
from checkout_daemon.sandbox.payments.refunding import (
    UPDATED,
    cancel_refund,
    create_refund,
    expire_refund,
    fail_refund,
    finish_refund,
)
from checkout_daemon.sandbox.resources.checkout_session_params import NO_CONNECT
from checkout_daemon.sandbox.storage import Body, Stored
from checkout_daemon.sandbox.webhooks.changes import changing

_PATH = "/v1/refunds"
_NO_BALANCE = "The offline sandbox refunds charges, not the cash balance of a customer."


def _create(box: Box, params: Params, _: str) -> Body:
    charge = _charge(box, params)
    if params.get("currency") not in (None, charge.body["currency"]):
        raise invalid(f"A refund of this charge must be in {charge.body['currency']}.", param="currency")
    metadata = merge_metadata({}, params.get("metadata"))
    email = params.get("instructions_email")
    return create_refund(
        box, charge, params.get("amount"), params.get("reason"), metadata, instructions_email=email
    ).body


def _charge(box: Box, params: Params) -> Stored:
    if params.get("charge"):
        charge = box.get(params["charge"], "charge")
        if params.get("payment_intent") not in (None, charge.intent):
            raise invalid("The charge does not belong to that PaymentIntent.", param="charge")
        return charge
    if not params.get("payment_intent"):
        message = "One of the following params should be provided for this request: payment_intent or charge."
        raise ApiError(message, stored=False)
    intent = box.get(params["payment_intent"], "payment_intent", "payment_intent")
    if intent.body["latest_charge"] is None or intent.body["status"] not in ("succeeded", "requires_capture"):
        message = f"This PaymentIntent ({intent.id}) does not have a successful charge to refund."
        raise ApiError(message, code="payment_intent_unexpected_state", param="payment_intent")
    return box.get(intent.body["latest_charge"], "charge")


def _update(box: Box, refund: Stored, params: Params) -> None:
    with changing(box, refund, *UPDATED) as body:
        body["metadata"] = merge_metadata(body["metadata"], params.get("metadata"))


OPERATIONS = (
    operation(
        f"POST {_PATH}",
        _create,
        Rules(
            refuse={_NO_BALANCE: "customer origin", NO_CONNECT: "refund_application_fee reverse_transfer"},
            most={"instructions_email": 512},
        ),
    ),
    retrieving(_PATH, "refund"),
    acting(f"POST {_PATH}/{{id}}", "refund", _update),
    acting(f"POST {_PATH}/{{id}}/cancel", "refund", cancel_refund),
    listing(_PATH, "refund", columns={"charge": "parent", "payment_intent": "intent"}),
)
TIMERS: Timers = {
    "refund_fail": on_object("refund", "refund", fail_refund),
    "refund_pending": on_object("refund", "refund", finish_refund),
    "refund_expired": on_object("refund", "refund", expire_refund),
}
