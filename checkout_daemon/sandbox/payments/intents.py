"""The life of a PaymentIntent: confirmed, refused, authenticated, settled, captured, canceled."""

from __future__ import annotations

from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.clock import stamp
from checkout_daemon.sandbox.errors import ApiError
from checkout_daemon.sandbox.ids import token
from checkout_daemon.sandbox.objects.shapes import method_options, new_body, shipping
from checkout_daemon.sandbox.parameters.specs import Params
from checkout_daemon.sandbox.payments import attempts, balance, cash_balance
from checkout_daemon.sandbox.payments.acceptance import (
    CANCELABLE,
    CONFIRMABLE,
    check_method,
    needs_customer,
    unexpected_state,
)
from checkout_daemon.sandbox.payments.debits import fail_charge, session_of
from checkout_daemon.sandbox.payments.fraud_warnings import plan_warning
from checkout_daemon.sandbox.payments.stripe_test_methods import CARDS, DECLINES
from checkout_daemon.sandbox.storage import Body, Stored
from checkout_daemon.sandbox.webhooks.changes import update_and_emit
from checkout_daemon.sandbox.webhooks.events import emit

_AS_GIVEN = (
    "automatic_payment_methods customer description receipt_email setup_future_usage statement_descriptor "
    "statement_descriptor_suffix transfer_group"
)


def create_intent(
    box: Box, amount: int, currency: str, types: list[str], given: Params, *, session: str | None = None
) -> Stored:
    """Create a PaymentIntent, for a Checkout Session or on its own."""
    body = new_body(
        "payment_intent",
        "pi_3",
        **{name: given.get(name) for name in _AS_GIVEN.split()},
        allowed_payment_method_types=given.get("allowed_payment_method_types") or None,
        amount=amount,
        capture_method=given.get("capture_method") or "automatic_async",
        confirmation_method=given.get("confirmation_method") or "automatic",
        currency=currency,
        excluded_payment_method_types=given.get("excluded_payment_method_types") or None,
        metadata={key: value for key, value in (given.get("metadata") or {}).items() if value},
        payment_method_options=method_options(types, given.get("payment_method_options")),
        payment_method_types=types,
        shipping=shipping(given.get("shipping")),
    )
    body["client_secret"] = f"{body['id']}_secret_{token(25)}"
    record = Stored(body, {"session": session}, customer=body["customer"])
    box.storage.add(record)
    emit(box, "payment_intent.created", body)
    return record


def confirm_intent(
    box: Box,
    intent: Stored,
    method: Stored,
    return_url: str | None = None,
    *,
    off_session: bool = False,
    error_on_requires_action: bool = False,
) -> None:
    """Try to take the money. Raise ApiError (402) if it is refused; the intent then waits for another method.

    With `off_session` the customer is not present, so a payment that they must authenticate is refused.
    """
    body = intent.body
    if body["status"] not in CONFIRMABLE:
        raise unexpected_state(body, "confirm")
    check_method(body, method)
    body |= {"payment_method": method.id, "next_action": None, "last_payment_error": None}
    intent.private["return_url"] = return_url or intent.private.get("return_url")
    if method.body["type"] == "customer_balance":
        cash_balance.wait_for_transfer(box, intent)
        return
    if method.body["type"] != "card":
        attempts.start_debit(box, intent, method)
        return
    card = CARDS[method.private["card"]]
    authenticated = intent.private.pop("authenticated", None) == method.id
    if card.outcome == "decline":
        attempts.fail(box, intent, method, DECLINES[card.decline])
    elif authenticated or not needs_customer(body, method, card, off_session=off_session):
        _finish(box, intent, method, authenticated=authenticated)
    elif off_session:
        attempts.fail(box, intent, method, DECLINES["authentication_required"])
    elif error_on_requires_action:
        attempts.fail(box, intent, method, DECLINES["authentication_not_handled"])
    else:
        attempts.require_authentication(box, intent)


def authenticate(box: Box, intent: Stored, *, succeeded: bool) -> None:
    """End 3-D Secure. Raise ApiError (402) if it failed or the card is then refused.

    An intent with manual confirmation then waits for its merchant to confirm it again.
    """
    body = intent.body
    if body["status"] != "requires_action":
        raise unexpected_state(body, "authenticate")
    method = box.get(body["payment_method"], "payment_method")
    body["next_action"] = None
    if not succeeded:
        attempts.fail(box, intent, method, DECLINES["authentication_failed"], charged=False)
    elif body["confirmation_method"] == "manual":
        intent.private["authenticated"] = method.id
        body["status"] = "requires_confirmation"
        box.storage.save(intent)
    else:
        _finish(box, intent, method, authenticated=True)


def capture_intent(box: Box, intent: Stored, amount: int | None) -> None:
    """Capture the held money or a part of it, and release the rest. A Checkout session is then paid."""
    body = intent.body
    if body["status"] != "requires_capture":
        raise unexpected_state(body, "capture")
    amount = body["amount_capturable"] if amount is None else amount
    if amount > body["amount_capturable"]:
        raise ApiError(
            f"The amount to capture ({amount}) is greater than the remaining capturable amount "
            f"({body['amount_capturable']}).",
            code="amount_too_large",
            param="amount_to_capture",
        )
    charge = box.get(body["latest_charge"], "charge")
    booked = balance.book(box, "charge", amount, body["currency"], charge.id, description=body["description"])
    session = session_of(box, intent)
    if session is not None and session.body["status"] == "complete":
        session.body["payment_status"] = "paid"
        box.storage.save(session)
    captured = {"captured": True, "amount_captured": amount, "balance_transaction": booked["id"]}
    update_and_emit(box, charge, "charge.captured", **captured)
    received = {"amount_received": amount, "amount_capturable": 0}
    update_and_emit(box, intent, "payment_intent.succeeded", status="succeeded", **received)
    method = box.get(charge.body["payment_method"], "payment_method")
    attempts.plan_dispute(box, charge, CARDS[method.private["card"]].dispute)
    plan_warning(box, charge, CARDS[method.private["card"]].warning)


def cancel_intent(box: Box, intent: Stored, reason: str | None) -> None:
    """Cancel an intent. Held money is released, and a debit that was not sent is recalled."""
    body = intent.body
    if body["status"] not in CANCELABLE or (body["status"] == "processing" and not _recallable(box, body)):
        raise unexpected_state(body, "cancel")
    _cancel(box, intent, reason, released="charge.refunded")


def expire_authorization(box: Box, intent: Stored, charge_id: str) -> None:
    """Cancel an intent whose authorization has expired."""
    if intent.body["status"] == "requires_capture" and intent.body["latest_charge"] == charge_id:
        _cancel(box, intent, "automatic", released="charge.expired")


def _finish(box: Box, intent: Stored, method: Stored, *, authenticated: bool) -> None:
    """Take the money after authentication. The bank may refuse even then."""
    decline = CARDS[method.private["card"]].decline
    if decline:
        attempts.fail(box, intent, method, DECLINES[decline])
    attempts.succeed(box, intent, method, authenticated=authenticated)


def _cancel(box: Box, intent: Stored, reason: str | None, *, released: str) -> None:
    body = intent.body
    charge = box.get(body["latest_charge"], "charge") if body["latest_charge"] else None
    if charge is not None and body["status"] == "requires_capture":
        charge.body |= {"amount_refunded": charge.body["amount"], "refunded": True}
        box.storage.save(charge)
        emit(box, released, charge.body, {"amount_refunded": 0, "refunded": False})
    elif charge is not None and body["status"] == "processing":
        fail_charge(box, charge, DECLINES["debit_canceled"])
        emit(box, "charge.failed", charge.body)
    ended = {"amount_capturable": 0, "next_action": None, "canceled_at": stamp(), "cancellation_reason": reason}
    update_and_emit(box, intent, "payment_intent.canceled", status="canceled", **ended)


def _recallable(box: Box, body: Body) -> bool:
    """Return whether Stripe can recall the debit: an ACH debit that was not sent yet."""
    return bool(box.get(body["payment_method"], "payment_method").body["type"] == "us_bank_account")
