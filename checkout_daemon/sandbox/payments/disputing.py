"""The life of a dispute: opened by the bank, answered with evidence, won or lost, appealed."""

from __future__ import annotations

import copy
from datetime import timedelta

from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.clock import now, today
from checkout_daemon.sandbox.errors import invalid
from checkout_daemon.sandbox.objects.shapes import new_body, new_part
from checkout_daemon.sandbox.parameters.specs import Params
from checkout_daemon.sandbox.payments import balance, fees, refunding
from checkout_daemon.sandbox.payments.evidence import (
    ESCALATING,
    VERDICTS,
    check_files,
    check_length,
    has_evidence,
    no_evidence,
)
from checkout_daemon.sandbox.storage import Body, Stored
from checkout_daemon.sandbox.webhooks.changes import changing, previous_values
from checkout_daemon.sandbox.webhooks.events import emit

KINDS = ("fraudulent", "product_not_received", "inquiry", "prevented", "duplicate", "subscription_canceled", "general")
"""The kinds that `open_dispute` takes for a card: an inquiry, a prevented dispute, or the reason of a chargeback."""

_UNDER_REVIEW = {
    "warning_needs_response": "warning_under_review",
    "needs_response": "under_review",
    "appeal_needs_response": "appeal_under_review",
}
_OPEN = (*_UNDER_REVIEW, *_UNDER_REVIEW.values())
_NETWORK_REASONS = {
    "duplicate": "12.6.1",
    "fraudulent": "10.4",
    "inquiry": "10",
    "product_not_received": "13.1",
    "product_unacceptable": "13.3",
    "subscription_canceled": "13.2",
}
_DUE = timedelta(days=8)
_INQUIRY_SECONDS = 120 * 24 * 3600
DECISION_SECONDS = 0.5
"""How long the bank considers test evidence. Stripe takes about five seconds."""


def open_dispute(box: Box, charge: Stored, kind: str) -> Stored:
    """Open a dispute of a charge. `kind` is one of KINDS or another of Stripe's reasons.

    Raise ApiError if the charge was not paid, or is disputed already.
    """
    paid = charge.body
    if paid["status"] != "succeeded" or not paid["captured"]:
        raise invalid(f"Charge {charge.id} cannot be disputed: it was not paid and captured.", param="charge")
    if any(dispute.body["status"] != "warning_closed" for dispute in box.storage.children(charge.id, "dispute")):
        raise invalid(f"Charge {charge.id} has already been disputed.", param="charge")
    amounts = [paid["amount_captured"]]
    if kind == "multiple":
        kind, half = "fraudulent", paid["amount_captured"] // 2
        amounts = [paid["amount_captured"] - half, half] if half else amounts
    first, *_ = [_open(box, charge, kind, amount) for amount in amounts]
    return first


def open_planned_dispute(box: Box, charge: Stored, kind: str) -> None:
    """Open the dispute that a test card plans, unless the charge was refunded or disputed before."""
    if not charge.body["disputed"] and not charge.body["refunded"]:
        open_dispute(box, charge, kind)


def answer_dispute(
    box: Box, dispute: Stored, evidence: Params, *, submit: bool | None = None, metadata: dict[str, str] | None = None
) -> None:
    """Add evidence and submit it, unless it is a draft (`submit` is false). Raise ApiError if it is too late."""
    body = dispute.body
    if body["status"] not in _OPEN:
        raise invalid("This dispute is already closed")
    check_length(body["evidence"] | evidence)
    check_files(box, evidence)
    details = body["evidence_details"]
    if evidence and body["status"] not in _UNDER_REVIEW:
        raise invalid("The evidence for this dispute has already been submitted.", param="evidence")
    if evidence.get("appeal") and body["status"] != "appeal_needs_response":
        raise invalid("Evidence for an appeal can be given once there is an appeal.", param="evidence[appeal]")
    with changing(box, dispute, "charge.dispute.updated"):
        body["metadata"] = body["metadata"] if metadata is None else metadata
        body["evidence"] |= {name: value for name, value in evidence.items() if name in body["evidence"]}
        details["has_evidence"] = has_evidence(body["evidence"])
        asked = bool(evidence) if submit is None else submit
        handed_in = asked and details["has_evidence"] and body["status"] in _UNDER_REVIEW
        if handed_in:
            details["submission_count"] += 1
            details["submission_method"] = "manual"
            body["status"] = _UNDER_REVIEW[body["status"]]
    text = body["evidence"]["uncategorized_text"]
    if handed_in and text in (*VERDICTS, ESCALATING):
        box.storage.add_timer("dispute_decided", now() + DECISION_SECONDS, {"dispute": dispute.id, "text": text})


def decide_dispute(box: Box, dispute: Stored, text: str) -> None:
    """Decide a dispute by the test evidence that was submitted."""
    body = dispute.body
    if body["status"] not in _UNDER_REVIEW.values():
        return
    if text in VERDICTS:
        end_dispute(box, dispute, won=VERDICTS[text])
    elif _is_inquiry(body):
        escalate_inquiry(box, dispute)


def end_dispute(box: Box, dispute: Stored, won: bool) -> None:
    """End a dispute as won or lost. An inquiry is only closed. Raise ApiError if it has ended already."""
    body = dispute.body
    if body["status"] not in _OPEN:
        raise invalid("This dispute is already closed")
    before = copy.deepcopy(body)
    if _is_inquiry(body):
        body["status"] = "warning_closed"
    elif won:
        description = f"Chargeback reversal for {body['charge']}"
        _book(box, body, body["amount"], 0, description, "dispute_reversal")
        body |= {"status": "won", "is_charge_refundable": True}
    else:
        body["status"] = "lost"
    box.storage.save(dispute)
    if body["status"] == "won":
        emit(box, "charge.dispute.funds_reinstated", body)
    emit(box, "charge.dispute.closed", body, previous_values(before, body))


def appeal_dispute(box: Box, dispute: Stored) -> None:
    """Appeal a lost dispute of a card. Raise ApiError for any other."""
    body = dispute.body
    if body["status"] != "lost" or "payment_method_details" not in body:
        raise invalid("Only a card's dispute that was lost can be appealed.", param="dispute")
    if dispute.private.get("appealed"):
        raise invalid("This dispute has already been appealed.", param="dispute")
    dispute.private["appealed"] = True
    with changing(box, dispute, "charge.dispute.updated"):
        body["status"] = "appeal_needs_response"
        _set_due(box, dispute)


def escalate_inquiry(box: Box, dispute: Stored) -> None:
    """Turn an inquiry into a chargeback: the money is withdrawn, and refunds in progress fail."""
    body = dispute.body
    if not _is_inquiry(body) or body["status"] == "warning_closed":
        raise invalid("Only an inquiry that is still open can be escalated.", param="dispute")
    charge = box.get(body["charge"], "charge")
    refunding.fail_recent_refunds(box, charge)
    with changing(box, dispute, "charge.dispute.updated", "charge.dispute.funds_withdrawn"):
        body |= {"status": "needs_response", "is_charge_refundable": False}
        code = _NETWORK_REASONS.get(body["reason"], "10.4")
        body["payment_method_details"]["card"] |= {"case_type": "chargeback", "network_reason_code": code}
        _withdraw(box, body)
        _set_due(box, dispute)


def miss_deadline(box: Box, dispute: Stored, due_by: int) -> None:
    """Handle a missed deadline: a chargeback is lost, an inquiry stays open."""
    body = dispute.body
    details = body["evidence_details"]
    if body["status"] not in _UNDER_REVIEW or details["due_by"] != due_by:
        return
    details["past_due"] = True
    box.storage.save(dispute)
    if _is_inquiry(body):
        emit(box, "charge.dispute.updated", body, {"evidence_details": {"past_due": False}})
    else:
        end_dispute(box, dispute, won=False)


def close_inquiry(box: Box, dispute: Stored) -> None:
    """Close an inquiry that the bank did not pursue in time."""
    if _is_inquiry(dispute.body) and dispute.body["status"] != "warning_closed":
        end_dispute(box, dispute, won=True)


def _open(box: Box, charge: Stored, kind: str, amount: int) -> Stored:
    paid = charge.body
    card = paid["payment_method_details"].get("card")
    inquiry, prevented = kind == "inquiry" and card is not None, kind == "prevented" and card is not None
    reason = "fraudulent" if kind in ("inquiry", "prevented") else kind
    body = new_body(
        "dispute",
        "du_1",
        amount=amount,
        charge=charge.id,
        currency=paid["currency"],
        evidence=no_evidence(),
        evidence_details=new_part("dispute.evidence_details"),
        is_charge_refundable=inquiry or prevented,
        payment_intent=paid["payment_intent"],
        reason=reason,
    )
    if card is not None:
        case = "inquiry" if inquiry else "block" if prevented else "chargeback"
        code = _NETWORK_REASONS["inquiry"] if inquiry else _NETWORK_REASONS.get(reason, "13.7")
        details = {"brand": card["brand"], "case_type": case, "network": card["brand"], "network_reason_code": code}
        body["payment_method_details"] = {"card": details, "type": "card"}
        body["status"] = "warning_needs_response" if inquiry else "prevented" if prevented else "needs_response"
    else:
        body["status"] = "lost"  # disputes of bank debits are final
    withdrawn = body["status"] in ("needs_response", "lost")
    dispute = Stored(body, parent=charge.id, intent=paid["payment_intent"])
    if withdrawn:
        _withdraw(box, body)
    if body["status"] in _UNDER_REVIEW:
        _set_due(box, dispute)
    box.storage.add(dispute)
    if inquiry:
        box.storage.add_timer("inquiry_over", now() + _INQUIRY_SECONDS, {"dispute": dispute.id})
    before = {"disputed": paid["disputed"]}
    paid["disputed"] = True
    box.storage.save(charge)
    emit(box, "charge.dispute.created", body)
    if withdrawn:
        emit(box, "charge.dispute.funds_withdrawn", body)
    if body["status"] in ("lost", "prevented"):
        emit(box, "charge.dispute.closed", body)
    if not before["disputed"]:
        emit(box, "charge.updated", paid, before)
    return dispute


def _set_due(box: Box, dispute: Stored) -> None:
    """Set the deadline to the end of a day next week, and a timer for it."""
    due = int((today().replace(hour=23, minute=59, second=59, microsecond=0) + _DUE).timestamp())
    dispute.body["evidence_details"] |= {"due_by": due, "past_due": False}
    box.storage.add_timer("dispute_due", due + 1.0, {"dispute": dispute.id, "due_by": due})


def _withdraw(box: Box, body: Body) -> None:
    _, settled, _ = fees.read_settlement(box).convert(0, body["currency"])
    fee = fees.dispute_fee(settled)
    _book(box, body, -body["amount"], fee, f"Chargeback withdrawal for {body['charge']}", "dispute")


def _book(box: Box, body: Body, amount: int, fee: int, description: str, category: str) -> None:
    booked = balance.book(
        box,
        "adjustment",
        amount,
        body["currency"],
        body["id"],
        fee=fee,
        description=description,
        category=category,
    )
    body["balance_transactions"].append(booked)


def _is_inquiry(body: Body) -> bool:
    details = body.get("payment_method_details")
    return details is not None and details["card"]["case_type"] == "inquiry"
