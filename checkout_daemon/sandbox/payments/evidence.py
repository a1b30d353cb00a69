"""The evidence that a merchant can submit against a dispute."""

from __future__ import annotations

from checkout_daemon.sandbox.errors import invalid
from checkout_daemon.sandbox.parameters.specs import Params
from checkout_daemon.sandbox.parameters.stripe_types import names_inside
from checkout_daemon.sandbox.storage import Body

_STRUCTURED = ("appeal", "enhanced_evidence")
EVIDENCE = tuple(name for name in names_inside("POST /v1/disputes/{id}", "evidence") if name not in _STRUCTURED)
"""The texts and files of a dispute's evidence."""

VERDICTS = {"winning_evidence": True, "losing_evidence": False}
ESCALATING = "escalate_inquiry_evidence"
"""Values of `uncategorized_text` that decide a test dispute: https://docs.stripe.com/testing#disputes"""

_MOST_CHARACTERS = 150_000


def no_evidence() -> Body:
    """Return a dispute's `evidence` without any."""
    return {**dict.fromkeys(EVIDENCE), "appeal": None, "enhanced_evidence": {}}


def has_evidence(evidence: Body) -> bool:
    """Return whether there is any evidence."""
    return any(evidence[name] for name in (*EVIDENCE, "appeal"))


def check_length(evidence: Params) -> None:
    """Raise ApiError if the evidence is longer than Stripe forwards."""
    if sum(len(value) for value in evidence.values() if isinstance(value, str)) > _MOST_CHARACTERS:
        message = f"The combined character count of your dispute evidence must be at most {_MOST_CHARACTERS}."
        raise invalid(message, param="evidence")
