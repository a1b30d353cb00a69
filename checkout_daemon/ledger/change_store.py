"""Writes the derived state of orders, the log of its changes and the messages owed, and notifies listeners."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import asyncpg

from checkout_daemon.database.queries import sql
from checkout_daemon.ledger.derive import Derived, Message
from checkout_daemon.model.messages import CHANNELS, MessageKind

CHANNEL = "checkout_changes"
"""NOTIFY carries no payload, only that there is something to fetch: payloads serialise commits and can be lost."""


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
    """The part of what was derived that an order's row holds."""

    status: str
    attention: tuple[str, ...]
    amount_refunded: int
    paid_at: datetime | None

    @classmethod
    def of(cls, derived: Derived) -> State:
        return cls(derived.status.value, tuple(derived.attention_codes), derived.amount_refunded, derived.paid_at)

    @property
    def visible(self) -> tuple[str, tuple[str, ...], int]:
        """Return the part that makes a line in the change log when it differs."""
        return (self.status, self.attention, self.amount_refunded)


@dataclass(slots=True)
class Effects:
    """What a transaction does to orders: their new states, the changes in sequence and the messages owed."""

    states: dict[str, State] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    messages: set[tuple[str, Message]] = field(default_factory=set)


async def record(connection: asyncpg.Connection, effects: Effects) -> None:
    """Write the effects and notify, in one round trip. The rows of the orders must be locked."""
    orders = sorted(effects.states)
    messages = [
        (order_id, message, channel)
        for order_id, message in sorted(effects.messages)
        for channel in CHANNELS[MessageKind(message.kind)]
    ]
    await connection.execute(
        sql("record_changes"),
        orders,
        [effects.states[order_id].status for order_id in orders],
        [",".join(effects.states[order_id].attention) for order_id in orders],
        [effects.states[order_id].amount_refunded for order_id in orders],
        [effects.states[order_id].paid_at for order_id in orders],
        [change.order_id for change in effects.changes],
        [change.from_status for change in effects.changes],
        [change.to_status for change in effects.changes],
        [change.cause for change in effects.changes],
        [change.actor for change in effects.changes],
        [change.note for change in effects.changes],
        [order_id for order_id, _, _ in messages],
        [message.kind for _, message, _ in messages],
        [message.subject_id for _, message, _ in messages],
        [channel.value for _, _, channel in messages],
        CHANNEL,
    )
