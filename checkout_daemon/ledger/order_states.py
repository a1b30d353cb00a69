"""The stored state of orders: locks it, and writes it with the change log and the messages owed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

import asyncpg

from checkout_daemon.database.queries import sql
from checkout_daemon.database.records import columns
from checkout_daemon.errors import CheckoutError
from checkout_daemon.ledger.derive import Derived, Message
from checkout_daemon.model.messages import MessageKind

CHANNEL = "checkout_changes"
"""NOTIFY carries no payload, only that there is something to fetch: payloads serialise commits and can be lost."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change as this daemon saw it."""

    order_id: str
    from_status: str
    to_status: str
    cause: str
    actor: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class State:
    """The part of an order's derived state that its row holds."""

    status: str
    attention: tuple[str, ...]
    amount_refunded: int
    paid_at: datetime | None

    @classmethod
    def of(cls, derived: Derived) -> State:
        """Return the part of a derived state that is stored."""
        return cls(derived.status.value, tuple(derived.attention_codes), derived.amount_refunded, derived.paid_at)

    @property
    def visible(self) -> tuple[str, tuple[str, ...], int]:
        """Return the part that makes a line in the change log when it differs."""
        return (self.status, self.attention, self.amount_refunded)


@dataclass(frozen=True, slots=True)
class LockedOrder:
    """An order whose row is locked until the transaction ends. Amount in minor units."""

    id: str
    number: int
    amount_total: int
    currency: str
    livemode: bool
    state: State


@dataclass(slots=True)
class Effects:
    """What a transaction does to orders: their new states, the changes in sequence and the messages owed."""

    states: dict[str, State] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    messages: set[tuple[str, Message]] = field(default_factory=set)


async def lock_orders(connection: asyncpg.Connection, order_ids: Collection[str]) -> list[LockedOrder]:
    """Lock the orders that exist, in the order of their ids, and return them."""
    return [
        LockedOrder(
            id=str(row["id"]),
            number=row["number"],
            amount_total=row["amount_total"],
            currency=row["currency"],
            livemode=row["livemode"],
            state=State(row["status"], tuple(row["attention"]), row["amount_refunded"], row["paid_at"]),
        )
        for row in await connection.fetch(sql("lock_orders"), list(order_ids))
    ]


def check_mode(order: LockedOrder, refusal: type[CheckoutError], *, livemode: bool) -> None:
    """Raise `refusal` if the order was created with a key of the other mode: ours cannot see its objects."""
    if order.livemode != livemode:
        raise refusal(f"order {order.number} was created with a key of the other mode (livemode={order.livemode})")


async def record(connection: asyncpg.Connection, effects: Effects) -> None:
    """Write the effects and notify, in one round trip. The rows of the orders must be locked."""
    states = dict(sorted(effects.states.items()))
    messages = [
        (order_id, message, channel)
        for order_id, message in sorted(effects.messages)
        for channel in MessageKind(message.kind).channels
    ]
    await connection.execute(
        sql("record_changes"),
        list(states),
        [state.status for state in states.values()],
        [",".join(state.attention) for state in states.values()],
        *columns(states.values(), "amount_refunded", "paid_at"),
        *columns(effects.changes, "order_id", "from_status", "to_status", "cause", "actor", "note"),
        [order_id for order_id, _, _ in messages],
        *columns([message for _, message, _ in messages], "kind", "subject_id"),
        [channel.value for _, _, channel in messages],
        CHANNEL,
    )
