"""Replay stored events: apply them again from the received payload, after a fix. Safe to repeat."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, replace

import asyncpg

from checkout_daemon.audit.audit_log import OperatorAction, check_note, record, state_of
from checkout_daemon.audit.operators import Operator
from checkout_daemon.database.pool import Database
from checkout_daemon.errors import CheckoutError, NotFound
from checkout_daemon.events.event_lists import (
    UNHAPPY,
    EventFilter,
    EventLine,
    EventOutcome,
    all_events,
    read_event,
    read_event_outcomes,
)
from checkout_daemon.ledger import event_store
from checkout_daemon.ledger.apply import OTHER_ACCOUNT, reapply


class NotReplayed(CheckoutError):
    """The event cannot be applied again; it stays as it is."""

    code = "not_replayed"
    title = "The event was not replayed"


@dataclass(frozen=True, slots=True)
class ReplayedEvent:
    """The outcome of a replay. `before` is the event's status before it."""

    outcome: EventOutcome
    before: str

    @property
    def ok(self) -> bool:
        """Return whether it did not fail again."""
        return self.outcome.status not in UNHAPPY


async def replay(database: Database, event_id: str, *, operator: Operator, note: str = "") -> ReplayedEvent:
    """Apply an event again, in one transaction. If it fails again, the daemon retries it when it would have anyway.

    Raise NotFound, and NotReplayed if its payload was deleted, or if it was applied before and would not be now.
    """
    action = OperatorAction("event.replayed", operator, check_note(note), {"event": event_id})
    return await database.run(_replay, event_id, action)


async def events_to_replay(database: Database, wanted: EventFilter) -> list[EventLine]:
    """Return the events that fit, in the order in which they were received."""
    return [event async for page in all_events(database, wanted) for event in page][::-1]


async def replay_many(
    database: Database, event_ids: Sequence[str], *, operator: Operator, note: str = ""
) -> AsyncGenerator[ReplayedEvent, None]:
    """Replay events in sequence, each in its own transaction, and stop after the first that fails again."""
    for event_id in event_ids:
        replayed = await replay(database, event_id, operator=operator, note=note)
        yield replayed
        if not replayed.ok:
            return


async def _replay(connection: asyncpg.Connection, event_id: str, action: OperatorAction) -> ReplayedEvent:
    stored = await event_store.lock_event(connection, event_id)
    found = await read_event(connection, event_id)
    if stored is None or found is None:
        raise NotFound(f"event {event_id!r} does not exist: `checkout events list` shows the events received")
    line, payload = found
    if payload is None:
        raise NotReplayed(
            f"the payload of {event_id} was deleted: CHECKOUT_PAYLOAD_DAYS have passed, or its customer was "
            f"erased; `checkout reconcile` compares its order with Stripe"
        )
    applied, merged = await reapply(connection, stored)
    if applied.status in UNHAPPY and line.status not in UNHAPPY:
        # Rolled back with the transaction: what it reported before stays merged.
        raise NotReplayed(f"{event_id} would fail now: {applied.reason}; it stays {line.status}, nothing changed")
    if applied.reason == OTHER_ACCOUNT and line.status == "applied":
        raise NotReplayed(
            f"{event_id} is of another Stripe account and would be ignored now; what it reported is merged "
            f"and stays merged: `checkout orders show {line.order_id}`"
        )
    outcome = (await read_event_outcomes(connection, [event_id]))[event_id]
    order_id = merged.order_ids[0] if merged is not None else None
    if merged is not None and order_id is not None:
        before, after = merged.orders[order_id].state, state_of(merged, order_id)
        await record(connection, order_id, action, before=before, after=after)
        # The change made now, not that of the first time.
        outcome = replace(outcome, from_status=before.status, to_status=after.status)
    return ReplayedEvent(outcome, line.status)
