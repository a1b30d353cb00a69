"""Disputes in words: the state of their evidence, and of our answer."""

from __future__ import annotations

from checkout_daemon.model.disputes import DeskState, ListedDispute
from checkout_daemon.present.text import counted, plain
from checkout_daemon.present.times import local_time

_ACTS = {"stage": "store the evidence", "submit": "submit the evidence", "accept": "accept the dispute"}


def evidence_state(dispute: ListedDispute) -> str:
    """Return what is known of the evidence at Stripe, or "" if nothing was reported."""
    if dispute.submission_count:
        times = "" if dispute.submission_count == 1 else f" {counted(dispute.submission_count, 'time')}"
        return f"submitted{times}"
    if dispute.past_due:
        return "too late: the deadline is over"
    if dispute.has_evidence is None:
        return ""
    return "not submitted yet" if dispute.has_evidence else "none"


def draft_state(desk: DeskState, time_zone: str) -> str:
    """Return whose draft there is, or ""."""
    if desk.saved_by is None or desk.saved_at is None:
        return ""
    return f"by {plain(desk.saved_by)}, {local_time(desk.saved_at, time_zone)}"


def answer_state(desk: DeskState, time_zone: str) -> str:
    """Return what was last asked of Stripe about it, and what came of it, or ""."""
    if desk.act is None or desk.started_at is None:
        return ""
    asked = f"{plain(desk.operator or '')} asked to {_ACTS[desk.act]}, {local_time(desk.started_at, time_zone)}"
    if desk.error is not None:
        return f"{asked}: refused, {plain(desk.error)}"
    return f"{asked}: done" if desk.answered_at is not None else f"{asked}: no answer from Stripe yet"
