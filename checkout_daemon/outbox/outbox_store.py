"""Write, claim and read messages of the outbox."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

import asyncpg

from checkout_daemon.database.queries import sql
from checkout_daemon.database.records import FAR_FUTURE, LONG_AGO, record_of
from checkout_daemon.model.messages import Channel, MessageKind

UNDELIVERED = ("failed", "dead")
"""The statuses of messages that have an error, and so a fingerprint."""
MOST_COUNTED = 10_000
"""Of what waits for the setting of a channel, no more messages are counted: every order of days may have one."""
_LAST_ID = UUID(int=(1 << 128) - 1)
_FIRST_ID = "00000000-0000-0000-0000-000000000000"


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
    endpoint: str | None = None


@dataclass(frozen=True, slots=True)
class MessageLine:
    """A message as lists show it. Only failed and dead ones have a fingerprint, of their channel and error."""

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
    number: int | None = None  # of its order
    endpoint: str | None = None  # of a webhook; None: CHECKOUT_SHOP_WEBHOOK_URL
    fingerprint: str | None = None

    @property
    def route(self) -> str:
        """Return the channel, and the endpoint if it has a name: webhook to warehouse."""
        return self.channel if self.endpoint is None else f"{self.channel} to {self.endpoint}"


@dataclass(frozen=True, slots=True)
class MessageFilter:
    """Which messages a list contains: those that meet every condition that is set. `until` is exclusive."""

    statuses: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    order_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    fingerprint: str | None = None


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many messages of a channel have a status, and the age of the oldest that can be sent; None: none can."""

    channel: str
    status: str
    messages: int
    oldest_seconds: float | None


@dataclass(frozen=True, slots=True)
class MessageGroup:
    """Failed and dead messages of a channel with the same error. `number`: of the order, if all are about one."""

    channel: str
    error: str | None
    fingerprint: str
    kinds: tuple[str, ...]
    messages: int
    dead: int
    first_at: datetime
    last_at: datetime
    example_id: str
    number: int | None


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
    connection: asyncpg.Connection,
    channel: Channel,
    limit: int,
    *,
    lease_seconds: float,
    endpoint: str | None = None,
    kinds: Collection[str] | None = None,
    addresses: Collection[str] = (),
) -> list[ClaimedMessage]:
    """Claim due messages. A message claimed by a dead daemon is due when its lease ends.

    With an `endpoint`, those for it, of these `kinds`. Without, those for the channel's own setting. A webhook is then
    owed to every endpoint as well, and an alert to the `addresses`.
    """
    arguments: list[object] = [channel.value, limit, lease_seconds]
    if endpoint is not None:
        statement = "claim_messages_of_endpoint"
        arguments += [endpoint, None if kinds is None else list(kinds)]
    elif channel is Channel.ALERT:
        statement = "claim_alerts"
        arguments.append(list(addresses))
    else:
        statement = "claim_webhooks" if channel is Channel.WEBHOOK else "claim_messages"
    rows = await connection.fetch(sql(statement), *arguments)
    return [ClaimedMessage(**dict(row)) for row in rows]


async def spread_waiting(connection: asyncpg.Connection, addresses: Collection[str]) -> int:
    """Owe to endpoints and addresses what waits for another receiver, or was claimed without that. Return how many."""
    done: str = await connection.execute(sql("spread_waiting_messages"), list(addresses))
    return int(done.split()[-1])


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


async def owe_again(connection: asyncpg.Connection) -> int:
    """Queue order.completed again if it was skipped for a refund and its order is paid now. Return how many."""
    done: str = await connection.execute(sql("owe_again"))
    return int(done.split()[1])


async def count_messages(
    connection: asyncpg.Connection,
    *,
    livemode: bool | None = None,
    unset: Collection[str] = (),
    pushed: Collection[str] | None = None,
) -> list[Backlog]:
    """Count queued, failed and dead messages. Empty groups are absent.

    With `livemode`, leave out dead ones about orders of the other mode. What waits for one of the channels `unset`, or
    is an alert to push of none of the kinds `pushed`, has no age. Of each of the channels `unset`, MOST_COUNTED
    messages that wait for its setting are counted at most.
    """
    kinds = None if pushed is None else list(pushed)
    rows = await connection.fetch(sql("count_messages"), livemode, list(unset), kinds, MOST_COUNTED)
    return [Backlog(*row) for row in rows]


async def list_message_groups(connection: asyncpg.Connection, *, livemode: bool | None = None) -> list[MessageGroup]:
    """Return the failed and dead messages grouped by channel and error, the most recent group first.

    With `livemode`, leave out those about orders of the other mode.
    """
    return [record_of(MessageGroup, row) for row in await connection.fetch(sql("list_message_groups"), livemode)]


async def list_messages(
    connection: asyncpg.Connection, wanted: MessageFilter, *, limit: int, after: MessageLine | None = None
) -> list[MessageLine]:
    """Return a page of the messages after the given one, newest first."""
    statement = "list_messages"
    before = (FAR_FUTURE, _LAST_ID) if wanted.until is None else (wanted.until, _FIRST_ID)
    if after is not None and after.created_at < before[0]:
        before = (after.created_at, after.id)
    arguments = [
        wanted.since or LONG_AGO,
        *before,
        limit,
        list(dict.fromkeys(wanted.statuses)) or (None if wanted.fingerprint is None else list(UNDELIVERED)),
        list(dict.fromkeys(wanted.kinds)) or None,
        list(dict.fromkeys(wanted.channels)) or None,
        wanted.fingerprint,
    ]
    if wanted.order_id is not None:
        statement = "list_messages_of_order"
        arguments.append(wanted.order_id)
    elif wanted.kinds and MessageKind.ORDER_COMPLETED not in wanted.kinds:
        statement = "list_messages_of_kind"
    return [_line(row) for row in await connection.fetch(sql(statement), *arguments)]


async def ids_between(connection: asyncpg.Connection, first: str, last: str, *, limit: int) -> list[str]:
    """Return the ids of the messages from one id to another, in their sequence."""
    return [str(row["id"]) for row in await connection.fetch(sql("message_ids_between"), first, last, limit)]


async def read_message(connection: asyncpg.Connection, message_id: str) -> tuple[MessageLine, str | None] | None:
    """Return a message and its payload, or None."""
    row = await connection.fetchrow(sql("read_message"), message_id)
    return None if row is None else (_line(row), row["payload"])


async def replay_messages(
    connection: asyncpg.Connection, ids: Collection[str], *, only: Collection[str] = ()
) -> set[str]:
    """Make messages due again. Return the ids of those that were not waiting anyway.

    `only`: those that still have one of these statuses; empty: whatever they have.
    """
    rows = await connection.fetch(sql("replay_messages"), list(ids), list(only) or None)
    return {str(row["id"]) for row in rows}


async def statuses_of(connection: asyncpg.Connection, ids: Collection[str]) -> dict[str, str]:
    """Return the statuses of messages by id; those that are not stored are left out."""
    return {str(row["id"]): row["status"] for row in await connection.fetch(sql("message_statuses"), list(ids))}


async def lock_dead(connection: asyncpg.Connection, ids: Collection[str]) -> dict[str, str | None]:
    """Lock the dead ones among messages until the transaction ends. Return their ids with those of their orders."""
    rows = await connection.fetch(sql("lock_dead_messages"), list(ids))
    return {str(row["id"]): None if row["order_id"] is None else str(row["order_id"]) for row in rows}


async def dismiss(connection: asyncpg.Connection, ids: Collection[str]) -> None:
    """Dismiss messages, which must be locked and dead."""
    await connection.execute(sql("dismiss_messages"), list(ids))


async def send_anew(connection: asyncpg.Connection, ids: Collection[str]) -> None:
    """Make messages due now, whatever became of them. An attempt that is under way no longer counts."""
    await connection.execute(sql("send_messages_anew"), list(ids))


def _line(row: asyncpg.Record) -> MessageLine:
    line = record_of(MessageLine, row)
    if line.status in UNDELIVERED:
        line = replace(line, fingerprint=_fingerprint(line))
    return line if line.status in ("queued", "failed") else replace(line, next_attempt_at=None)


def _fingerprint(line: MessageLine) -> str:
    """Return the fingerprint of an error, as list_message_groups computes it."""
    return sha256(f"{line.channel} {line.last_error or ''}".encode()).hexdigest()[:8]
