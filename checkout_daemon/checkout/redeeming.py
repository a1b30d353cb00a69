"""Decides whether an unpaid order may have another session with its discount code, which has a limit."""

from __future__ import annotations

import asyncpg

from checkout_daemon.catalog.discount_store import redemptions_of_others
from checkout_daemon.catalog.pricing import Discount
from checkout_daemon.errors import DiscountUsedUp
from checkout_daemon.ledger.order_states import LockedOrder


async def require_redemption(connection: asyncpg.Connection, order: LockedOrder, discount: Discount) -> None:
    """Raise DiscountUsedUp if the order holds no redemption and others hold all of them. The discount must be locked.

    An order that holds one keeps it, also if the limit was lowered since.
    """
    others, held = await redemptions_of_others(connection, discount.code, order.id, livemode=order.livemode)
    if not held and discount.redemption_limit is not None and others >= discount.redemption_limit:
        raise DiscountUsedUp(
            f"order {order.number} was not paid in time, and others have used up its discount code {discount.code} "
            "since: place a new order without it"
        )
