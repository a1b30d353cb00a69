"""The evidence that a merchant can submit against a dispute."""

from __future__ import annotations

from checkout_daemon.sandbox.errors import invalid
from checkout_daemon.sandbox.parameters.specs import Params
from checkout_daemon.sandbox.storage import Body

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
VERDICTS = {"winning_evidence": True, "losing_evidence": False}
ESCALATING = "escalate_inquiry_evidence"
"""Values of `uncategorized_text` that decide a test dispute: https://docs.stripe.com/testing#disputes"""

_MOST_CHARACTERS = 150_000


def no_evidence() -> Body:
    """Return a dispute's `evidence` without any."""
    return {**dict.fromkeys(EVIDENCE), "appeal": None, "enhanced_evidence": {}}


def no_details() -> Body:
    """Return a dispute's `evidence_details` at its start."""
    return {
        "due_by": None,
        "enhanced_eligibility": {},
        "has_evidence": False,
        "past_due": False,
        "submission_count": 0,
        "submission_method": "not_submitted",
    }


def has_evidence(evidence: Body) -> bool:
    """Return whether there is any evidence."""
    return any(evidence[name] for name in (*EVIDENCE, "appeal"))


def check_length(evidence: Params) -> None:
    """Raise ApiError if the evidence is longer than Stripe forwards."""
    if sum(len(value) for value in evidence.values() if isinstance(value, str)) > _MOST_CHARACTERS:
        message = f"The combined character count of your dispute evidence must be at most {_MOST_CHARACTERS}."
        raise invalid(message, param="evidence")
