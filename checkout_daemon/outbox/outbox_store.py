"""Write, claim and read messages of the outbox."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from checkout_daemon.database.queries import sql
from checkout_daemon.database.records import FAR_FUTURE, LONG_AGO, record_of
from checkout_daemon.model.messages import Channel, MessageKind

_UNHAPPY = frozenset({"failed", "dead"})
_LAST_ID = UUID(int=(1 << 128) - 1)


@dataclass(frozen=True, slots=True)
class ClaimedMessage:
    """A message to send. No other process sends it until the lease ends."""

    id: UUID
    order_id: UUID | None
    kind: str
    subject_id: str
    channel: str
    payload: str | None
    attempts: int  # including the current one
    created_at: datetime
    claim: UUID


@dataclass(frozen=True, slots=True)
class MessageLine:
    """A message as lists show it."""

    id: str
    order_id: str | None
    kind: str
    subject_id: str
    channel: str
    status: str
    attempts: int
    created_at: datetime
    next_attempt_at: datetime | None  # None if there is no next attempt
    sent_at: datetime | None
    last_error: str | None


@dataclass(frozen=True, slots=True)
class MessageFilter:
    """Which messages a list contains: those that meet every condition that is set."""

    statuses: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    order_id: str | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many messages of a channel have a status, and the age of the oldest."""

    channel: str
    status: str
    messages: int
    oldest_seconds: float


async def owe(
    connection: asyncpg.Connection,
    kind: MessageKind,
    *,
    order_id: str | None = None,
    subject_id: str = "",
    payload: str | None = None,
) -> list[str]:
    """Owe a message on all channels of its kind, and return the ids of the new rows.

    This is for messages that do not follow from an order's facts; ledger/merge.py writes those.
    """
    channels = [channel.value for channel in kind.channels]
    rows = await connection.fetch(sql("owe_messages"), order_id, kind.value, subject_id, channels, payload)
    return [str(row["id"]) for row in rows]


async def link_subject(connection: asyncpg.Connection, order_id: str, session_id: str) -> str | None:
    """Return the subject id of the next mail with a session's link: the session's id, with `#2` and so on appended.

    Return None while a mail still waits to be sent. The order's row must be locked.
    """
    (row,) = await connection.fetch(sql("link_state"), order_id, session_id)
    if row["waiting"]:
        return None
    return f"{session_id}#{row['made'] + 1}" if row["made"] else session_id


async def claim_messages(
    connection: asyncpg.Connection, channel: Channel, limit: int, *, lease_seconds: float
) -> list[ClaimedMessage]:
    """Claim due messages. A message claimed by a dead daemon is due when its lease ends."""
    rows = await connection.fetch(sql("claim_messages"), channel.value, limit, lease_seconds)
    return [ClaimedMessage(**dict(row)) for row in rows]


async def refund_mails(connection: asyncpg.Connection, message: ClaimedMessage) -> tuple[bool, bool]:
    """Return whether a mail about the message's refund was sent, and whether one still waits."""
    (row,) = await connection.fetch(sql("refund_mails"), message.order_id, message.subject_id)
    return row["sent"], row["waiting"]


async def is_acknowledged(connection: asyncpg.Connection, order_id: str, code: str, subject: str) -> bool:
    """Return whether an operator has acknowledged this attention."""
    return bool(await connection.fetchval(sql("is_acknowledged"), order_id, code, subject))


async def record_delivery(
    connection: asyncpg.Connection,
    message: ClaimedMessage,
    status: str,
    *,
    error: str | None = None,
    retry_in: timedelta = timedelta(),
) -> bool:
    """Record the outcome of an attempt. Return False without writing if another process has claimed the message."""
    done: str = await connection.execute(
        sql("record_delivery"), message.id, message.claim, status, error, retry_in.total_seconds()
    )
    return done == "UPDATE 1"


async def skip_unconfigured(connection: asyncpg.Connection, channel: Channel, owed_before: datetime, why: str) -> int:
    """Skip messages that waited too long for a channel that is not configured. Return how many."""
    done: str = await connection.execute(sql("skip_unconfigured_messages"), channel.value, owed_before, why)
    return int(done.split()[1])


async def count_messages(connection: asyncpg.Connection) -> list[Backlog]:
    """Count queued, failed and dead messages. Empty groups are absent."""
    return [Backlog(*row) for row in await connection.fetch(sql("count_messages"))]


async def list_messages(
    connection: asyncpg.Connection, wanted: MessageFilter, *, limit: int, after: MessageLine | None = None
) -> list[MessageLine]:
    """Return a page of the messages after the given one, newest first."""
    statement = "list_messages"
    arguments = [
        wanted.since or LONG_AGO,
        FAR_FUTURE if after is None else after.created_at,
        _LAST_ID if after is None else after.id,
        limit,
        list(wanted.statuses) or None,
        list(wanted.kinds) or None,
        list(wanted.channels) or None,
    ]
    if wanted.order_id is not None:
        statement = "list_messages_of_order"
        arguments.append(wanted.order_id)
    elif wanted.statuses and _UNHAPPY.issuperset(wanted.statuses):
        statement = "list_unhappy_messages"
    return [_line(row) for row in await connection.fetch(sql(statement), *arguments)]


async def read_message(connection: asyncpg.Connection, message_id: str) -> tuple[MessageLine, str | None] | None:
    """Return a message and its payload, or None."""
    row = await connection.fetchrow(sql("read_message"), message_id)
    return None if row is None else (_line(row), row["payload"])


async def replay_messages(connection: asyncpg.Connection, ids: Collection[str]) -> set[str]:
    """Make messages due again. Return the ids of those that were not waiting anyway."""
    return {str(row["id"]) for row in await connection.fetch(sql("replay_messages"), list(ids))}


def _line(row: asyncpg.Record) -> MessageLine:
    line = record_of(MessageLine, row)
    return line if line.status in ("queued", "failed") else replace(line, next_attempt_at=None)
