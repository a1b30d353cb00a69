"""The tone of every status: whether it is good news, will change, or needs a person.

Commands map a tone to a style of Rich, the terminal UI to a colour of its theme. A status is always shown in words too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Literal

from checkout_daemon.model.orders import OrderStatus
from checkout_daemon.present.text import words


class Tone(StrEnum):
    """How a status is meant, so that every interface can draw it in colours of its own."""

    GOOD = "good"
    BUSY = "busy"
    WAITING = "waiting"
    RETURNED = "returned"
    BAD = "bad"
    ALARM = "alarm"
    MUTED = "muted"
    NEUTRAL = "neutral"


Subject = Literal[
    "order", "session", "payment_status", "charge", "refund", "dispute", "event", "message", "batch", "proposal"
]

TONES: Mapping[Subject, Mapping[str, Tone]] = {
    "order": {
        OrderStatus.PENDING: Tone.WAITING,
        OrderStatus.PROCESSING: Tone.BUSY,
        OrderStatus.COMPLETED: Tone.GOOD,
        OrderStatus.PARTIALLY_REFUNDED: Tone.RETURNED,
        OrderStatus.REFUNDED: Tone.RETURNED,
        OrderStatus.DISPUTED: Tone.ALARM,
        OrderStatus.FAILED: Tone.BAD,
        OrderStatus.EXPIRED: Tone.MUTED,
        OrderStatus.CANCELED: Tone.MUTED,
    },
    "session": {"open": Tone.WAITING, "complete": Tone.GOOD, "expired": Tone.MUTED},
    "payment_status": {
        "unpaid": Tone.WAITING,
        "paid": Tone.GOOD,
        "no_payment_required": Tone.GOOD,
        "failed": Tone.BAD,
    },
    "charge": {"pending": Tone.BUSY, "succeeded": Tone.GOOD, "failed": Tone.BAD},
    "refund": {
        "requires_action": Tone.WAITING,
        "pending": Tone.BUSY,
        "succeeded": Tone.GOOD,
        "canceled": Tone.MUTED,
        "failed": Tone.BAD,
    },
    "dispute": {
        "warning_needs_response": Tone.ALARM,
        "warning_under_review": Tone.BUSY,
        "warning_closed": Tone.MUTED,
        "needs_response": Tone.ALARM,
        "response_disabled": Tone.BUSY,
        "under_review": Tone.BUSY,
        "appeal_needs_response": Tone.ALARM,
        "appeal_under_review": Tone.BUSY,
        "won": Tone.GOOD,
        "lost": Tone.BAD,
        "charge_refunded": Tone.GOOD,
        "prevented": Tone.GOOD,
    },
    "event": {
        "applied": Tone.GOOD,
        "ignored": Tone.MUTED,
        "duplicate": Tone.BUSY,
        "failed": Tone.WAITING,
        "dead": Tone.ALARM,
        "dismissed": Tone.MUTED,
    },
    "message": {
        "sent": Tone.GOOD,
        "queued": Tone.BUSY,
        "skipped": Tone.MUTED,
        "failed": Tone.WAITING,
        "dead": Tone.ALARM,
        "dismissed": Tone.MUTED,
    },
    "proposal": {
        "open": Tone.WAITING,
        "expired": Tone.MUTED,
        "rejected": Tone.MUTED,
        "approved": Tone.BUSY,
        "done": Tone.GOOD,
        "failed": Tone.ALARM,
    },
    "batch": {"running": Tone.BUSY, "stopped": Tone.ALARM, "finished": Tone.GOOD},
}
"""Every order status has a tone. Statuses that Stripe adds later are neutral, and shown in Stripe's words."""


def tone(subject: Subject, status: str) -> Tone:
    """Return the tone of a status; NEUTRAL for one that the table does not have."""
    return TONES[subject].get(status, Tone.NEUTRAL)


def transition(before: str | None, after: str) -> str:
    """Return `pending → completed`, or `new → pending` for an order's first status."""
    return f"{'new' if before is None else words(before)} → {words(after)}"


def attention_words(codes: Iterable[str]) -> str:
    """Return the reasons why an order needs attention, separated by commas."""
    return ", ".join(map(words, codes))
