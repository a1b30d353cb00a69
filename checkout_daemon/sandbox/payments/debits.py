"""The outcome of a delayed debit."""

from __future__ import annotations

from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.payments import attempts, balance, methods
from checkout_daemon.sandbox.payments.acceptance import error_fields, unexpected_state
from checkout_daemon.sandbox.payments.charges import outcome
from checkout_daemon.sandbox.payments.stripe_test_methods import DECLINES, Decline
from checkout_daemon.sandbox.storage import Body, Stored
from checkout_daemon.sandbox.webhooks.changes import update_and_emit
from checkout_daemon.sandbox.webhooks.events import emit


def settle_debit(box: Box, intent: Stored, succeeded: bool | None = None) -> bool:
    """End a debit as `succeeded` states, or as its test account number does. Return whether it succeeded."""
    body = intent.body
    method = box.get(body["payment_method"], "payment_method")
    charge = box.get(body["latest_charge"], "charge")
    account = methods.test_account(method)
    failure = account.failure if succeeded is None else "" if succeeded else account.failure or "settlement_failed"
    if failure:
        _fail_debit(box, intent, charge, method, DECLINES[failure])
        return False
    amount = body["amount"]
    booked = balance.book(box, "payment", amount, body["currency"], charge.id, description=body["description"])
    charge.body |= {"paid": True, "captured": True, "amount_captured": amount, "balance_transaction": booked["id"]}
    update_and_emit(box, charge, "charge.succeeded", status="succeeded", outcome=outcome("succeeded", None))
    update_and_emit(box, intent, "payment_intent.succeeded", status="succeeded", amount_received=amount)
    attempts.plan_dispute(box, charge, account.dispute)
    return True


def settle_now(box: Box, intent: Stored, succeeded: bool | None = None) -> bool:
    """End a debit now and announce the outcome for its Checkout session. Return whether it succeeded.

    `succeeded` is the outcome, or None for that of the test account number. Raise ApiError if the intent is not
    processing.
    """
    if intent.body["status"] != "processing":
        raise unexpected_state(intent.body, "settle")
    came = settle_debit(box, intent, succeeded)
    session = session_of(box, intent)
    if session is not None:
        if came:
            session.body["payment_status"] = "paid"
            box.storage.save(session)
        emit(box, f"checkout.session.async_payment_{'succeeded' if came else 'failed'}", session.body)
    return came


def settle_due(box: Box, payload: Body) -> None:
    """End the debit of a timer and complete its Checkout session, unless it has ended already."""
    intent = box.storage.find(payload["intent"], "payment_intent")
    if intent is None or payload.get("charge") not in (None, intent.body["latest_charge"]):
        return
    if intent.body["status"] == "processing":
        settle_now(box, intent)


def _fail_debit(box: Box, intent: Stored, charge: Stored, method: Stored, decline: Decline) -> None:
    fail_charge(box, charge, decline)
    intent.body |= {"status": "requires_payment_method", "payment_method": None}
    emit(box, "charge.failed", charge.body)
    error = error_fields(decline, charge.id, method.body)
    update_and_emit(box, intent, "payment_intent.payment_failed", last_payment_error=error)


def fail_charge(box: Box, charge: Stored, decline: Decline) -> None:
    """Fail a pending charge."""
    charge.body |= {
        "status": "failed",
        "paid": False,
        "failure_code": decline.failure_code or decline.code,
        "failure_message": decline.message,
        "outcome": outcome("failed", decline),
    }
    box.storage.save(charge)


def session_of(box: Box, intent: Stored) -> Stored | None:
    """Return the Checkout session of an intent, or None."""
    session_id = intent.private.get("session")
    return box.storage.find(session_id, "checkout.session") if session_id else None
