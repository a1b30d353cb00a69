"""The derived state of orders, the log of its changes, what is owed for them, and the word that goes round."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import asyncpg

from checkout_daemon.domain.derive import Derived, Message
from checkout_daemon.domain.outbox import CHANNELS, MessageKind
from checkout_daemon.store.queries import sql

CHANNEL = "checkout_changes"
"""NOTIFY says only that there is something to fetch: payloads serialise commits and can be lost."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change as this daemon saw it; `from_status` is None for a new order."""

    order_id: str
    from_status: str | None
    to_status: str
    cause: str
    actor: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class State:
    """What an order's row keeps of what was derived."""

    status: str
    attention: tuple[str, ...]
    amount_refunded: int
    paid_at: datetime | None

    @classmethod
    def of(cls, derived: Derived) -> State:
        return cls(derived.status.value, tuple(derived.attention_codes), derived.amount_refunded, derived.paid_at)

    @property
    def visible(self) -> tuple[str, tuple[str, ...], int]:
        """What makes a line in the change log when it differs."""
        return (self.status, self.attention, self.amount_refunded)


@dataclass(slots=True)
class Outcome:
    """What a transaction does to orders: their new state, the changes in order, the messages owed."""

    states: dict[str, State] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    messages: set[tuple[str, Message]] = field(default_factory=set)


async def record(connection: asyncpg.Connection, outcome: Outcome) -> None:
    """Write it and notify, in one round trip. The orders' rows must be locked."""
    orders = sorted(outcome.states)
    messages = [
        (order_id, message, channel)
        for order_id, message in sorted(outcome.messages)
        for channel in CHANNELS[MessageKind(message.kind)]
    ]
    await connection.execute(
        sql("record_changes"),
        orders,
        [outcome.states[each].status for each in orders],
        [",".join(outcome.states[each].attention) for each in orders],
        [outcome.states[each].amount_refunded for each in orders],
        [outcome.states[each].paid_at for each in orders],
        [change.order_id for change in outcome.changes],
        [change.from_status for change in outcome.changes],
        [change.to_status for change in outcome.changes],
        [change.cause for change in outcome.changes],
        [change.actor for change in outcome.changes],
        [change.note for change in outcome.changes],
        [order_id for order_id, _, _ in messages],
        [message.kind for _, message, _ in messages],
        [message.subject_id for _, message, _ in messages],
        [channel.value for _, _, channel in messages],
        CHANNEL,
    )
