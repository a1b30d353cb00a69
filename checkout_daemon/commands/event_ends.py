"""What became of an event, as JSON and as a line for people."""

from __future__ import annotations

from typing import Any

from checkout_daemon.commands.styles import styled
from checkout_daemon.present.text import plain
from checkout_daemon.services.event_ends import outcome_words
from checkout_daemon.store.event_reads import EventOutcome


def end_object(end: EventOutcome) -> dict[str, Any]:
    """`reason` says why it is ignored or what failed."""
    return {
        "id": end.id,
        "type": end.type,
        "status": end.status,
        "reason": end.last_error if end.status in ("failed", "dead") else end.reason,
        "order_id": end.order_id,
        "number": end.number,
        "from": end.from_status,
        "to": end.to_status,
    }


def end_line(end: EventOutcome) -> str:
    """`charge.refunded evt_1 applied to #1042: completed -> refunded`."""
    return f"{plain(end.type)} {end.id} {styled('event', end.status, plain(outcome_words(end)))}"
