"""The evidence that a merchant can submit against a dispute."""

from __future__ import annotations

from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.errors import invalid
from checkout_daemon.sandbox.parameters.specs import Params
from checkout_daemon.sandbox.parameters.stripe_types import expandable, names_inside
from checkout_daemon.sandbox.storage import Body

_STRUCTURED = ("appeal", "enhanced_evidence")
EVIDENCE = tuple(name for name in names_inside("POST /v1/disputes/{id}", "evidence") if name not in _STRUCTURED)
"""The texts and files of a dispute's evidence."""

FILES = tuple(
    place.removeprefix("evidence.")
    for place, kind in expandable("dispute").items()
    if place.startswith("evidence.") and kind == "file" and place.count(".") == 1
)
"""Those of EVIDENCE that are files."""
EVIDENCE_PURPOSE = "dispute_evidence"
"""The purpose of the files that can be evidence."""

LONG_TEXTS = (
    *("access_activity_log", "cancellation_policy_disclosure", "cancellation_rebuttal", "duplicate_charge_explanation"),
    *("product_description", "refund_policy_disclosure", "refund_refusal_explanation", "uncategorized_text"),
)
"""Those that may be long."""

VERDICTS = {"winning_evidence": True, "losing_evidence": False}
ESCALATING = "escalate_inquiry_evidence"
"""Values of `uncategorized_text` that decide a test dispute: https://docs.stripe.com/testing#disputes"""

_MOST_CHARACTERS = 150_000


def most_characters(name: str) -> int:
    """Return how many characters Stripe takes of a piece of evidence: https://docs.stripe.com/api/disputes/update."""
    return 20_000 if name in LONG_TEXTS else 5_000


def no_evidence() -> Body:
    """Return a dispute's `evidence` without any."""
    return {**dict.fromkeys(EVIDENCE), "appeal": None, "enhanced_evidence": {}}


def has_evidence(evidence: Body) -> bool:
    """Return whether there is any evidence."""
    return any(evidence[name] for name in (*EVIDENCE, "appeal"))


def check_length(evidence: Params) -> None:
    """Raise ApiError if all texts of the evidence together are longer than Stripe forwards."""
    texts = (value for name, value in evidence.items() if name not in FILES and isinstance(value, str))
    if sum(map(len, texts)) > _MOST_CHARACTERS:
        message = f"The combined character count of your dispute evidence must be at most {_MOST_CHARACTERS}."
        raise invalid(message, param="evidence")


def check_files(box: Box, evidence: Params) -> None:
    """Raise ApiError if the evidence names a file that was not uploaded as evidence."""
    for name in FILES:
        if file_id := evidence.get(name):
            found = box.get(file_id, "file", f"evidence[{name}]")
            if found.body["purpose"] != EVIDENCE_PURPOSE:
                raise invalid(f"The file {file_id} is no evidence.", param=f"evidence[{name}]")
