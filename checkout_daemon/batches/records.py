"""A batch and its items, as they are planned, stored and listed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import msgspec

from checkout_daemon.audit.operators import Operator


class BatchAct(StrEnum):
    """What a batch does with each of its items."""

    REFUND = "refund"
    RESEND = "resend"
    EXPIRE = "expire"
    CANCEL = "cancel"
    SYNC = "sync"
    ACK = "ack"
    NOTE = "note"
    REPLAY_EVENTS = "replay_events"
    REPLAY_MESSAGES = "replay_messages"

    @property
    def is_of_money(self) -> bool:
        """Whether the act gives money back, or decides whether it can be paid."""
        return self in (BatchAct.REFUND, BatchAct.RESEND, BatchAct.EXPIRE, BatchAct.CANCEL)


class BatchStatus(StrEnum):
    """Whether a batch goes on. A running one without a runner is continued by a daemon."""

    RUNNING = "running"
    STOPPED = "stopped"
    FINISHED = "finished"


class ItemStatus(StrEnum):
    """The state of an item. It is skipped if the state of its order refuses the act."""

    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


UNAPPROVED: Mapping[str, str] = {
    "open": "waits for the approval of another operator",
    "expired": "was not approved before its proposal expired",
    "rejected": "was rejected",
}
"""Why a batch that no operator may do alone is stopped, by the status of its proposal. An approved one is not."""


class BatchOptions(msgspec.Struct, frozen=True, omit_defaults=True):
    """The parameters of an act, the same for every item. Amount in minor units.

    `reason` is that of a refund, or the attention that is acknowledged. `rate`: at most so many items a second.
    `restock`: whether pieces go back into stock; by default those of canceled orders do, and refunded ones do not.
    `statuses`: only messages that still have one of these are sent again; empty: whatever they have.
    """

    amount: int | None = None
    reason: str | None = None
    mail: bool = True
    rate: float | None = None
    restock: bool | None = None
    statuses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlannedItem:
    """An item before the batch starts. `refusal`: why it is skipped. `object_id`: the payment or session that is meant.

    `subject` is an order's number, or the id of an event or a message. Amount in minor units.
    """

    subject: str
    order_id: str | None = None
    object_id: str | None = None
    amount: int | None = None
    currency: str | None = None
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class BatchItem:
    """An item of a batch. Its `id` is that of the refund request. Amount in minor units.

    `kind` names a failure without ids and amounts, so that the same failure of two items reads the same. `attempts`
    counts how often the item was begun.
    """

    batch: int
    position: int
    id: str
    subject: str
    order_id: str | None
    object_id: str | None
    amount: int | None
    currency: str | None
    status: str
    kind: str | None
    outcome: str | None
    attempts: int
    begun_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch with the counts of its items. `why`: why it stopped. `held`: whether a process runs it now.

    `livemode` is None if its act does not ask Stripe. `proposal` and `approval` are the number and the status of its
    proposal, if no operator may do it alone.
    """

    number: int
    act: BatchAct
    options: BatchOptions
    note: str
    operator: Operator
    livemode: bool | None
    status: str
    why: str | None
    total: int
    done: int
    failed: int
    skipped: int
    created_at: datetime
    ended_at: datetime | None
    runner: str | None
    held: bool
    proposal: int | None = None
    approval: str | None = None

    @property
    def is_unapproved(self) -> bool:
        """Return whether it cannot run: its proposal is open, has expired or was rejected."""
        return self.approval in UNAPPROVED

    @property
    def waiting(self) -> int:
        """Return how many items are left."""
        return self.total - self.done - self.failed - self.skipped

    @property
    def counts(self) -> str:
        """Return the counts of the items, such as `498 done, 1 failed, 1 skipped, 0 left`."""
        return f"{self.done:,} done, {self.failed:,} failed, {self.skipped:,} skipped, {self.waiting:,} left"
