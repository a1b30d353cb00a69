"""What needs a person: one record for commands, the printed page and the terminal."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

OF_NO_ORDER = ("event_dead", "message_dead", "order_missing", "stock_short", "proposal_open")
"""The kinds of items that have an owner and a snooze of their own: no order here has them, or others decide them."""


@dataclass(frozen=True, slots=True)
class TodoItem:
    """One thing to do; names are JSON keys.

    `kind`: an attention code, event_dead, message_dead, order_stuck, order_drifted,
    order_unshipped, order_missing, stock_short or proposal_open. `subject`: the
    object that it is about, of several their error's fingerprint; `count`: how many. `next`: what happens without a
    person. `page`: where it is fixed at Stripe. `customer` is not masked. `note` is the last one of an operator about
    the order or item. The charge is that of the payment that it is about, or else the one that paid the order, or its
    last attempt.
    """

    kind: str
    subject: str
    description: str
    next: str
    since: datetime
    command: str | None = None
    page: str | None = None
    due_by: datetime | None = None
    amount: int | None = None
    currency: str | None = None
    order_id: str | None = None
    number: int | None = None
    customer: str | None = None
    owner: str | None = None
    note: str | None = None
    note_by: str | None = None
    note_at: datetime | None = None
    snoozed_until: datetime | None = None
    count: int = 1
    payment_method: str | None = None
    card_brand: str | None = None
    last4: str | None = None
    decline_code: str | None = None
    decline_message: str | None = None

    @property
    def key(self) -> str:
        """Return what identifies the item: it is the same as long as its problem lasts."""
        return f"{self.kind}:{self.subject}"


@dataclass(frozen=True, slots=True)
class Todo:
    """The items by deadline, then by money. `snoozed` are left out until their time.

    `left_out`: how many more there are that are not listed, by the kind of item; `attention` for all attention codes.
    """

    at: datetime
    items: tuple[TodoItem, ...]
    snoozed: tuple[TodoItem, ...]
    left_out: Counter[str]

    @property
    def cut(self) -> int:
        """Return how many more there are of all kinds that are not listed."""
        return self.left_out.total()
