"""How the shop does, for a terminal that is left open: today's figures, revenue by interval, and lists with ranks."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import asyncpg

from checkout_daemon.database.pool import Database
from checkout_daemon.events.event_lists import (
    ErrorGroup,
    EventCursor,
    EventFilter,
    EventLine,
    list_error_groups,
    list_events,
)
from checkout_daemon.model.orders import Order
from checkout_daemon.orders import overview_store
from checkout_daemon.orders.order_lists import OrderCursor, OrderFilter, list_orders
from checkout_daemon.orders.overview_store import DayLine, LastEvent, RevenueLine, Trouble

INTERVAL = timedelta(minutes=30)

# Stripe tells of a session's end within seconds; where it has not, an event was missed.
_OVERDUE_AFTER = timedelta(minutes=10)
# The slowest bank debits take two weeks.
_SLOW_AFTER = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class OrderRow:
    """An order as a line of a list, with the event that came last."""

    order: Order
    last_event: LastEvent | None


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event as a line of a list, with its order's number."""

    event: EventLine
    number: int | None


@dataclass(frozen=True, slots=True)
class Figures:
    """As of `at`; `today` begins at midnight of the shop's time zone, `revenue` a day before `at` or earlier."""

    at: datetime
    today: datetime
    days: tuple[DayLine, ...]
    revenue: tuple[RevenueLine, ...]
    trouble: Trouble


async def read_figures(database: Database, now: datetime, time_zone: str, *, livemode: bool) -> Figures:
    """Of the orders of one mode. Intervals are counted from a midnight, so that today is whole ones."""
    today = midnight(now, time_zone)
    since = today - timedelta(days=1)
    async with database.connection() as connection:
        return Figures(
            at=now,
            today=today,
            days=tuple(await overview_store.read_day(connection, today, livemode=livemode)),
            revenue=tuple(await overview_store.read_revenue(connection, since, INTERVAL, livemode=livemode)),
            trouble=await read_trouble(connection, now),
        )


async def read_trouble(connection: asyncpg.Connection, now: datetime) -> Trouble:
    """What is not as it should be, of all orders, events and messages."""
    return await overview_store.read_trouble(
        connection, now, overdue_before=now - _OVERDUE_AFTER, slow_before=now - _SLOW_AFTER
    )


def midnight(now: datetime, time_zone: str) -> datetime:
    """When the day began in that zone, in UTC."""
    return now.astimezone(ZoneInfo(time_zone)).replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)


async def page_of_rows(
    database: Database, wanted: OrderFilter, *, limit: int, cursor: OrderCursor | None = None
) -> list[OrderRow]:
    """A page, newest first, after the cursor."""
    async with database.connection() as connection:
        orders = await list_orders(connection, wanted, limit=limit, cursor=cursor)
        last = await overview_store.read_last_events(connection, [order.id for order in orders])
    return [OrderRow(order, last.get(order.id)) for order in orders]


async def rows_of(database: Database, order_ids: Collection[str]) -> list[OrderRow]:
    """The orders of these ids as they are now, in no order."""
    async with database.connection() as connection:
        orders = await overview_store.read_orders(connection, order_ids)
        last = await overview_store.read_last_events(connection, [order.id for order in orders])
    return [OrderRow(order, last.get(order.id)) for order in orders]


async def count_rows(database: Database, wanted: OrderFilter) -> int | None:
    """How long the list is; None for a search, which is not counted."""
    if not overview_store.is_countable(wanted):
        return None
    async with database.connection() as connection:
        return await overview_store.count_orders(connection, wanted)


async def skip_rows(
    database: Database, wanted: OrderFilter, *, count: int, cursor: OrderCursor | None = None
) -> OrderCursor | None:
    """Where a list that can be counted is, `count` orders after the cursor; None where it ends before."""
    async with database.connection() as connection:
        return await overview_store.skip_orders(connection, wanted, cursor=cursor, count=count)


async def page_of_events(
    database: Database, wanted: EventFilter, *, limit: int, cursor: EventCursor | None = None
) -> list[EventRow]:
    """A page, newest first, after the cursor."""
    async with database.connection() as connection:
        events = await list_events(connection, wanted, limit=limit, cursor=cursor)
        numbers = await overview_store.read_numbers(connection, {each.order_id for each in events if each.order_id})
    return [EventRow(each, numbers.get(each.order_id or "")) for each in events]


async def may_write(database: Database) -> bool:
    """Whether the database's user may act upon orders."""
    async with database.connection() as connection:
        return await overview_store.may_write(connection)


async def error_groups(database: Database) -> list[ErrorGroup]:
    """Return the failed and dead events by error fingerprint, the latest failure first: one fix, then one replay."""
    async with database.connection() as connection:
        return await list_error_groups(connection)
