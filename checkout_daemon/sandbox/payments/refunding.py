"""The life of a refund: created, perhaps pending or waiting for the customer, perhaps failed later."""

from __future__ import annotations

from typing import Any

from checkout_daemon.sandbox.amounts import check_step, money_text
from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.clock import now, stamp
from checkout_daemon.sandbox.errors import ApiError, invalid
from checkout_daemon.sandbox.ids import token
from checkout_daemon.sandbox.objects.shapes import new_body
from checkout_daemon.sandbox.parameters.specs import Params
from checkout_daemon.sandbox.payments import balance
from checkout_daemon.sandbox.payments.stripe_test_methods import CARDS
from checkout_daemon.sandbox.storage import Body, Stored
from checkout_daemon.sandbox.webhooks.changes import changing
from checkout_daemon.sandbox.webhooks.events import emit

LATER_SECONDS = 0.5
"""How long after a refund it fails, or stops being pending."""

_PENDING_IN_FLIGHT_SECONDS = 60.0
"""How long an escalated inquiry still fails a refund. Stripe fails very recent ones, not older ones."""

_ACTION_SECONDS = 45 * 24 * 3600
_LIVE = ("succeeded", "pending", "requires_action")


def create_refund(
    box: Box,
    charge: Stored,
    amount: int | None,
    reason: str | None,
    metadata: dict[str, str],
    *,
    instructions_email: str | None = None,
) -> Stored:
    """Refund an amount, or everything that is left. Raise ApiError if nothing is.

    A refund with an email waits until its receiver states where to send the money: `requires_action`.
    """
    paid = charge.body
    amount = _check(box, charge, amount)
    method = box.get(paid["payment_method"], "payment_method").body["type"]
    behaviour = _behaviour(box, charge, instructions_email)
    body = new_body(
        "refund",
        "re_3" if method == "card" else "pyr_1",
        amount=amount,
        charge=charge.id,
        currency=paid["currency"],
        customer=paid["customer"],
        destination_details=_destination(method, behaviour),
        metadata=metadata,
        payment_intent=paid["payment_intent"],
        payment_method=paid["payment_method"],
        reason=reason,
        status={"": "succeeded", "fail": "succeeded"}.get(behaviour, behaviour),
    )
    if behaviour == "pending":
        body["pending_reason"] = "processing"
    elif instructions_email is not None:
        sent = {"email_sent_at": stamp(), "email_sent_to": instructions_email}
        display = {"email_sent": sent, "expires_at": stamp() + _ACTION_SECONDS}
        body["instructions_email"] = instructions_email
        body["next_action"] = {"display_details": display, "type": "display_details"}
    kind = "refund" if method == "card" else "payment_refund"
    description = f"REFUND FOR {'CHARGE' if method == 'card' else 'PAYMENT'}"
    booked = balance.book(box, kind, -amount, paid["currency"], body["id"], description=description)
    body["balance_transaction"] = booked["id"]
    refund = box.storage.add(Stored(body, parent=charge.id, intent=paid["payment_intent"]))
    before = {"amount_refunded": paid["amount_refunded"], "refunded": paid["refunded"]}
    _change_refunded(box, charge, amount)
    emit(box, "refund.created", body)
    emit(box, "charge.refunded", charge.body, {key: old for key, old in before.items() if paid[key] != old})
    if behaviour:
        wait = _ACTION_SECONDS if behaviour == "requires_action" else LATER_SECONDS
        box.storage.add_timer(TIMERS[behaviour], now() + wait, {"refund": refund.id})
    return refund


def fail_refund(box: Box, refund: Stored, reason: str = "expired_or_canceled_card") -> None:
    """Fail a refund: the bank has returned the money. A refund that has failed or was canceled stays as it is."""
    if refund.body["status"] in _LIVE:
        _take_back(box, refund, "failed", reason)


def cancel_refund(box: Box, refund: Stored, _: Params) -> None:
    """Cancel a refund that waits for the customer. Raise ApiError for any other."""
    if refund.body["status"] != "requires_action":
        raise invalid("Canceling this refund is unsupported.")
    _take_back(box, refund, "canceled", "merchant_request")


def finish_refund(box: Box, refund: Stored) -> None:
    """Complete a refund that was pending or waited for the customer."""
    if refund.body["status"] not in ("pending", "requires_action"):
        return
    with changing(box, refund, *UPDATED) as body:
        body["status"] = "succeeded"
        body.pop("pending_reason", None)
        body.pop("next_action", None)
        details = body["destination_details"]
        if "reference_status" in details[details["type"]]:
            details[details["type"]] |= {"reference": token(12), "reference_status": "available"}
        if details["type"] == "card":
            details["card"]["type"] = "refund"


def expire_refund(box: Box, refund: Stored) -> None:
    """Fail a refund whose receiver never stated where the money should go."""
    if refund.body["status"] == "requires_action":
        fail_refund(box, refund, "unknown")


def fail_recent_refunds(box: Box, charge: Stored) -> None:
    """Fail the refunds that a chargeback overtakes, so that the customer is not paid twice."""
    for refund in box.storage.children(charge.id, "refund"):
        on_its_way = refund.body["status"] != "succeeded"
        if on_its_way or refund.body["created"] >= now() - _PENDING_IN_FLIGHT_SECONDS:
            fail_refund(box, refund, "charge_for_pending_refund_disputed")


UPDATED = ("refund.updated", "charge.refund.updated")
"""The events of a changed refund."""
_TRANSFERS = {"sepa_debit": "eu_bank_transfer", "us_bank_account": "us_bank_transfer"}
TIMERS = {"fail": "refund_fail", "pending": "refund_pending", "requires_action": "refund_expired"}


def _check(box: Box, charge: Stored, amount: int | None) -> int:
    """Return the amount to refund. Raise ApiError if the charge cannot be refunded."""
    paid = charge.body
    intent = paid["payment_intent"]
    if paid["status"] == "failed":
        raise invalid(f"This PaymentIntent ({intent}) does not have a successful charge to refund.")
    if paid["status"] == "pending":
        message = f"Charge {charge.id} is still pending; it can be refunded once it has succeeded."
        raise ApiError(message, code="charge_not_refundable", param="charge")
    if not paid["captured"]:
        message = f"You must cancel the PaymentIntent {intent} to release a charge that has not been captured."
        raise ApiError(message, code="charge_not_refundable", param="charge")
    if not all(dispute.body["is_charge_refundable"] for dispute in box.storage.children(charge.id, "dispute")):
        message = f"Charge {charge.id} has been charged back; cannot issue a refund."
        raise ApiError(message, code="charge_disputed")
    left: int = paid["amount_captured"] - paid["amount_refunded"]
    if left <= 0:
        raise ApiError(f"Charge {charge.id} has already been refunded.", code="charge_already_refunded")
    if amount is None:
        return left
    if amount > left:
        asked, rest = money_text(amount, paid["currency"]), money_text(left, paid["currency"])
        message = f"Refund amount ({asked}) is greater than unrefunded amount on charge ({rest})"
        raise invalid(message, param="amount")
    check_step(amount, paid["currency"])
    return amount


def _behaviour(box: Box, charge: Stored, instructions_email: str | None) -> str:
    """Return what happens to the refund later: a key of TIMERS, or nothing."""
    if instructions_email is not None:
        return "requires_action"
    method = box.get(charge.body["payment_method"], "payment_method")
    return CARDS[method.private["card"]].refund if method.body["type"] == "card" else "pending"


def _destination(method: str, behaviour: str) -> Body:
    if method == "customer_balance":
        return {"type": "customer_cash_balance", "customer_cash_balance": {}}
    if method in _TRANSFERS:
        transfer: dict[str, Any] = {"reference": None, "reference_status": "pending"}
        return {"type": _TRANSFERS[method], _TRANSFERS[method]: transfer}
    pending = behaviour not in ("", "fail")
    state = {"reference_status": "pending", "type": "pending"}
    if not pending:
        state = {"reference": token(12), "reference_status": "available", "type": "refund"}
    return {"type": "card", "card": {**state, "reference_type": "acquirer_reference_number"}}


def _take_back(box: Box, refund: Stored, status: str, reason: str) -> None:
    charge = box.get(refund.body["charge"], "charge")
    events = ("refund.failed", *UPDATED) if status == "failed" else UPDATED
    with changing(box, refund, *events) as body:
        description = f"REFUND FAILURE ({charge.body['description'] or charge.id})"
        booked = balance.book(
            box, "refund_failure", body["amount"], body["currency"], refund.id, description=description
        )
        body |= {"status": status, "failure_reason": reason, "failure_balance_transaction": booked["id"]}
        body.pop("pending_reason", None)
        body.pop("next_action", None)
        _change_refunded(box, charge, -body["amount"])


def _change_refunded(box: Box, charge: Stored, amount: int) -> None:
    body = charge.body
    body["amount_refunded"] += amount
    body["refunded"] = body["amount_refunded"] >= body["amount_captured"]
    box.storage.save(charge)
