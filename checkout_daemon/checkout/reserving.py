"""Reserves the counted products of an order for as long as a session attempt can be paid."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

import asyncpg
import msgspec

from checkout_daemon.catalog.cart import Cart
from checkout_daemon.catalog.pricing import PricedLine
from checkout_daemon.catalog.stock_levels import out_of_stock
from checkout_daemon.database.queries import sql
from checkout_daemon.errors import FieldError, OutOfStock
from checkout_daemon.ledger.reservations import LatePayment
from checkout_daemon.orders.order_store import read_items
from checkout_daemon.settings import Settings

GRACE = timedelta(minutes=15)
"""How much longer than its session a reservation lasts: the event of its end, or of a payment, may come late."""
STRIPE_MINUTES = 1440
"""How long Stripe keeps a session open unless it is asked for less."""


def reservation_terms(settings: Settings, minutes: int | None) -> dict[str, object]:
    """Return what an attempt's frozen parameters say about its reservation: nothing if that is the usual.

    `minutes` is how long the session lasts; place_order in sql/schema.sql has what is usual.
    """
    late = LatePayment(settings.late_payment)
    if minutes is None and late is LatePayment.REINSTATE:
        return {}
    return {"stock": {"seconds": int(lifetime(minutes).total_seconds()), "late": late.value}}


def lifetime(minutes: int | None) -> timedelta:
    """Return how long the reservation for a session lasts that is open for so many minutes."""
    return timedelta(minutes=minutes or STRIPE_MINUTES) + GRACE


async def renew(
    connection: asyncpg.Connection, order_id: str, attempt: int, lasts: timedelta, late: LatePayment
) -> None:
    """Reserve the order's counted products for an attempt, again or for longer. The order must be locked.

    Raise OutOfStock, and change nothing, if pieces that were released have been sold to others.
    """
    short = await connection.fetchval(sql("renew_stock"), order_id, attempt, lasts, late.value)
    if short is not None:
        lines = await read_items(connection, order_id)
        raise shortage(lines, dict(msgspec.json.decode(short, type=list[tuple[str, int]])))


def shortage(lines: Sequence[PricedLine], free: Mapping[str, int], cart: Cart | None = None) -> OutOfStock:
    """Return the refusal of lines of which there is not enough. They point into the cart if there is one."""
    return OutOfStock(list(_faults(lines, free, cart)))


def _faults(lines: Iterable[PricedLine], free: Mapping[str, int], cart: Cart | None) -> Iterable[FieldError]:
    for index, line in enumerate(lines):
        if line.sku in free:
            yield out_of_stock(cart.pointer(index) if cart else f"/items/{index}", line.name, free[line.sku])
