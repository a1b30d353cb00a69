"""The stored state of orders, and how it changes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec

from checkout_daemon.errors import CheckoutError
from checkout_daemon.ledger.derive import Derived
from checkout_daemon.model.orders import Order, OrderTerms

CHANNEL = "checkout_changes"
"""NOTIFY carries no payload, only that there is something to fetch: payloads serialise commits and can be lost."""


class Change(msgspec.Struct, frozen=True):
    """One change as this daemon saw it."""

    order_id: str
    from_status: str
    to_status: str
    cause: str
    actor: str
    note: str = ""


class State(msgspec.Struct, frozen=True):
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
class LockedOrder(OrderTerms):
    """An order whose row is locked until the transaction ends."""

    number: int
    state: State


def check_mode(order: Order | LockedOrder, refusal: type[CheckoutError], *, livemode: bool) -> None:
    """Raise `refusal` if the order was created with a key of the other mode: ours cannot see its objects."""
    if order.livemode != livemode:
        raise refusal(f"order {order.number} was created with a key of the other mode (livemode={order.livemode})")
