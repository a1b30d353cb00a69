"""Stores Stripe's events and their payloads."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import asyncpg
import msgspec

from checkout_daemon.database.cells import encode, text
from checkout_daemon.database.pool import LostRace
from checkout_daemon.database.queries import sql
from checkout_daemon.ledger.translate.envelope import StripeEvent

_HELD = msgspec.json.Decoder(list[tuple[str, str]])


class Verdict(msgspec.Struct, frozen=True):
    """The outcome of an event: applied, ignored (with the reason), failed or dead (with the error)."""

    status: str
    reason: str | None = None
    order_id: str | None = None
    subject_id: str | None = None
    next_attempt_at: datetime | None = None
    last_error: str | None = None


class NewEvent(msgspec.Struct, frozen=True):
    """An event to store."""

    event: StripeEvent
    received_at: datetime
    verdict: Verdict

    def row(self) -> tuple[Any, ...]:
        """Return the row of stripe_events."""
        event, verdict = self.event, self.verdict
        return (
            event.id,
            event.type,
            verdict.status,
            verdict.reason,
            verdict.order_id,
            verdict.subject_id,
            event.api_version,
            event.livemode,
            event.created_at,
            self.received_at,
            verdict.next_attempt_at,
            verdict.last_error,
            event.body_hash,
        )


class HeldEvent(msgspec.Struct, frozen=True):
    """A stored event to apply again, as it was read. Its payload is None once retention has deleted it."""

    id: str
    type: str
    status: str
    received_at: datetime
    attempts: int
    payload: str | None


async def held_events(connection: asyncpg.Connection, ids: Collection[str]) -> dict[str, bytes]:
    """Return the events that are stored already, each with the hash of its body."""
    return {row["id"]: row["body_hash"] for row in await connection.fetch(sql("held_events"), list(ids))}


async def confirm_held(connection: asyncpg.Connection, ids: Collection[str]) -> dict[str, bytes]:
    """Return the events that are stored already, each with the hash of its body, and make sure that they are durable.

    A statement without a transaction around it: what it returns is durable once the server has committed it.
    """
    row = await connection.fetchrow(sql("confirm_held"), list(ids))
    assert row is not None
    if row["read_only"]:
        raise asyncpg.ReadOnlySQLTransactionError("the server accepts no writes")
    return read_held(row["held"])


def read_held(held: str | None) -> dict[str, bytes]:
    """Return the events of a JSON array of pairs, each an id with the hash of a body in hexadecimal."""
    return {event_id: bytes.fromhex(body_hash) for event_id, body_hash in _HELD.decode(held)} if held else {}


async def adopt_events(connection: asyncpg.Connection, order_of_subject: dict[str, str]) -> None:
    """Mark events that arrived before their order was known as applied to it."""
    await connection.execute(sql("adopt_events"), list(order_of_subject), list(order_of_subject.values()))


async def claim_due_event(connection: asyncpg.Connection) -> HeldEvent | None:
    """Return the failed event that is due longest, or None. Until the transaction ends, no other claims it."""
    row = await connection.fetchrow(sql("claim_due_event"))
    return HeldEvent(*row) if row else None


async def read_events(connection: asyncpg.Connection, ids: Collection[str]) -> dict[str, HeldEvent]:
    """Return those of the events that exist by id, with their payloads."""
    return {row["id"]: HeldEvent(*row) for row in await connection.fetch(sql("read_events"), list(ids))}


async def lock_unchanged(connection: asyncpg.Connection, batch: Sequence[HeldEvent]) -> None:
    """Lock events until the transaction ends. Raise LostRace if one was tried again or adopted since it was read.

    The nodes and orders that they concern must be locked already: whoever adopts an event holds these first.
    """
    rows = await connection.fetch(sql("lock_events"), [held.id for held in batch])
    if {tuple(row) for row in rows} != {(held.id, held.status, held.attempts) for held in batch}:
        raise LostRace


async def record_attempt(connection: asyncpg.Connection, event_id: str, verdict: Verdict) -> None:
    """Record the outcome of another attempt to apply an event."""
    await connection.execute(
        sql("record_attempt"),
        event_id,
        verdict.status,
        verdict.reason,
        verdict.order_id,
        verdict.subject_id,
        verdict.next_attempt_at,
        verdict.last_error,
    )


async def dismiss_events(connection: asyncpg.Connection, ids: Collection[str]) -> dict[str, str | None]:
    """Dismiss those of the events that are dead. Return them with the ids of their orders, as far as known."""
    rows = await connection.fetch(sql("dismiss_events"), list(ids))
    return {row["id"]: None if row["order_id"] is None else str(row["order_id"]) for row in rows}


async def record_attempts(connection: asyncpg.Connection, verdicts: Mapping[str, Verdict]) -> None:
    """Record the outcomes of another attempt by event id. None of them failed."""
    rows = [
        (event_id, found.status, found.reason, found.order_id, found.subject_id) for event_id, found in verdicts.items()
    ]
    await connection.execute(sql("record_attempts"), encode(rows, (text,) * 5))
