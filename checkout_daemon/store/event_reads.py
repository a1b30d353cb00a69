"""Stripe's events as lists and commands show them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

import asyncpg

from checkout_daemon.store.queries import sql
from checkout_daemon.store.reading import FAR_FUTURE, LONG_AGO

_UNHAPPY = frozenset({"failed", "dead"})


@dataclass(frozen=True, slots=True)
class EventLine:
    """An event without its payload; names as in the contract.

    `fingerprint`: of one that failed or is dead; those that failed for the same cause have the same.
    """

    id: str
    type: str
    status: str
    reason: str | None
    order_id: str | None
    api_version: str | None
    livemode: bool | None
    created_at: datetime | None
    received_at: datetime
    applied_at: datetime | None
    attempts: int
    next_attempt_at: datetime | None
    last_error: str | None
    fingerprint: str | None = None


@dataclass(frozen=True, slots=True)
class EventOutcome:
    """What became of an event. `from_status` and `to_status`: its order's; the same where it changed nothing."""

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


@dataclass(frozen=True, slots=True)
class ErrorGroup:
    """Events that failed for the same cause, `dead` of them for good; the times are when they were received."""

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
    """All that is set must hold; of several statuses or types, any. `until` is exclusive."""

    statuses: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    order_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    fingerprint: str | None = None

    def fits(self, event: EventLine) -> bool:
        """Whether an event is in the list: as list_events decides, for events that come while one looks."""
        return (
            (not self.statuses or event.status in self.statuses)
            and (not self.types or event.type in self.types)
            and (self.order_id is None or event.order_id == self.order_id)
            and (self.since is None or event.received_at >= self.since)
            and (self.until is None or event.received_at < self.until)
            and (self.fingerprint is None or event.fingerprint == self.fingerprint)
        )


@dataclass(frozen=True, slots=True)
class EventCursor:
    """The event after which a page begins."""

    received_at: datetime
    id: str

    @classmethod
    def after(cls, event: EventLine) -> EventCursor:
        return cls(event.received_at, event.id)


async def list_events(
    connection: asyncpg.Connection, wanted: EventFilter, *, limit: int, cursor: EventCursor | None = None
) -> list[EventLine]:
    """A page, newest first, of those after the cursor."""
    before = EventCursor(wanted.until or FAR_FUTURE, "")
    if cursor is not None and cursor.received_at < before.received_at:
        before = cursor
    statement = _statement(wanted)
    statuses = wanted.statuses
    by_cause: tuple[str | None, ...] = ()
    if statement == "list_unhappy_events":
        statuses = tuple(each for each in statuses or sorted(_UNHAPPY) if each in _UNHAPPY)
        by_cause = (wanted.fingerprint,)
    rows = await connection.fetch(
        sql(statement),
        wanted.since or LONG_AGO,
        before.received_at,
        before.id,
        limit,
        list(dict.fromkeys(statuses)) or None,
        list(dict.fromkeys(wanted.types)) or None,
        wanted.order_id,
        *by_cause,
    )
    return [_event(row) for row in rows]


async def list_events_named(connection: asyncpg.Connection, ids: Collection[str]) -> list[EventLine]:
    """As they are now; in no order."""
    return [_event(row) for row in await connection.fetch(sql("list_events_named"), list(ids))]


async def read_event(connection: asyncpg.Connection, event_id: str) -> tuple[EventLine, str | None] | None:
    """An event with its payload as it was received; without one once retention has dropped it."""
    row = await connection.fetchrow(sql("read_event"), event_id)
    return None if row is None else (_event(row), row["payload"])


async def read_event_outcomes(connection: asyncpg.Connection, ids: Collection[str]) -> dict[str, EventOutcome]:
    """What became of these events, by id; those that are not held are absent."""
    rows = await connection.fetch(sql("read_event_outcomes"), list(ids))
    return {
        row["id"]: EventOutcome(
            id=row["id"],
            type=row["type"],
            status=row["status"],
            reason=row["reason"],
            order_id=str(row["order_id"]) if row["order_id"] else None,
            number=row["number"],
            from_status=row["from_status"] or row["order_status"],
            to_status=row["to_status"] or row["order_status"],
            last_error=row["last_error"],
            received_at=row["received_at"],
        )
        for row in rows
    }


async def list_error_groups(connection: asyncpg.Connection) -> list[ErrorGroup]:
    """Of all that failed or is dead, the one that struck last first."""
    rows = await connection.fetch(sql("list_error_groups"))
    return [ErrorGroup(**dict(row) | {"types": tuple(row["types"])}) for row in rows]


def fingerprinted(event: EventLine) -> EventLine:
    """With the beginning of a hash of its cause, if it has one; list_unhappy_events looks for the same."""
    if event.status not in _UNHAPPY or event.last_error is None:
        return event
    return replace(event, fingerprint=sha256(event.last_error.encode()).hexdigest()[:8])


def _statement(wanted: EventFilter) -> str:
    if wanted.fingerprint is not None:
        return "list_unhappy_events"
    if wanted.order_id is not None:
        return "list_events_of_order"
    if wanted.types:
        return "list_events_of_type"
    if wanted.statuses and _UNHAPPY.issuperset(wanted.statuses):
        return "list_unhappy_events"
    return "list_events"


def _event(row: asyncpg.Record) -> EventLine:
    event = EventLine(
        id=row["id"],
        type=row["type"],
        status=row["status"],
        reason=row["reason"],
        order_id=str(row["order_id"]) if row["order_id"] else None,
        api_version=row["api_version"],
        livemode=row["livemode"],
        created_at=row["created_at"],
        received_at=row["received_at"],
        applied_at=row["applied_at"],
        attempts=row["attempts"],
        next_attempt_at=row["next_attempt_at"],
        last_error=row["last_error"],
    )
    return fingerprinted(event)
