"""A proposal, as it is stored and listed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ProposalAct(StrEnum):
    """What is proposed. A batch is one of refunds."""

    REFUND = "refund"
    CANCEL = "cancel"
    BATCH = "batch"


class ProposalStatus(StrEnum):
    """Where a proposal stands. Only an open one can be decided; an approved one is being carried out."""

    OPEN = "open"
    EXPIRED = "expired"
    REJECTED = "rejected"
    APPROVED = "approved"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ProposedItem:
    """Units of an item that a refund would give back. Amount in minor units."""

    sku: str
    quantity: int
    amount: int


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposal about an order, or about a batch of refunds. Amount in minor units; of a batch it is the sum.

    `id` is that of the refund request that it leads to. `outcome`: the refund, or why it failed. `state` is that of the
    order when it was proposed, and `is_changed` whether it is another one now. `restock`: what is refunded goes back
    into stock.
    """

    number: int
    id: str
    act: str
    order_id: str | None
    order_number: int | None
    batch: int | None
    payment_id: str | None
    amount: int | None
    currency: str | None
    items: tuple[ProposedItem, ...]
    reason: str | None
    restock: bool
    note: str
    state: str
    is_changed: bool
    proposed_by: str
    host: str
    proposed_at: datetime
    expires_at: datetime
    status: str
    decided_by: str | None
    decided_at: datetime | None
    outcome: str | None

    @property
    def subject(self) -> str:
        """Return what it is about, such as `order 1001` or `batch 7`."""
        return f"batch {self.batch}" if self.order_number is None else f"order {self.order_number}"
