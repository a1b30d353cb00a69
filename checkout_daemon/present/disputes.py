"""Disputes in words: the state of their evidence."""

from __future__ import annotations

from checkout_daemon.model.disputes import ListedDispute
from checkout_daemon.present.text import counted


def evidence_state(dispute: ListedDispute) -> str:
    """Return what is known of the evidence at Stripe, or "" if nothing was reported."""
    if dispute.submission_count:
        return f"submitted {counted(dispute.submission_count, 'time')}"
    if dispute.past_due:
        return "too late: the deadline is over"
    if dispute.has_evidence is None:
        return ""
    return "not submitted yet" if dispute.has_evidence else "none"
