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
from checkout_daemon.errors import CheckoutError, DatabaseUnavailable, NotFound
from checkout_daemon.events.event_lists import (
    EventFilter,
    EventOutcome,
    all_events,
    read_event,
    read_event_outcomes,
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
    database: Database, event_ids: Sequence[str], *, operator: Operator, note: str = "", after: int = 0
) -> AsyncGenerator[list[ReplayedEvent], None]:
    """Replay events in sequence and yield their outcomes as they are committed. Stop after the first that fails again.

    The first is alone: whether a fix works shows early. Then each transaction has twice as many, up to a limit. If
    anything in one fails or must be refused, its events are replayed one by one. `after` is how many others of the
    same run were replayed before.
    """
    action = OperatorAction("event.replayed", operator, check_note(note))
    ahead: _Turn | None = None
    turn: _Turn | None = None
    try:
        for batch, following in pairwise([*_batches(event_ids, after), ()]):
            turn, ahead = ahead or _turn(database, batch, action), None
            if turn is not None:
                ahead = _turn(database, following, action, before=turn)
                replayed = await turn.task
                if turn.abandoned and (turn := _turn(database, batch, action)) is not None:
                    replayed = await turn.task
                if replayed is not None:
                    yield replayed
                    continue
            for event_id in batch:
                one = await replay(database, event_id, operator=operator, note=note)
                yield [one]
                if not one.ok:
                    return
    finally:
        tasks = [one.task for one in (turn, ahead) if one is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _batches(event_ids: Sequence[str], after: int) -> Iterator[Sequence[str]]:
    done = 0
    while done < len(event_ids):
        batch = event_ids[done : done + min(max(after + done, 1), _BATCH)]
        done += len(batch)
        yield batch


def _turn(
    database: Database, event_ids: Sequence[str], action: OperatorAction, *, before: _Turn | None = None
) -> _Turn | None:
    """Begin to replay events in one transaction. Return None if they cannot share one."""
    shared = len(event_ids) >= 2 and len(set(event_ids)) == len(event_ids)
    return _Turn(database, event_ids, action, before) if shared else None


class _Turn:
    """One transaction of a replay, under way: `task` returns its outcomes, or None with nothing changed.

    Its events are read at once. It takes its locks when the turn before it has all of its own, and commits after that
    one, so that PostgreSQL works on one while this process decodes the other. `abandoned`: the turn before it did not
    commit, so this one must be begun again.
    """

    def __init__(
        self, database: Database, event_ids: Sequence[str], action: OperatorAction, before: _Turn | None
    ) -> None:
        self.abandoned = False
        self._database = database
        self._event_ids = event_ids
        self._action = action
        self._before = before
        self._locked = asyncio.Event()
        self._over = asyncio.Event()
        self._committed = False
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> list[ReplayedEvent] | None:
        try:
            async with self._database.connection() as connection:
                ready = await self._read(connection)
            if self._before is not None:
                await self._before.has_locks()
            replayed = await self._database.run(self._replay, iter([ready]))
        except DatabaseUnavailable:
            raise
        except _Abandoned:
            self.abandoned = True
            return None
        except Exception as error:  # noqa: BLE001 - the edge of one batch: one by one, the event that it comes from is found
            count = len(self._event_ids)
            log.warning("replaying a batch of %d events one by one after %s", count, type(error).__name__)
            return None
        else:
            self._committed = not self._over.is_set()
            return replayed
        finally:
            self._before = None
            self._locked.set()
            self._over.set()

    async def _read(self, connection: asyncpg.Connection) -> list[ReadyEvent]:
        held = await event_store.read_events(connection, self._event_ids)
        if len(held) < len(self._event_ids):
            raise FailsInBatch
        return [prepare(held[event_id]) for event_id in self._event_ids]

    async def _replay(self, connection: asyncpg.Connection, ahead: Iterator[list[ReadyEvent]]) -> list[ReplayedEvent]:
        """Replay the events. What was read `ahead` is used once: if one has changed, the next try reads them again."""
        ready = next(ahead, None)
        if ready is None:
            self._over.set()  # the turn after this one has locks that this try may need: it gives them up
            ready = await self._read(connection)
        done = await reapply_batch(connection, ready)
        self._locked.set()
        action = self._action
        acted: list[ActedOn] = []
        for one in done:
            if one.verdict.reason == OTHER_ACCOUNT and one.held.status == "applied":
                raise FailsInBatch
            if one.verdict.order_id is not None and one.before is not None and one.after is not None:
                named = OperatorAction(action.kind, action.operator, action.note, {"event": one.held.id})
                acted.append(ActedOn(one.verdict.order_id, named, one.before, one.after))
        await record_all(connection, acted)
        if self._before is not None and not await self._before.commits():
            raise _Abandoned
        return [ReplayedEvent(_outcome(one), one.held.status) for one in done]

    async def has_locks(self) -> None:
        """Wait until it holds its locks, or needs them no more."""
        await self._locked.wait()

    async def commits(self) -> bool:
        """Return whether it committed with its first try, once that is known."""
        await self._over.wait()
        return self._committed


class _Abandoned(Exception):
    """The turn before did not commit."""


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
    if payload is None:
        raise NotReplayed(
            f"the payload of {event_id} was deleted: CHECKOUT_PAYLOAD_DAYS have passed, or its customer was "
            f"erased; `checkout reconcile` compares its order with Stripe"
        )
    held = HeldEvent(line.id, line.type, line.status, line.received_at, line.attempts, payload)
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
