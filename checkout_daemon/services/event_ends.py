"""What became of an event, in words."""

from __future__ import annotations

from collections.abc import Mapping

from checkout_daemon.store.event_reads import EventOutcome

WHY_IGNORED: Mapping[str, str] = {
    "no_order": "no order is known to belong to the objects it names; if one is found later, the event counts for it",
    "not_an_event": "Stripe signed it, but it is not an event; there is nothing to do",
    "other_account": "it names a Stripe account that is not the one of STRIPE_API_KEY: its money is not this shop's",
    "thin_event": "it holds no object, only a reference; no order depends on it, so there is nothing to do",
    "unhandled_type": "no order depends on events of this type; the endpoint need not send them",
}
"""What each reason means to an operator, and whether there is anything to do."""


def outcome_words(end: EventOutcome) -> str:
    """`applied to #1042: pending -> completed`, `ignored: no order`, `failed: …`. An error is as it was kept."""
    if end.status == "applied":
        before, after = _words(end.from_status), _words(end.to_status)
        return f"applied to #{end.number}: {f'still {after}' if before == after else f'{before} -> {after}'}"
    if end.status == "duplicate":
        order = f" for #{end.number}" if end.number else ""
        return f"duplicate: delivered before, {_words(end.reason)}{order}; nothing changes"
    return f"{end.status}: {end.last_error or _words(end.reason)}"


def _words(code: str | None) -> str:
    return (code or "unknown").replace("_", " ")
