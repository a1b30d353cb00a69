"""What the order terminal reads beside lists: last events, ranks in a list, and how the shop does."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from checkout_daemon.domain.orders import Order
from checkout_daemon.store.order_reads import OrderCursor, OrderFilter
from checkout_daemon.store.orders import order_of
from checkout_daemon.store.queries import sql
from checkout_daemon.store.reading import FAR_FUTURE, LONG_AGO


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
    """Events received in one interval; `lag_seconds`: their median from Stripe's clock to ours, None where unknown."""

    at: datetime
    events: int
    lag_seconds: float | None


@dataclass(frozen=True, slots=True)
class OwedLine:
    """Messages that came to be owed in one interval."""

    at: datetime
    messages: int


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is not as it should be. `lag_seconds`: median of the newest events, None without any in a day."""

    stuck: int
    attention: int
    events_failed: int
    events_dead: int
    messages_dead: int
    lag_seconds: float | None


async def read_last_events(connection: asyncpg.Connection, order_ids: Collection[str]) -> dict[str, LastEvent]:
    """By order id; orders without any event are absent."""
    rows = await connection.fetch(sql("read_last_events"), list(order_ids))
    return {str(row["order_id"]): LastEvent(row["type"], row["received_at"]) for row in rows}


async def read_orders(connection: asyncpg.Connection, order_ids: Collection[str]) -> list[Order]:
    """Those that there are, in no order."""
    return [order_of(row) for row in await connection.fetch(sql("read_orders_by_ids"), list(order_ids))]


async def read_numbers(connection: asyncpg.Connection, order_ids: Collection[str]) -> dict[str, int]:
    """The orders' numbers, by id."""
    return {str(row["id"]): row["number"] for row in await connection.fetch(sql("read_numbers"), list(order_ids))}


def is_countable(wanted: OrderFilter) -> bool:
    """Whether the list's length and ranks follow from an index alone: not those of a search or an email."""
    return wanted.email is None and wanted.search_ids is None and wanted.search_text is None


async def count_orders(connection: asyncpg.Connection, wanted: OrderFilter) -> int:
    """How long a countable list is."""
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
    """Where a countable list is after `count` more orders; None where it ends before."""
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
    return [DayLine(**dict(row)) for row in await connection.fetch(sql("read_day"), since, livemode)]


async def read_revenue(
    connection: asyncpg.Connection, since: datetime, interval: timedelta, *, livemode: bool
) -> list[RevenueLine]:
    """By interval, counted from `since`, and currency; intervals without any are absent."""
    rows = await connection.fetch(sql("read_revenue"), since, interval, livemode)
    return [RevenueLine(**dict(row)) for row in rows]


async def read_arrivals(connection: asyncpg.Connection, since: datetime, interval: timedelta) -> list[ArrivalLine]:
    """By interval, counted from `since`; intervals without any are absent."""
    return [ArrivalLine(**dict(row)) for row in await connection.fetch(sql("read_arrivals"), since, interval)]


async def read_owed(connection: asyncpg.Connection, since: datetime, interval: timedelta) -> list[OwedLine]:
    """By interval, counted from `since`; intervals without any are absent."""
    return [OwedLine(**dict(row)) for row in await connection.fetch(sql("read_owed"), since, interval)]


async def read_trouble(
    connection: asyncpg.Connection, now: datetime, *, overdue_before: datetime, slow_before: datetime
) -> Trouble:
    """`overdue_before`: open sessions that expire earlier should have ended; `slow_before`: as to processing orders."""
    (row,) = await connection.fetch(sql("read_trouble"), now, overdue_before, slow_before)
    return Trouble(**dict(row))


async def may_write(connection: asyncpg.Connection) -> bool:
    """Whether the database's user may act upon orders here."""
    answer: bool = await connection.fetchval(sql("may_write"))
    return answer
