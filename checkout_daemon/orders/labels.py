"""The number and amount of orders that something else names by their ids."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from checkout_daemon.database.queries import sql
from checkout_daemon.database.reading import Readable
from checkout_daemon.database.records import record_of


@dataclass(frozen=True, slots=True)
class OrderLabel:
    """What people know an order by. Amount in minor units."""

    id: str
    number: int
    amount_total: int
    currency: str


async def label_orders(
    database: Readable, order_ids: Iterable[str | None], numbers: Iterable[int | None] = ()
) -> dict[str | None, OrderLabel]:
    """Return the labels of orders by id, also of those known by their numbers. What is None or no order's is absent."""
    wanted = {order_id for order_id in order_ids if order_id is not None}
    numbered = {number for number in numbers if number is not None}
    if not wanted and not numbered:
        return {}
    async with database.connection() as connection:
        rows = await connection.fetch(sql("order_labels"), sorted(wanted), sorted(numbered))
    return {label.id: label for label in (record_of(OrderLabel, row) for row in rows)}
