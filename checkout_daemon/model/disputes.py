"""A dispute as operators list it, and what was done about it at the desk."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ListedDispute:
    """A dispute with its order, which is None if none is known. Amount in minor units.

    `due_by` is when evidence must be there. `withdrawn_at` and `reinstated_at` are when Stripe last took the money and
    last gave it back. `unknown_words` has a status that this version does not know, in Stripe's words.
    `network_reason` is the card network's own code of the reason. It and the state of the evidence are None if they
    were not reported.
    """

    id: str
    livemode: bool
    order_id: str | None
    number: int | None
    payment_id: str
    status: str
    unknown_words: str | None
    reason: str | None
    amount: int | None
    currency: str | None
    due_by: datetime | None
    created_at: datetime
    withdrawn_at: datetime | None
    reinstated_at: datetime | None
    network_reason: str | None = None
    has_evidence: bool | None = None
    submission_count: int | None = None
    past_due: bool | None = None

    @property
    def money_is_gone(self) -> bool:
        """Return whether Stripe has taken the money and not given it back since."""
        return self.withdrawn_at is not None and (self.reinstated_at is None or self.reinstated_at < self.withdrawn_at)

    @property
    def waits(self) -> bool:
        """Return whether it waits for an answer of ours."""
        return self.status.endswith("needs_response")


@dataclass(frozen=True, slots=True)
class DeskState:
    """Whose draft there is of a dispute's evidence, and what was last asked of Stripe about it; None: nothing.

    Without `answered_at` the answer never came; `error` is Stripe's refusal.
    """

    saved_by: str | None
    saved_at: datetime | None
    act: str | None
    operator: str | None
    started_at: datetime | None
    answered_at: datetime | None
    error: str | None
