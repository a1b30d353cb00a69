"""The life of a refund: made, perhaps pending, perhaps failed a moment later."""

from __future__ import annotations

from checkout_daemon.sandbox import ledger
from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.clock import now
from checkout_daemon.sandbox.errors import ApiError, invalid
from checkout_daemon.sandbox.events import emit
from checkout_daemon.sandbox.ids import token
from checkout_daemon.sandbox.shapes import new_object
from checkout_daemon.sandbox.storage import Record
from checkout_daemon.sandbox.testdata import CARDS

LATER_SECONDS = 0.5
"""How long after the refund its failure, or the end of its pending, follows."""


def create_refund(box: Box, charge: Record, amount: int | None, reason: str | None, metadata: dict[str, str]) -> Record:
    """Give money back. Raises ApiError where there is none left to give."""
    paid = charge.body
    left = paid["amount_captured"] - paid["amount_refunded"]
    if paid["status"] != "succeeded" or not paid["captured"]:
        raise invalid(f"Charge {charge.id} cannot be refunded: it was not paid and captured.", param="charge")
    if paid["disputed"] and not _disputed_refundable(box, charge):
        message = f"Charge {charge.id} has been charged back; cannot issue a refund."
        raise ApiError(message, code="charge_disputed")
    if left <= 0:
        message = f"Charge {charge.id} has already been refunded."
        raise ApiError(message, code="charge_already_refunded")
    amount = left if amount is None else amount
    if amount > left:
        message = f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})"
        raise invalid(message, param="amount")
    method = box.get(paid["payment_method"], "payment_method")
    card = method.body["type"] == "card"
    behaviour = CARDS[method.private["card"]].refund if card else ""
    details: dict[str, object] = {"type": "card" if card else "sepa_debit"}
    details[str(details["type"])] = (
        {
            "reference": token(12) if behaviour != "pending" else None,
            "reference_status": "available" if behaviour != "pending" else "pending",
            "reference_type": "acquirer_reference_number",
            "type": "refund" if behaviour != "pending" else "pending",
        }
        if card
        else {}
    )
    body = new_object(
        "re_3" if card else "pyr_1",
        "refund",
        amount=amount,
        balance_transaction=None,
        charge=charge.id,
        currency=paid["currency"],
        customer=paid["customer"],
        customer_account=None,
        destination_details=details,
        metadata=metadata,
        payment_intent=paid["payment_intent"],
        payment_method=method.id,
        reason=reason,
        receipt_number=None,
        source_transfer_reversal=None,
        status="pending" if behaviour == "pending" else "succeeded",
        transfer_reversal=None,
    )
    del body["livemode"]
    kind = "refund" if card else "payment_refund"
    body["balance_transaction"] = ledger.book(box, kind, -amount, paid["currency"], body["id"])["id"]
    refund = box.storage.add(Record(body, parent=charge.id, intent=paid["payment_intent"]))
    before = {"amount_refunded": paid["amount_refunded"], "refunded": paid["refunded"]}
    _change_refunded(box, charge, amount)
    emit(box, "refund.created", body)
    emit(box, "charge.refunded", charge.body, {key: old for key, old in before.items() if paid[key] != old})
    if behaviour:
        box.storage.add_timer(f"refund_{behaviour}", now() + LATER_SECONDS, {"refund": refund.id})
    return refund


def fail_refund(box: Box, refund: Record) -> None:
    """The bank sent the money back: it is ours again."""
    body = refund.body
    if body["status"] not in ("succeeded", "pending"):
        return
    before = {"status": body["status"]}
    booked = ledger.book(box, "refund_failure", body["amount"], body["currency"], refund.id)
    body |= {
        "status": "failed",
        "failure_reason": "expired_or_canceled_card",
        "failure_balance_transaction": booked["id"],
    }
    box.storage.save(refund)
    _change_refunded(box, box.get(body["charge"], "charge"), -body["amount"])
    emit(box, "refund.failed", body)
    emit(box, "refund.updated", body, before)
    emit(box, "charge.refund.updated", body, before)


def finish_refund(box: Box, refund: Record) -> None:
    """A pending refund reached the customer."""
    body = refund.body
    if body["status"] != "pending":
        return
    body["status"] = "succeeded"
    body["destination_details"]["card"] |= {
        "reference": token(12),
        "reference_status": "available",
        "type": "refund",
    }
    box.storage.save(refund)
    tell_updated(box, refund, {"status": "pending"})


def tell_updated(box: Box, refund: Record, previous: dict[str, object]) -> None:
    emit(box, "refund.updated", refund.body, previous)
    emit(box, "charge.refund.updated", refund.body, previous)


def _change_refunded(box: Box, charge: Record, amount: int) -> None:
    body = charge.body
    body["amount_refunded"] += amount
    body["refunded"] = body["amount_refunded"] >= body["amount"]
    box.storage.save(charge)


def _disputed_refundable(box: Box, charge: Record) -> bool:
    return all(each.body["is_charge_refundable"] for each in box.storage.children(charge.id, "dispute"))
