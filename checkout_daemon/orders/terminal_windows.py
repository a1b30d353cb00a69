"""The terminal's lists: pages of rows, the length of a list, and positions in it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from checkout_daemon.database.pool import Database
from checkout_daemon.database.queries import sql
from checkout_daemon.database.records import FAR_FUTURE, LONG_AGO, record_of
from checkout_daemon.events.event_lists import (
    ErrorGroup,
    EventCursor,
    EventFilter,
    EventLine,
    list_error_groups,
    list_events,
)
from checkout_daemon.model.orders import Order
from checkout_daemon.orders.order_lists import OrderCursor, OrderFilter, list_orders


@dataclass(frozen=True, slots=True)
class LastEvent:
    """The type of the last event about an order, and when it was received."""

    type: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class OrderRow:
    """An order as a row of a list, with its last event."""

    order: Order
    last_event: LastEvent | None


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event as a row of a list, with its order's number."""

    event: EventLine
    number: int | None


async def page_of_rows(
    database: Database, wanted: OrderFilter, *, limit: int, cursor: OrderCursor | None = None
) -> list[OrderRow]:
    """Return a page of orders after the cursor, newest first."""
    async with database.connection() as connection:
        return await _with_last_events(connection, await list_orders(connection, wanted, limit=limit, cursor=cursor))


async def rows_of(database: Database, order_ids: Collection[str]) -> list[OrderRow]:
    """Return the orders with these ids as they are now, in any sequence."""
    async with database.connection() as connection:
        rows = await connection.fetch(sql("read_orders_by_ids"), list(order_ids))
        return await _with_last_events(connection, [record_of(Order, row) for row in rows])


async def count_rows(database: Database, wanted: OrderFilter) -> int | None:
    """Return the length of a list, or None for a search or an email: no index alone can answer those."""
    if wanted.email is not None or wanted.search_ids is not None or wanted.search_text is not None:
        return None
    statement = _statement(wanted, "count_orders", "count_orders_of_status", "count_orders_with_attention")
    async with database.connection() as connection:
        count: int = await connection.fetchval(
            sql(statement), wanted.since or LONG_AGO, wanted.until or FAR_FUTURE, list(wanted.statuses) or None
        )
    return count


async def skip_rows(
    database: Database, wanted: OrderFilter, *, count: int, cursor: OrderCursor | None = None
) -> OrderCursor | None:
    """Return the position `count` orders after the cursor in a list that can be counted, or None if it ends before."""
    start = cursor or OrderCursor(wanted.until or FAR_FUTURE, 0)
    statement = _statement(wanted, "skip_orders", "skip_orders_of_status", "skip_orders_with_attention")
    async with database.connection() as connection:
        row = await connection.fetchrow(
            sql(statement),
            wanted.since or LONG_AGO,
            start.created_at,
            start.number,
            count,
            list(wanted.statuses) or None,
        )
    return None if row is None else record_of(OrderCursor, row)


async def page_of_events(
    database: Database, wanted: EventFilter, *, limit: int, cursor: EventCursor | None = None
) -> list[EventRow]:
    """Return a page of events after the cursor, newest first."""
    async with database.connection() as connection:
        events = await list_events(connection, wanted, limit=limit, cursor=cursor)
        order_ids = list({event.order_id for event in events if event.order_id})
        numbers = {
            str(row["id"]): row["number"] for row in await connection.fetch(sql("read_order_numbers"), order_ids)
        }
    return [EventRow(event, numbers.get(event.order_id or "")) for event in events]


async def error_groups(database: Database) -> list[ErrorGroup]:
    """Return the failed and dead events by error fingerprint, the latest failure first: one fix, then one replay."""
    async with database.connection() as connection:
        return await list_error_groups(connection)


async def may_write(database: Database) -> bool:
    """Return whether the database user may change orders."""
    async with database.connection() as connection:
        return bool(await connection.fetchval(sql("may_write")))


async def _with_last_events(connection: asyncpg.Connection, orders: list[Order]) -> list[OrderRow]:
    rows = await connection.fetch(sql("read_last_events"), [order.id for order in orders])
    last = {str(row["order_id"]): record_of(LastEvent, row) for row in rows}
    return [OrderRow(order, last.get(order.id)) for order in orders]


def _statement(wanted: OrderFilter, every_order: str, of_status: str, with_attention: str) -> str:
    if wanted.attention:
        return with_attention
    return of_status if wanted.statuses else every_order
