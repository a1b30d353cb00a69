"""The life of a dispute: opened by the bank, answered with evidence, won or lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from checkout_daemon.sandbox import ledger
from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.errors import invalid
from checkout_daemon.sandbox.events import emit
from checkout_daemon.sandbox.params import Params
from checkout_daemon.sandbox.shapes import new_object
from checkout_daemon.sandbox.storage import Body, Record

EVIDENCE = (
    "access_activity_log",
    "billing_address",
    "cancellation_policy",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_communication",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "customer_signature",
    "duplicate_charge_documentation",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "receipt",
    "refund_policy",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "service_documentation",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_documentation",
    "shipping_tracking_number",
    "uncategorized_file",
    "uncategorized_text",
)
_ANSWERABLE = ("needs_response", "warning_needs_response", "under_review", "warning_under_review")
_NETWORK_REASONS = {"fraudulent": "10.4", "product_not_received": "13.1"}
_WINNING = "winning_evidence"
_LOSING = "losing_evidence"
_DUE = timedelta(days=10)


def open_dispute(box: Box, charge: Record, kind: str) -> None:
    """The cardholder disputes a charge; `inquiry` only asks about it."""
    paid = charge.body
    if paid["disputed"]:
        return
    inquiry = kind == "inquiry"
    reason = "fraudulent" if inquiry else kind
    due = datetime.now(UTC).replace(hour=23, minute=59, second=59) + _DUE
    brand = paid["payment_method_details"]["card"]["brand"]
    body = new_object(
        "du_1",
        "dispute",
        amount=paid["amount"] - paid["amount_refunded"] if inquiry else paid["amount"],
        balance_transactions=[],
        charge=charge.id,
        currency=paid["currency"],
        enhanced_eligibility_types=[],
        evidence={**dict.fromkeys(EVIDENCE), "enhanced_evidence": {}},
        evidence_details={
            "due_by": int(due.timestamp()),
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        is_charge_refundable=inquiry,
        metadata={},
        payment_intent=paid["payment_intent"],
        payment_method_details={
            "card": {
                "brand": brand,
                "case_type": "inquiry" if inquiry else "chargeback",
                "network": brand,
                "network_reason_code": _NETWORK_REASONS[reason],
            },
            "type": "card",
        },
        reason=reason,
        status="warning_needs_response" if inquiry else "needs_response",
    )
    if not inquiry:
        _book(box, body, -body["amount"], ledger.DISPUTE_FEE)
    box.storage.add(Record(body, parent=charge.id, intent=paid["payment_intent"]))
    paid["disputed"] = True
    box.storage.save(charge)
    emit(box, "charge.dispute.created", body)
    if not inquiry:
        emit(box, "charge.dispute.funds_withdrawn", body)


def answer_dispute(box: Box, dispute: Record, evidence: Params, *, submit: bool) -> None:
    """Add evidence, and hand it in unless it is only a draft."""
    body = dispute.body
    if evidence and body["status"] not in _ANSWERABLE[:2]:
        raise invalid("This dispute no longer takes evidence.", param="evidence")
    before = {"status": body["status"]}
    body["evidence"] |= {name: value for name, value in evidence.items() if name in EVIDENCE}
    details = body["evidence_details"]
    details["has_evidence"] = any(body["evidence"][name] for name in EVIDENCE)
    handed_in = submit and bool(evidence)
    if handed_in:
        details["submission_count"] += 1
        details["submission_method"] = "manual"
        body["status"] = "warning_under_review" if _is_inquiry(body) else "under_review"
    box.storage.save(dispute)
    emit(box, "charge.dispute.updated", body, before if handed_in else {})
    text = body["evidence"]["uncategorized_text"]
    if handed_in and text in (_WINNING, _LOSING):
        _end(box, dispute, "won" if text == _WINNING else "lost")


def close_dispute(box: Box, dispute: Record) -> None:
    """Accept the dispute: the money is gone."""
    if dispute.body["status"] not in _ANSWERABLE:
        raise invalid("This dispute is already closed.", param="dispute")
    _end(box, dispute, "lost")


def _end(box: Box, dispute: Record, status: str) -> None:
    body = dispute.body
    won = status == "won" and not _is_inquiry(body)
    body["status"] = "warning_closed" if _is_inquiry(body) else status
    if won:
        _book(box, body, body["amount"], -ledger.DISPUTE_FEE)
    box.storage.save(dispute)
    emit(box, "charge.dispute.closed", body)
    if won:
        emit(box, "charge.dispute.funds_reinstated", body)


def _book(box: Box, body: Body, amount: int, fee: int) -> None:
    body["balance_transactions"].append(ledger.book(box, "adjustment", amount, body["currency"], body["id"], fee=fee))


def _is_inquiry(body: Body) -> bool:
    return bool(body["payment_method_details"]["card"]["case_type"] == "inquiry")
