"""Reads the rows of lists of orders: the orders, with the parts that the shown columns need."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import asyncpg

from checkout_daemon.database.queries import sql
from checkout_daemon.database.records import record_of
from checkout_daemon.model.order_rows import LastEvent, OrderRow, Part, RowItem
from checkout_daemon.model.orders import Order
from checkout_daemon.orders.charge_lines import read_paid_with


async def read_rows(connection: asyncpg.Connection, orders: Sequence[Order], parts: Collection[Part]) -> list[OrderRow]:
    """Return the rows of these orders, in this sequence, with these parts."""
    ids = [order.id for order in orders]
    found: dict[str, dict[str, Any]] = {order_id: {} for order_id in ids}
    if not ids:
        return []
    if Part.EVENT in parts:
        for row in await connection.fetch(sql("read_last_events"), ids):
            found[str(row["order_id"])]["last_event"] = record_of(LastEvent, row)
    if Part.CHARGE in parts:
        for order_id, paid in (await read_paid_with(connection, ids)).items():
            found[order_id]["paid"] = paid
    if Part.ITEMS in parts:
        for row in await connection.fetch(sql("read_row_items"), ids):
            items = map(RowItem, row["skus"], row["quantities"])
            found[str(row["order_id"])]["items"] = tuple(items)
    if Part.CARE in parts:
        for row in await connection.fetch(sql("read_owners"), ids):
            found[str(row["order_id"])]["owner"] = row["owner"]
    if Part.DISPUTE in parts:
        for row in await connection.fetch(sql("read_deadlines"), ids):
            found[str(row["order_id"])]["due_by"] = row["due_by"]
    return [OrderRow(order, **found[order.id]) for order in orders]
