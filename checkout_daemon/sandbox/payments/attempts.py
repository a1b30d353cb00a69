"""The outcomes of an attempt to take the money: refused, held, taken, started, or waiting for the customer's bank."""

from __future__ import annotations

from typing import NoReturn

from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.clock import now
from checkout_daemon.sandbox.payments import balance, methods
from checkout_daemon.sandbox.payments.acceptance import error_fields, payment_error
from checkout_daemon.sandbox.payments.charges import AUTHORIZED_SECONDS, build_charge, is_manual
from checkout_daemon.sandbox.payments.fraud_warnings import plan_warning
from checkout_daemon.sandbox.payments.stripe_test_methods import CARDS, Decline
from checkout_daemon.sandbox.storage import Body, Stored
from checkout_daemon.sandbox.webhooks.changes import update_and_emit
from checkout_daemon.sandbox.webhooks.events import emit


def fail(box: Box, intent: Stored, method: Stored, decline: Decline, *, charged: bool = True) -> NoReturn:
    """Refuse an attempt. Always raises ApiError (402), and stores what the attempt has stored."""
    body = intent.body
    charge: Stored | None = None
    if charged:
        charge = box.storage.add(build_charge(intent, method, "failed", decline, authenticated=False))
        body["latest_charge"] = charge.id
    fields = error_fields(decline, charge.id if charge else None, method.body)
    body |= {"status": "requires_payment_method", "payment_method": None, "next_action": None}
    if charge:
        emit(box, "charge.failed", charge.body)
    update_and_emit(box, intent, "payment_intent.payment_failed", last_payment_error=fields)
    raise payment_error(fields, body)


def succeed(box: Box, intent: Stored, method: Stored, *, authenticated: bool = False) -> None:
    """Take the money, or hold it if it is to be captured later."""
    body = intent.body
    charge = build_charge(intent, method, "succeeded", None, authenticated=authenticated)
    box.storage.add(charge)
    body["latest_charge"] = charge.id
    _save_method(box, intent, method)
    if is_manual(body, "card"):
        emit(box, "charge.succeeded", charge.body)
        held = {"status": "requires_capture", "amount_capturable": body["amount"]}
        update_and_emit(box, intent, "payment_intent.amount_capturable_updated", **held)
        due = {"intent": intent.id, "charge": charge.id}
        box.storage.add_timer("authorization_over", now() + AUTHORIZED_SECONDS, due)
        return
    at_once = method.private["card"].startswith("bypassPending")
    booked = balance.book(
        box, "charge", body["amount"], body["currency"], charge.id, description=body["description"], at_once=at_once
    )
    if body["capture_method"] == "automatic_async":
        box.storage.add_timer(
            "captured", now() + box.settings.settle_seconds, {"charge": charge.id, "balance_transaction": booked["id"]}
        )
    else:
        charge.body["balance_transaction"] = booked["id"]
        box.storage.save(charge)
    emit(box, "charge.succeeded", charge.body)
    update_and_emit(box, intent, "payment_intent.succeeded", status="succeeded", amount_received=body["amount"])
    if at_once:
        emit(box, "balance.available", balance.balance(box))
    plan_dispute(box, charge, CARDS[method.private["card"]].dispute)
    plan_warning(box, charge, CARDS[method.private["card"]].warning)


def set_balance_transaction(box: Box, payload: Body) -> None:
    """Set the charge's balance transaction, which an asynchronous capture leaves null at first.

    https://docs.stripe.com/payments/payment-intents/asynchronous-capture
    """
    charge = box.storage.find(payload["charge"], "charge")
    if charge is not None and charge.body["balance_transaction"] is None:
        update_and_emit(box, charge, "charge.updated", balance_transaction=payload["balance_transaction"])


def start_debit(box: Box, intent: Stored, method: Stored) -> None:
    """Start a bank debit. Its outcome is known later."""
    charge = box.storage.add(build_charge(intent, method, "pending", None, authenticated=False))
    _save_method(box, intent, method)
    changes = {"status": "processing", "latest_charge": charge.id, "processing": None}
    update_and_emit(box, intent, "payment_intent.processing", **changes)
    emit(box, "charge.pending", charge.body)
    account = methods.test_account(method)
    if not account.endless:
        due_at = now() + box.settings.settle_seconds * account.delay
        box.storage.add_timer("settle", due_at, {"intent": intent.id, "charge": charge.id})


def require_authentication(box: Box, intent: Stored) -> None:
    """Require the customer to authenticate on their bank's page first."""
    kind, details = "use_stripe_sdk", {"type": "three_d_secure_redirect"}
    if returning := intent.private.get("return_url"):
        kind, details = "redirect_to_url", {"return_url": returning}
    action = {"type": kind, kind: {**details, "url": f"{box.url}/c/authenticate/{intent.id}"}}
    update_and_emit(box, intent, "payment_intent.requires_action", status="requires_action", next_action=action)


def plan_dispute(box: Box, charge: Stored, reason: str) -> None:
    """Plan a dispute of the charge a moment later, if the test card or account asks for it."""
    if reason:
        box.storage.add_timer("dispute", now(), {"charge": charge.id, "reason": reason})


def _save_method(box: Box, intent: Stored, method: Stored) -> None:
    """Save the method for the customer if requested, else mark it as used."""
    body = intent.body
    options = body["payment_method_options"].get(method.body["type"]) or {}
    usage = options.get("setup_future_usage") or body["setup_future_usage"]
    if usage in ("on_session", "off_session"):
        method.private["saved"] = usage
        if body["customer"] is not None and method.customer is None:
            methods.attach(box, method, body["customer"])
    elif method.customer is None:
        method.private["used"] = True
    box.storage.save(method)
