"""Stripe's events as lists show them, and what failed by its error."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

UNHAPPY = ("failed", "dead")
DISMISSED = "dismissed"
"""The status of a dead event or message that an operator wants no alarm about."""


@dataclass(frozen=True, slots=True)
class EventLine:
    """An event without its payload. Names are JSON keys. Only failed and dead events have an error fingerprint.

    `number` is that of its order, or of the one that its payload names if it was not applied.
    """

    id: str
    type: str
    status: str
    reason: str | None
    order_id: str | None
    api_version: str | None
    livemode: bool | None
    created_at: datetime | None
    received_at: datetime
    applied_at: datetime | None
    attempts: int
    next_attempt_at: datetime | None
    last_error: str | None
    fingerprint: str | None = None
    number: int | None = None


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """Failed and dead events, or messages of a channel, with the same error.

    `name`: the error's fingerprint, or the channel. `number`: of the order, if all are about one that is known.
    """

    name: str
    error: str
    kinds: tuple[str, ...]
    count: int
    dead: int
    first_at: datetime
    last_at: datetime
    example_id: str
    number: int | None
    channel: str | None

    @property
    def key(self) -> str:
        """Return what identifies the group."""
        return f"{self.name} {self.error}" if self.channel else self.name
