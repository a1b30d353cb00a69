"""The life of a PaymentIntent: confirmed, refused, authenticated, settled, captured, canceled."""

from __future__ import annotations

from typing import Any

from checkout_daemon.sandbox import ledger
from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.charges import build_charge, outcome
from checkout_daemon.sandbox.clock import now, stamp
from checkout_daemon.sandbox.declines import error_fields, payment_error
from checkout_daemon.sandbox.errors import ApiError, invalid
from checkout_daemon.sandbox.events import emit
from checkout_daemon.sandbox.ids import token
from checkout_daemon.sandbox.params import Params
from checkout_daemon.sandbox.shapes import method_options, new_object, shipping
from checkout_daemon.sandbox.storage import Body, Record
from checkout_daemon.sandbox.testdata import CARDS, DECLINES, Decline, Outcome, debit_fails

_CONFIRMABLE = ("requires_payment_method", "requires_confirmation", "requires_action")
_CANCELABLE = (*_CONFIRMABLE, "requires_capture")


def create_intent(
    box: Box, amount: int, currency: str, types: list[str], given: Params, *, session: str | None = None
) -> Record:
    """A new intent, for a Checkout session or by itself."""
    body = new_object(
        "pi_3",
        "payment_intent",
        amount=amount,
        amount_capturable=0,
        amount_details={"tip": {}},
        amount_received=0,
        application=None,
        application_fee_amount=None,
        automatic_payment_methods=given.get("automatic_payment_methods"),
        canceled_at=None,
        cancellation_reason=None,
        capture_method=given.get("capture_method") or "automatic_async",
        confirmation_method=given.get("confirmation_method") or "automatic",
        currency=currency,
        customer=given.get("customer"),
        customer_account=None,
        description=given.get("description"),
        excluded_payment_method_types=None,
        last_payment_error=None,
        latest_charge=None,
        metadata={key: value for key, value in (given.get("metadata") or {}).items() if value},
        next_action=None,
        on_behalf_of=None,
        payment_method=None,
        payment_method_configuration_details=None,
        payment_method_options=method_options(types, given.get("payment_method_options"), session=False),
        payment_method_types=types,
        presentment_details=None,
        processing=None,
        receipt_email=given.get("receipt_email"),
        review=None,
        setup_future_usage=given.get("setup_future_usage"),
        shipping=shipping(given.get("shipping")),
        source=None,
        statement_descriptor=given.get("statement_descriptor"),
        statement_descriptor_suffix=given.get("statement_descriptor_suffix"),
        status="requires_payment_method",
        transfer_data=None,
        transfer_group=given.get("transfer_group"),
    )
    body["client_secret"] = f"{body['id']}_secret_{token(25)}"
    record = Record(body, {"session": session}, customer=body["customer"])
    box.storage.add(record)
    emit(box, "payment_intent.created", body)
    return record


def confirm_intent(box: Box, intent: Record, method: Record, return_url: str | None = None) -> None:
    """Try to take the money. Raises ApiError (402) when the card is refused; the intent then waits for another."""
    body = intent.body
    if body["status"] not in _CONFIRMABLE:
        raise unexpected_state(body, "confirm")
    if method.body["type"] not in body["payment_method_types"]:
        listed = ", ".join(body["payment_method_types"])
        raise invalid(
            f"The PaymentMethod provided ({method.body['type']}) is not allowed for this PaymentIntent. "
            f"Please attach a PaymentMethod of one of the following types: {listed}.",
            param="payment_method",
        )
    if method.body["type"] == "sepa_debit" and body["currency"] != "eur":
        message = "The payment method type provided: sepa_debit is invalid with this currency: only eur is accepted."
        raise invalid(message, param="payment_method")
    body |= {"payment_method": method.id, "next_action": None, "last_payment_error": None}
    intent.private["return_url"] = return_url or intent.private.get("return_url")
    if method.body["type"] == "sepa_debit":
        _start_debit(box, intent, method)
        return
    card = CARDS[method.private["card"]]
    if card.outcome is Outcome.AUTHENTICATE:
        _ask_authentication(box, intent)
    elif card.outcome is Outcome.DECLINE:
        fail(box, intent, method, DECLINES[card.decline])
    else:
        _succeed(box, intent, method)


def authenticate(box: Box, intent: Record, *, succeeded: bool) -> None:
    """End 3-D Secure. Raises ApiError (402) when it failed or the card is then refused."""
    body = intent.body
    if body["status"] != "requires_action":
        raise unexpected_state(body, "authenticate")
    method = box.get(body["payment_method"], "payment_method")
    body["next_action"] = None
    card = CARDS[method.private["card"]]
    if not succeeded:
        fail(box, intent, method, DECLINES["authentication_failed"], charged=False)
    elif card.decline:
        fail(box, intent, method, DECLINES[card.decline])
    else:
        _succeed(box, intent, method, authenticated=True)


def settle_debit(box: Box, intent: Record) -> bool:
    """Let a debit that was started end as its account number says; whether the money came."""
    body = intent.body
    method = box.get(body["payment_method"], "payment_method")
    charge = box.get(body["latest_charge"], "charge")
    if debit_fails(method.private["iban"]):
        decline = DECLINES["debit_failed"]
        charge.body |= {
            "status": "failed",
            "paid": False,
            "failure_code": "bank_account_restricted",
            "failure_message": decline.message,
            "outcome": outcome("failed", decline),
        }
        box.storage.save(charge)
        body |= {
            "status": "requires_payment_method",
            "payment_method": None,
            "last_payment_error": error_fields(decline, charge.id, method.body),
        }
        box.storage.save(intent)
        emit(box, "charge.failed", charge.body)
        emit(box, "payment_intent.payment_failed", body)
        return False
    booked = ledger.book(box, "payment", body["amount"], body["currency"], charge.id)
    charge.body |= {
        "status": "succeeded",
        "paid": True,
        "captured": True,
        "amount_captured": body["amount"],
        "balance_transaction": booked["id"],
        "outcome": outcome("succeeded", None),
    }
    box.storage.save(charge)
    body |= {"status": "succeeded", "amount_received": body["amount"]}
    box.storage.save(intent)
    emit(box, "charge.succeeded", charge.body)
    emit(box, "payment_intent.succeeded", body)
    return True


def capture_intent(box: Box, intent: Record, amount: int | None) -> None:
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
    booked = ledger.book(box, "charge", amount, body["currency"], charge.id)
    charge.body |= {"captured": True, "amount_captured": amount, "balance_transaction": booked["id"]}
    if amount < body["amount"]:
        charge.body |= {"amount_refunded": body["amount"] - amount}
    box.storage.save(charge)
    body |= {"status": "succeeded", "amount_received": amount, "amount_capturable": 0}
    box.storage.save(intent)
    emit(box, "charge.captured", charge.body)
    emit(box, "payment_intent.succeeded", body)
    _plan_dispute(box, charge)


def cancel_intent(box: Box, intent: Record, reason: str | None) -> None:
    body = intent.body
    if body["status"] not in _CANCELABLE:
        raise unexpected_state(body, "cancel")
    if body["status"] == "requires_capture":
        charge = box.get(body["latest_charge"], "charge")
        charge.body |= {"amount_refunded": charge.body["amount"], "refunded": True}
        box.storage.save(charge)
        emit(box, "charge.refunded", charge.body, {"amount_refunded": 0, "refunded": False})
    body |= {
        "status": "canceled",
        "canceled_at": stamp(),
        "cancellation_reason": reason,
        "amount_capturable": 0,
        "next_action": None,
    }
    box.storage.save(intent)
    emit(box, "payment_intent.canceled", body)


def unexpected_state(body: Body, verb: str) -> ApiError:
    """The intent's status does not allow that."""
    message = f"You cannot {verb} this PaymentIntent because it has a status of {body['status']}."
    error = invalid(message, code="payment_intent_unexpected_state")
    error.error["payment_intent"] = body
    return error


def fail(box: Box, intent: Record, method: Record, decline: Decline, *, charged: bool = True) -> None:
    """Refuse an attempt. Always raises ApiError (402)."""
    body = intent.body
    charge: Record | None = None
    if charged:
        charge = box.storage.add(build_charge(intent, method, "failed", decline, authenticated=False))
        body["latest_charge"] = charge.id
    fields = error_fields(decline, charge.id if charge else None, method.body)
    body |= {
        "status": "requires_payment_method",
        "payment_method": None,
        "next_action": None,
        "last_payment_error": fields,
    }
    box.storage.save(intent)
    if charge:
        emit(box, "charge.failed", charge.body)
    emit(box, "payment_intent.payment_failed", body)
    raise payment_error(fields, body)


def _succeed(box: Box, intent: Record, method: Record, *, authenticated: bool = False) -> None:
    body = intent.body
    charge = build_charge(intent, method, "succeeded", None, authenticated=authenticated)
    box.storage.add(charge)
    body["latest_charge"] = charge.id
    if body["capture_method"] == "manual":
        body |= {"status": "requires_capture", "amount_capturable": body["amount"]}
        box.storage.save(intent)
        emit(box, "charge.succeeded", charge.body)
        emit(box, "payment_intent.amount_capturable_updated", body)
        return
    booked = ledger.book(box, "charge", body["amount"], body["currency"], charge.id, description=body["description"])
    charge.body["balance_transaction"] = booked["id"]
    box.storage.save(charge)
    body |= {"status": "succeeded", "amount_received": body["amount"]}
    box.storage.save(intent)
    emit(box, "charge.succeeded", charge.body)
    emit(box, "payment_intent.succeeded", body)
    _plan_dispute(box, charge)


def _plan_dispute(box: Box, charge: Record) -> None:
    method = box.get(charge.body["payment_method"], "payment_method")
    if reason := CARDS[method.private["card"]].dispute:
        box.storage.add_timer("dispute", now(), {"charge": charge.id, "reason": reason})


def _start_debit(box: Box, intent: Record, method: Record) -> None:
    body = intent.body
    charge = box.storage.add(build_charge(intent, method, "pending", None, authenticated=False))
    body |= {"status": "processing", "latest_charge": charge.id, "processing": None}
    box.storage.save(intent)
    emit(box, "payment_intent.processing", body)
    emit(box, "charge.pending", charge.body)
    box.storage.add_timer("settle", now() + box.settings.settle_seconds, {"intent": intent.id})


def _ask_authentication(box: Box, intent: Record) -> None:
    body = intent.body
    url = f"{box.url}/c/authenticate/{body['id']}"
    returning = intent.private.get("return_url")
    action: dict[str, Any] = {
        "type": "use_stripe_sdk",
        "use_stripe_sdk": {"type": "three_d_secure_redirect", "url": url},
    }
    if returning:
        action = {"type": "redirect_to_url", "redirect_to_url": {"return_url": returning, "url": url}}
    body |= {"status": "requires_action", "next_action": action}
    box.storage.save(intent)
    emit(box, "payment_intent.requires_action", body)
