"""The terminal's lists: pages of rows, the length of a list, and positions in it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import asyncpg
import msgspec

from checkout_daemon.database.queries import sql
from checkout_daemon.database.reading import Readable
from checkout_daemon.database.records import FAR_FUTURE, LONG_AGO, record_of
from checkout_daemon.events.event_lists import (
    ErrorGroup,
    list_error_groups,
    list_events_named,
)
from checkout_daemon.model.events import DeadLetters
from checkout_daemon.orders.order_filter import OrderCursor, OrderFilter
from checkout_daemon.outbox.outbox_store import list_message_groups

_MOST_COUNTED = 10_000
"""A longer list is not counted: its length is the planner's estimate."""


@dataclass(frozen=True, slots=True)
class Length:
    """How many rows a list has; if not `exact`, about."""

    rows: int
    exact: bool


async def count_rows(database: Readable, wanted: OrderFilter) -> Length | None:
    """Return the length of a list, or None where no index alone can tell: for emails, charges and conditions."""
    if wanted.email is not None or wanted.conditions or wanted.of_charges:
        return None
    statement = _statement(wanted, "count_orders", "count_orders_of_status", "count_orders_with_attention")
    bounds = (wanted.since or LONG_AGO, wanted.until or FAR_FUTURE, list(wanted.statuses) or None)
    async with database.connection() as connection:
        count: int = await connection.fetchval(sql(statement), *bounds, _MOST_COUNTED + 1)
        if count <= _MOST_COUNTED:
            return Length(count, exact=True)
        plan = msgspec.json.decode(await connection.fetchval(sql("estimate_orders"), *bounds, wanted.attention))
    return Length(max(count, int(plan[0]["Plan"]["Plan Rows"])), exact=False)


async def skip_rows(
    database: Readable, wanted: OrderFilter, *, count: int, cursor: OrderCursor | None = None
) -> OrderCursor | None:
    """Return the position `count` orders after the cursor in a list that can be counted, or None if it ends before."""
    statement = _statement(wanted, "skip_orders", "skip_orders_of_status", "skip_orders_with_attention")
    return await _skip(database, wanted, statement, count, cursor or OrderCursor(wanted.until or FAR_FUTURE, 0))


async def skip_rows_from_end(database: Readable, wanted: OrderFilter, *, count: int) -> OrderCursor | None:
    """Return the position after which `count` orders follow to the end of such a list, or None if it has no more."""
    statement = _statement(
        wanted, "skip_orders_from_end", "skip_orders_of_status_from_end", "skip_flagged_orders_from_end"
    )
    return await _skip(database, wanted, statement, count, OrderCursor(wanted.until or FAR_FUTURE, 0))


async def _skip(
    database: Readable, wanted: OrderFilter, statement: str, count: int, start: OrderCursor
) -> OrderCursor | None:
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


async def dead_letters(database: Readable) -> list[DeadLetters]:
    """Return the failed and dead events and messages by their error, the latest failure first."""
    async with database.connection() as connection:
        events = await list_error_groups(connection)
        numbers = await _numbers(connection, events)
        messages = await list_message_groups(connection)
    found = [
        DeadLetters(
            group.fingerprint, group.error, group.types, group.events, group.dead, group.first_at, group.last_at,
            group.example_id, numbers.get(group.example_id), None,
        )
        for group in events
    ]  # fmt: skip
    found += [
        DeadLetters(
            group.fingerprint, group.error or "", group.kinds, group.messages, group.dead, group.first_at,
            group.last_at, group.example_id, group.number, group.channel,
        )
        for group in messages
    ]  # fmt: skip
    return sorted(found, key=lambda letters: (letters.last_at, letters.name, letters.error), reverse=True)


async def _numbers(connection: asyncpg.Connection, groups: Collection[ErrorGroup]) -> dict[str, int | None]:
    """Return the orders that single events name, by the events' ids."""
    single = [group.example_id for group in groups if group.events == 1]
    return {event.id: event.number for event in await list_events_named(connection, single)} if single else {}


async def may_write(database: Readable) -> bool:
    """Return whether the database user may change orders."""
    async with database.connection() as connection:
        return bool(await connection.fetchval(sql("may_write")))


def _statement(wanted: OrderFilter, every_order: str, of_status: str, with_attention: str) -> str:
    if wanted.attention:
        return with_attention
    return of_status if wanted.statuses else every_order
