"""Stores Stripe's events and their payloads."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg
import msgspec

from checkout_daemon.database.queries import sql
from checkout_daemon.database.records import columns
from checkout_daemon.ledger.translate.envelope import StripeEvent


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


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """A stored event to apply again. `received_at` is needed to find its payload."""

    id: str
    received_at: datetime
    attempts: int


async def held_events(connection: asyncpg.Connection, ids: Collection[str]) -> dict[str, bytes]:
    """Return the events that are stored already, each with the hash of its body."""
    return {row["id"]: row["body_hash"] for row in await connection.fetch(sql("held_events"), list(ids))}


async def adopt_events(connection: asyncpg.Connection, order_of_subject: dict[str, str]) -> None:
    """Mark events that arrived before their order was known as applied to it."""
    await connection.execute(sql("adopt_events"), list(order_of_subject), list(order_of_subject.values()))


async def claim_due_event(connection: asyncpg.Connection) -> StoredEvent | None:
    """Lock and return the failed event that is due longest, or None. Events locked by another daemon are skipped."""
    row = await connection.fetchrow(sql("claim_due_event"))
    return StoredEvent(*row) if row else None


async def lock_event(connection: asyncpg.Connection, event_id: str) -> StoredEvent | None:
    """Lock an event until the transaction ends, and return it, or None."""
    row = await connection.fetchrow(sql("lock_event"), event_id)
    return StoredEvent(*row) if row else None


class HeldEvent(msgspec.Struct, frozen=True):
    """A stored event with its payload, which is None once retention has deleted it."""

    id: str
    type: str
    status: str
    received_at: datetime
    attempts: int
    payload: str | None


async def lock_events(connection: asyncpg.Connection, ids: Collection[str]) -> dict[str, HeldEvent]:
    """Lock those of the events that exist until the transaction ends, and return them by id, with their payloads."""
    return {row["id"]: HeldEvent(*row) for row in await connection.fetch(sql("lock_events"), list(ids))}


async def read_payload(connection: asyncpg.Connection, event: StoredEvent) -> str | None:
    """Return the body as it was received, or None once retention has deleted it."""
    payload: str | None = await connection.fetchval(sql("read_payload"), event.id, event.received_at)
    return payload


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


async def record_attempts(connection: asyncpg.Connection, verdicts: Mapping[str, Verdict]) -> None:
    """Record the outcomes of another attempt by event id. None of them failed."""
    found = verdicts.values()
    await connection.execute(
        sql("record_attempts"), list(verdicts), *columns(found, "status", "reason", "order_id", "subject_id")
    )
