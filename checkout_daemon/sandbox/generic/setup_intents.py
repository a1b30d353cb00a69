"""SetupIntents, which verify a payment method to be charged later."""

from __future__ import annotations

from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.errors import ApiError, invalid
from checkout_daemon.sandbox.ids import new_id, token
from checkout_daemon.sandbox.parameters.specs import Params
from checkout_daemon.sandbox.payments.acceptance import CONFIRMABLE, error_fields
from checkout_daemon.sandbox.payments.methods import attach, method_by_id
from checkout_daemon.sandbox.payments.stripe_test_methods import CARDS, DECLINES
from checkout_daemon.sandbox.storage import Stored
from checkout_daemon.sandbox.webhooks.changes import require_status, update_and_emit

_FAILS_ONLY_LATER = "chargeCustomerFail"


def build(box: Box, record: Stored, params: Params) -> None:
    """Build a SetupIntent, for cards unless types are given."""
    body = record.body
    body["client_secret"] = f"{record.id}_secret_{token(25)}"
    if not body["payment_method_types"]:
        body["payment_method_types"] = ["card"]
        body["automatic_payment_methods"] = {"allow_redirects": "always", "enabled": True}
    if params.get("payment_method"):
        method = method_by_id(box, params["payment_method"])
        body |= {"payment_method": method.id, "status": "requires_confirmation"}
    elif params.get("confirm"):
        raise invalid("You cannot confirm this SetupIntent because it's missing a payment method.")


def revise(_: Box, record: Stored, params: Params) -> None:
    """Unset the payment method if an update gives an empty one."""
    if "payment_method" in params and not params["payment_method"]:
        require_status(record, "update", *CONFIRMABLE)
        record.body |= {"payment_method": None, "status": "requires_payment_method", "next_action": None}


def confirm_if_asked(box: Box, record: Stored, params: Params) -> None:
    """Confirm a new SetupIntent if its creation asks for that."""
    if params.get("confirm"):
        confirm(box, record, params)


def confirm(box: Box, record: Stored, params: Params) -> None:
    """Confirm a SetupIntent. Raise ApiError (402) if the card is refused; the intent then waits for another."""
    body = record.body
    chosen = params.get("payment_method") or body["payment_method"]
    if chosen is None:
        raise invalid("You cannot confirm this SetupIntent because it's missing a payment method.")
    method = method_by_id(box, chosen) if chosen != body["payment_method"] else box.get(chosen, "payment_method")
    name = method.private.get("card", "")
    card = CARDS.get(name)
    fields = {"payment_method": method.id, "last_setup_error": None, "latest_attempt": new_id("setatt_1")}
    if card is not None and card.outcome == "authenticate":
        body |= fields
        action = {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect"}}
        update_and_emit(box, record, "setup_intent.requires_action", status="requires_action", next_action=action)
    elif card is not None and card.outcome == "decline" and not name.endswith(_FAILS_ONLY_LATER):
        error = error_fields(DECLINES[card.decline], None, method.body)
        body |= fields | {"payment_method": None, "status": "requires_payment_method"}
        update_and_emit(box, record, "setup_intent.setup_failed", last_setup_error=error)
        refused = ApiError(error["message"], status=402, kind="card_error", keep=True)
        refused.error |= {**error, "setup_intent": body}
        raise refused
    else:
        if body["customer"] and method.customer is None:
            attach(box, method, body["customer"])
        body |= fields
        update_and_emit(box, record, "setup_intent.succeeded", status="succeeded", next_action=None)
