"""Replay stored events: apply them again from the received payload, after a fix. Safe to repeat."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import asyncpg

from checkout_daemon.audit.audit_log import ActedOn, OperatorAction, check_note, record, record_all, state_of
from checkout_daemon.audit.operators import Operator
from checkout_daemon.database.pool import Database
from checkout_daemon.database.reading import Readable
from checkout_daemon.errors import CheckoutError, DatabaseUnavailable, NotFound
from checkout_daemon.events.event_lists import (
    EventFilter,
    EventOutcome,
    all_events,
    read_event,
    read_event_outcomes,
    show_event,
)
from checkout_daemon.ledger import event_store
from checkout_daemon.ledger.apply import (
    OTHER_ACCOUNT,
    FailsInBatch,
    ReadyEvent,
    Reapplied,
    prepare,
    reapply,
    reapply_batch,
)
from checkout_daemon.ledger.event_store import HeldEvent
from checkout_daemon.model.events import DISMISSED, UNHAPPY, EventLine

log = logging.getLogger(__name__)

_BATCH = 200  # events in one transaction, which takes about 40 ms
_Reading = asyncio.Task[list[ReadyEvent]]


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


async def check_replayable(database: Readable, event_ids: Sequence[str]) -> None:
    """Raise NotFound, or NotReplayed if a payload was deleted: before any of the events is applied again."""
    for event_id in event_ids:
        _required(event_id, (await show_event(database, event_id))[1])


async def events_to_replay(database: Database, wanted: EventFilter) -> list[EventLine]:
    """Return the events that fit, in the order in which they were received."""
    return [event async for page in all_events(database, wanted) for event in page][::-1]


async def replay_many(
    database: Database, event_ids: Sequence[str], *, operator: Operator, note: str = "", after: int = 0
) -> AsyncGenerator[list[ReplayedEvent], None]:
    """Replay events in sequence and yield their outcomes as they are committed. Stop after the first that fails again.

    The first is alone: whether a fix works shows early. Then each transaction has twice as many, up to a limit. If
    anything in one fails or must be refused, its events are replayed one by one. `after` is how many others of the
    same run were replayed before.
    """
    action = OperatorAction("event.replayed", operator, check_note(note))
    batches = [*_batches(event_ids, after), []]
    reading = _read_ahead(database, batches[0])
    try:
        for batch, following in pairwise(batches):
            read, reading = reading, _read_ahead(database, following)
            if read is not None and (replayed := await _try_batch(database, batch, read, action)) is not None:
                yield replayed
                continue
            for event_id in batch:
                one = await replay(database, event_id, operator=operator, note=note)
                yield [one]
                if not one.ok:
                    return
    finally:
        if reading is not None:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)


def _batches(event_ids: Sequence[str], after: int) -> Iterator[Sequence[str]]:
    done = 0
    while done < len(event_ids):
        batch = event_ids[done : done + min(max(after + done, 1), _BATCH)]
        done += len(batch)
        yield batch


def _read_ahead(database: Database, event_ids: Sequence[str]) -> _Reading | None:
    """Begin to read a batch while the one before it is written. Return None if its events cannot share a transaction.

    PostgreSQL then works on one while this process decodes the other.
    """
    if len(event_ids) < 2 or len(set(event_ids)) < len(event_ids):
        return None

    async def read() -> list[ReadyEvent]:
        async with database.connection() as connection:
            return await _read_ready(connection, event_ids)

    return asyncio.create_task(read())


async def _read_ready(connection: asyncpg.Connection, event_ids: Sequence[str]) -> list[ReadyEvent]:
    held = await event_store.read_events(connection, event_ids)
    if len(held) < len(event_ids):
        raise FailsInBatch
    return [prepare(held[event_id]) for event_id in event_ids]


async def _try_batch(
    database: Database, event_ids: Sequence[str], reading: _Reading, action: OperatorAction
) -> list[ReplayedEvent] | None:
    """Replay events in one transaction. Return None, with nothing changed, if they must be replayed one by one."""
    try:
        return await database.run(_replay_batch, event_ids, iter([await reading]), action)
    except DatabaseUnavailable:
        raise
    except Exception as error:  # noqa: BLE001 - the edge of one batch: one by one, the event that it comes from is found
        log.warning("replaying a batch of %d events one by one after %s", len(event_ids), type(error).__name__)
        return None


async def _replay_batch(
    connection: asyncpg.Connection, event_ids: Sequence[str], ahead: Iterator[list[ReadyEvent]], action: OperatorAction
) -> list[ReplayedEvent]:
    """Replay events. What was read `ahead` is used once: if one has changed since, the next try reads them again."""
    done = await reapply_batch(connection, next(ahead, []) or await _read_ready(connection, event_ids))
    acted: list[ActedOn] = []
    for one in done:
        if one.verdict.reason == OTHER_ACCOUNT and one.held.status == "applied":
            raise FailsInBatch
        if one.verdict.order_id is not None and one.before is not None and one.after is not None:
            named = OperatorAction(action.kind, action.operator, action.note, {"event": one.held.id})
            acted.append(ActedOn(one.verdict.order_id, named, one.before, one.after))
    await record_all(connection, acted)
    return [ReplayedEvent(_outcome(one), one.held.status) for one in done]


def _outcome(done: Reapplied) -> EventOutcome:
    return EventOutcome(
        id=done.held.id,
        type=done.held.type,
        status=done.verdict.status,
        reason=done.verdict.reason,
        order_id=done.verdict.order_id,
        number=done.number,
        from_status=None if done.before is None else done.before.status,
        to_status=None if done.after is None else done.after.status,
        last_error=None,
        received_at=done.held.received_at,
    )


async def _replay(connection: asyncpg.Connection, event_id: str, action: OperatorAction) -> ReplayedEvent:
    found = await read_event(connection, event_id)
    if found is None:
        raise NotFound(f"event {event_id!r} does not exist: `checkout events list` shows the events received")
    line, payload = found
    body = _required(event_id, payload)
    held = HeldEvent(line.id, line.type, line.status, line.received_at, line.attempts, body)
    applied, merged = await reapply(connection, held)
    if applied.status in UNHAPPY and line.status not in (*UNHAPPY, DISMISSED):
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


def _required(event_id: str, payload: str | None) -> str:
    if payload is None:
        raise NotReplayed(
            f"the payload of {event_id} was deleted: CHECKOUT_PAYLOAD_DAYS have passed, or its customer was "
            f"erased; `checkout reconcile` compares its order with Stripe"
        )
    return payload
