"""What the terminal reads in addition to lists: last events, ranks in a list, and the shop's figures."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from checkout_daemon.database.queries import sql
from checkout_daemon.database.records import FAR_FUTURE, LONG_AGO, record_of
from checkout_daemon.model.orders import Order
from checkout_daemon.orders.order_lists import OrderCursor, OrderFilter


@dataclass(frozen=True, slots=True)
class LastEvent:
    type: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class DayLine:
    """Orders made since a time, in one status; `paid`: how many of them were ever paid."""

    status: str
    made: int
    paid: int


@dataclass(frozen=True, slots=True)
class RevenueLine:
    """What was paid in one interval and not given back, in minor units of a currency."""

    at: datetime
    currency: str
    orders: int
    amount: int


@dataclass(frozen=True, slots=True)
class ArrivalLine:
    """Events received in one interval. `lag_seconds`: median from Stripe's clock to ours, None if unknown."""

    at: datetime
    events: int
    lag_seconds: float | None


@dataclass(frozen=True, slots=True)
class OwedLine:
    """Messages that became owed in one interval."""

    at: datetime
    messages: int


@dataclass(frozen=True, slots=True)
class Trouble:
    """Counts of what needs attention. `lag_seconds`: median of the newest events, None if there were none for a day."""

    stuck: int
    attention: int
    events_failed: int
    events_dead: int
    messages_dead: int
    lag_seconds: float | None


async def read_last_events(connection: asyncpg.Connection, order_ids: Collection[str]) -> dict[str, LastEvent]:
    """Return the last event of each order id. Orders without events are absent."""
    rows = await connection.fetch(sql("read_last_events"), list(order_ids))
    return {str(row["order_id"]): LastEvent(row["type"], row["received_at"]) for row in rows}


async def read_orders(connection: asyncpg.Connection, order_ids: Collection[str]) -> list[Order]:
    """Return the orders that exist, in any sequence."""
    return [record_of(Order, row) for row in await connection.fetch(sql("read_orders_by_ids"), list(order_ids))]


async def read_numbers(connection: asyncpg.Connection, order_ids: Collection[str]) -> dict[str, int]:
    """Return the orders' numbers by id."""
    return {str(row["id"]): row["number"] for row in await connection.fetch(sql("read_numbers"), list(order_ids))}


def is_countable(wanted: OrderFilter) -> bool:
    """Return whether an index alone gives the list's length and ranks. A search or an email prevents that."""
    return wanted.email is None and wanted.search_ids is None and wanted.search_text is None


async def count_orders(connection: asyncpg.Connection, wanted: OrderFilter) -> int:
    """Return the length of a countable list."""
    bounds = (wanted.since or LONG_AGO, wanted.until or FAR_FUTURE)
    statuses = list(wanted.statuses) or None
    count: int
    if wanted.attention:
        count = await connection.fetchval(sql("count_orders_with_attention"), *bounds, statuses)
    elif statuses:
        count = await connection.fetchval(sql("count_orders_of_status"), *bounds, statuses)
    else:
        count = await connection.fetchval(sql("count_orders"), *bounds)
    return count


async def skip_orders(
    connection: asyncpg.Connection, wanted: OrderFilter, *, cursor: OrderCursor | None, count: int
) -> OrderCursor | None:
    """Return the position `count` orders further in a countable list, or None if it ends before."""
    before = OrderCursor(wanted.until or FAR_FUTURE, 0) if cursor is None else cursor
    place = (wanted.since or LONG_AGO, before.created_at, before.number, count)
    statuses = list(wanted.statuses) or None
    if wanted.attention:
        row = await connection.fetchrow(sql("skip_orders_with_attention"), *place, statuses)
    elif statuses:
        row = await connection.fetchrow(sql("skip_orders_of_status"), *place, statuses)
    else:
        row = await connection.fetchrow(sql("skip_orders"), *place)
    return None if row is None else OrderCursor(row["created_at"], row["number"])


async def read_day(connection: asyncpg.Connection, since: datetime, *, livemode: bool) -> list[DayLine]:
    """Count the orders made since a time, by status."""
    return [DayLine(**dict(row)) for row in await connection.fetch(sql("read_day"), since, livemode)]


async def read_revenue(
    connection: asyncpg.Connection, since: datetime, interval: timedelta, *, livemode: bool
) -> list[RevenueLine]:
    """Return the revenue by interval from `since` on, and by currency. Empty intervals are absent."""
    rows = await connection.fetch(sql("read_revenue"), since, interval, livemode)
    return [RevenueLine(**dict(row)) for row in rows]


async def read_arrivals(connection: asyncpg.Connection, since: datetime, interval: timedelta) -> list[ArrivalLine]:
    """Return the events received by interval from `since` on. Empty intervals are absent."""
    return [ArrivalLine(**dict(row)) for row in await connection.fetch(sql("read_arrivals"), since, interval)]


async def read_owed(connection: asyncpg.Connection, since: datetime, interval: timedelta) -> list[OwedLine]:
    """Return the messages owed by interval from `since` on. Empty intervals are absent."""
    return [OwedLine(**dict(row)) for row in await connection.fetch(sql("read_owed"), since, interval)]


async def read_trouble(
    connection: asyncpg.Connection, now: datetime, *, overdue_before: datetime, slow_before: datetime
) -> Trouble:
    """Count what needs attention.

    Open sessions that expire before `overdue_before`, and processing orders made before `slow_before`, are stuck.
    """
    (row,) = await connection.fetch(sql("read_trouble"), now, overdue_before, slow_before)
    return Trouble(**dict(row))


async def may_write(connection: asyncpg.Connection) -> bool:
    """Return whether the database user may change orders."""
    answer: bool = await connection.fetchval(sql("may_write"))
    return answer
