"""List and read Stripe's events for operators."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

import asyncpg

from checkout_daemon.database.queries import sql
from checkout_daemon.database.reading import Readable
from checkout_daemon.database.records import FAR_FUTURE, LONG_AGO, PAGE, pages, record_of
from checkout_daemon.errors import NotFound
from checkout_daemon.model.events import DISMISSED, UNHAPPY, EventLine

_UNAPPLIED = (*UNHAPPY, DISMISSED)  # stored without their order, which their payload may name


@dataclass(frozen=True, slots=True)
class EventOutcome:
    """The outcome of an event. `from_status` and `to_status` are its order's: the same if it changed nothing."""

    id: str
    type: str
    status: str
    reason: str | None
    order_id: str | None
    number: int | None
    from_status: str | None
    to_status: str | None
    last_error: str | None
    received_at: datetime | None

    @property
    def summary(self) -> str:
        """Return the outcome in words: `applied to #1042: pending -> completed`, `ignored: no order` or `failed: …`."""
        if self.status == "applied":
            before, after = _words(self.from_status), _words(self.to_status)
            return f"applied to #{self.number}: {f'still {after}' if before == after else f'{before} -> {after}'}"
        if self.status == "duplicate":
            order = f" for #{self.number}" if self.number else ""
            return f"duplicate: delivered before, {_words(self.reason)}{order}; nothing changes"
        return f"{self.status}: {self.last_error or _words(self.reason)}"


@dataclass(frozen=True, slots=True)
class ErrorGroup:
    """Failed and dead events with the same error; the times are when they were received."""

    fingerprint: str
    error: str
    types: tuple[str, ...]
    events: int
    dead: int
    first_at: datetime
    last_at: datetime
    example_id: str


@dataclass(frozen=True, slots=True)
class EventFilter:
    """The conditions that the events of a list meet, as far as they are set. `until` is exclusive.

    `number` is that of the order: `fits` needs it for events that were not applied.
    """

    statuses: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    order_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    fingerprint: str | None = None
    number: int | None = None

    def fits(self, event: EventLine) -> bool:
        """Return whether an event that arrived later belongs to the list, as list_events decides."""
        return (
            (not self.statuses or event.status in self.statuses)
            and (not self.types or event.type in self.types)
            and (self.order_id is None or event.order_id == self.order_id or self._is_of_number(event))
            and (self.since is None or event.received_at >= self.since)
            and (self.until is None or event.received_at < self.until)
            and (self.fingerprint is None or event.fingerprint == self.fingerprint)
        )

    def _is_of_number(self, event: EventLine) -> bool:
        return event.number is not None and event.number == self.number


@dataclass(frozen=True, slots=True)
class EventCursor:
    """The event after which a page begins."""

    received_at: datetime
    id: str


async def list_events(
    connection: asyncpg.Connection,
    wanted: EventFilter,
    *,
    limit: int,
    cursor: EventCursor | EventLine | None = None,
    only_newest: bool = False,
) -> list[EventLine]:
    """Return a page of the events after a position or another event, newest first.

    An order's events are those that were applied to it, and those that were not applied and whose payload names it. All
    that were not applied are looked through for these, or with `only_newest` the next 500 of them.
    """
    before: EventCursor | EventLine = EventCursor(wanted.until or FAR_FUTURE, "")
    if cursor is not None and cursor.received_at < before.received_at:
        before = cursor
    events = await _with_named_orders(connection, await _read(connection, _statement(wanted), wanted, before, limit))
    if wanted.order_id is None:
        return events
    unapplied = await _unapplied_naming(connection, wanted.order_id, wanted, before, limit, only_newest=only_newest)
    return await _newest_of(connection, [*events, *unapplied], limit) if unapplied else events


async def page_of_events(
    database: Readable, wanted: EventFilter, *, limit: int, cursor: EventCursor | None = None
) -> list[EventLine]:
    """Return a page of events as list_events does with `only_newest`, for a list that is read again and again."""
    async with database.connection() as connection:
        return await list_events(connection, wanted, limit=limit, cursor=cursor, only_newest=True)


async def read_unapplied(database: Readable, order_id: str) -> list[EventLine]:
    """Return an order's failed and dead events, newest first, for a screen that reads them again and again.

    Only the newest 500 failed and dead events, of whichever order, are looked through.
    """
    newest, unhappy = EventCursor(FAR_FUTURE, ""), EventFilter(statuses=UNHAPPY)
    async with database.connection() as connection:
        return await _unapplied_naming(connection, order_id, unhappy, newest, PAGE, only_newest=True)


def all_events(
    database: Readable, wanted: EventFilter, *, limit: int | None = None, after: EventLine | None = None
) -> AsyncIterator[list[EventLine]]:
    """Return the pages of a list of events, newest first, up to `limit` events; those after an event, if given."""

    async def read(size: int, last: EventLine | None) -> list[EventLine]:
        async with database.connection() as connection:
            return await list_events(connection, wanted, limit=size, cursor=last)

    return pages(read, limit, after=after)


async def read_payloads(database: Readable, ids: Collection[str]) -> dict[str, str]:
    """Return the payloads of these events by id, as they were received. Those that were deleted are absent."""
    async with database.connection() as connection:
        return {row["id"]: row["payload"] for row in await connection.fetch(sql("read_payloads"), list(ids))}


async def list_events_named(connection: asyncpg.Connection, ids: Collection[str]) -> list[EventLine]:
    """Return the events that exist, in any sequence."""
    rows = await connection.fetch(sql("list_events_named"), list(ids))
    return await _with_named_orders(connection, [_event(row) for row in rows])


async def read_event(connection: asyncpg.Connection, event_id: str) -> tuple[EventLine, str | None] | None:
    """Return an event and its payload, which is None once retention has deleted it, or None if it does not exist."""
    row = await connection.fetchrow(sql("read_event"), event_id)
    if row is None:
        return None
    (event,) = await _with_named_orders(connection, [_event(row)])
    return event, row["payload"]


async def show_event(database: Readable, event_id: str) -> tuple[EventLine, str | None]:
    """Return an event and its payload, as read_event does. Raise NotFound."""
    async with database.connection() as connection:
        found = await read_event(connection, event_id)
    if found is None:
        raise NotFound(f"event {event_id!r} does not exist: `checkout events list` shows the events received")
    return found


async def read_event_outcomes(connection: asyncpg.Connection, ids: Collection[str]) -> dict[str, EventOutcome]:
    """Return the outcomes of these events by id. Events that are not stored are absent."""
    rows = await connection.fetch(sql("read_event_outcomes"), list(ids))
    return {row["id"]: record_of(EventOutcome, row) for row in rows}


async def list_error_groups(connection: asyncpg.Connection, *, livemode: bool | None = None) -> list[ErrorGroup]:
    """Return the failed and dead events grouped by error, the most recent group first.

    With `livemode`, leave out those that are known to be of the other mode.
    """
    rows = await connection.fetch(sql("list_error_groups"), livemode)
    return [record_of(ErrorGroup, row) for row in rows]


def fingerprinted(event: EventLine) -> EventLine:
    """Return the event with its error's fingerprint, if it has one. list_unapplied_events computes the same."""
    if event.status not in UNHAPPY or event.last_error is None:
        return event
    return replace(event, fingerprint=sha256(event.last_error.encode()).hexdigest()[:8])


async def _read(
    connection: asyncpg.Connection, statement: str, wanted: EventFilter, before: EventCursor | EventLine, limit: int
) -> list[EventLine]:
    statuses = wanted.statuses
    by_error = (wanted.fingerprint,) if statement == "list_unapplied_events" else ()
    if wanted.fingerprint is not None:
        statuses = tuple(status for status in statuses or UNHAPPY if status in UNHAPPY)
    rows = await connection.fetch(
        sql(statement),
        wanted.since or LONG_AGO,
        before.received_at,
        before.id,
        limit,
        list(dict.fromkeys(statuses)) or None,
        list(dict.fromkeys(wanted.types)) or None,
        wanted.order_id,
        *by_error,
    )
    return [_event(row) for row in rows]


async def _unapplied_naming(
    connection: asyncpg.Connection,
    order_id: str,
    wanted: EventFilter,
    before: EventCursor | EventLine,
    limit: int,
    *,
    only_newest: bool = False,
) -> list[EventLine]:
    """Return the events that were not applied and whose payload names an order, newest first.

    No index has the order that a payload names. All events that were not applied since the order was made are looked
    through, page by page, or only the newest page.
    """
    statuses = tuple(status for status in wanted.statuses or _UNAPPLIED if status in _UNAPPLIED)
    begun_at = await connection.fetchval(sql("read_order_begin"), order_id) if statuses else None
    if begun_at is None:
        return []
    since = max(wanted.since or LONG_AGO, begun_at)
    unapplied = replace(wanted, statuses=statuses, order_id=None, since=since)
    found: list[EventLine] = []
    while len(found) < limit:
        page = await _read(connection, "list_unapplied_events", unapplied, before, PAGE)
        found += await _naming(connection, order_id, page)
        if only_newest or len(page) < PAGE:
            break
        before = page[-1]
    return found[:limit]


async def _newest_of(connection: asyncpg.Connection, events: list[EventLine], limit: int) -> list[EventLine]:
    """Return the newest of the events in the database's sequence of ids, by which the next page begins."""
    held = {event.id: event for event in events}
    return [held[row["id"]] for row in await connection.fetch(sql("sort_events"), list(held), limit)]


async def _naming(connection: asyncpg.Connection, order_id: str, events: list[EventLine]) -> list[EventLine]:
    """Return those of the events that no order is stored with and whose payload names this one."""
    unknown = [event.id for event in events if event.order_id is None]
    if not unknown:
        return []
    likely = [row["id"] for row in await connection.fetch(sql("find_events_naming"), unknown, order_id)]
    named = await connection.fetch(sql("find_orders_named"), likely) if likely else []
    numbers = {row["id"]: row["number"] for row in named if str(row["order_id"]) == order_id}
    return [replace(event, number=numbers[event.id]) for event in events if event.id in numbers]


async def _with_named_orders(connection: asyncpg.Connection, events: list[EventLine]) -> list[EventLine]:
    """Return the events, those that were not applied with the number of the order that their payload names."""
    unknown = [event.id for event in events if event.number is None and event.status in _UNAPPLIED]
    if not unknown:
        return events
    numbers = {row["id"]: row["number"] for row in await connection.fetch(sql("find_orders_named"), unknown)}
    return [replace(event, number=numbers.get(event.id, event.number)) for event in events]


def _statement(wanted: EventFilter) -> str:
    if wanted.fingerprint is not None:
        return "list_unapplied_events"
    if wanted.order_id is not None:
        return "list_events_of_order"
    if wanted.types:
        return "list_events_of_type"
    return "list_unapplied_events" if wanted.statuses and "applied" not in wanted.statuses else "list_events"


def _event(row: asyncpg.Record) -> EventLine:
    return fingerprinted(record_of(EventLine, row))


def _words(code: str | None) -> str:
    return (code or "unknown").replace("_", " ")
