"""The rows of orders, locked for the rest of a transaction."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import asyncpg

from checkout_daemon.database.queries import sql
from checkout_daemon.errors import CheckoutError
from checkout_daemon.ledger.change_store import State


@dataclass(frozen=True, slots=True)
class LockedOrder:
    """An order whose row is locked until the transaction ends. Amount in minor units."""

    id: str
    number: int
    amount_total: int
    currency: str
    livemode: bool
    state: State


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
