"""Applies stored events again, from the payload that was received: after a mend, by an operator. Safe to do twice."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, replace

import asyncpg

from checkout_daemon.errors import CheckoutError, NotFound
from checkout_daemon.services.apply import OTHER_ACCOUNT, reapply
from checkout_daemon.services.operator_log import Deed, check_note, record, state_of
from checkout_daemon.services.operators import Operator
from checkout_daemon.services.reading import all_events
from checkout_daemon.store import events
from checkout_daemon.store.database import Database
from checkout_daemon.store.event_reads import EventFilter, EventLine, EventOutcome, read_event, read_event_outcomes

_HELD = ("failed", "dead")


class NotReplayed(CheckoutError):
    """The event cannot be applied again; it stays as it was."""

    code = "not_replayed"
    title = "The event was not replayed"


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of an event, and its status before. `ok`: it did not fail again."""

    end: EventOutcome
    before: str

    @property
    def ok(self) -> bool:
        return self.end.status not in _HELD


async def replay(database: Database, event_id: str, *, operator: Operator, note: str = "") -> Replayed:
    """Apply it again, in one transaction. One that fails again keeps its turn among those the daemon retries.

    Raises NotFound; NotReplayed where its payload is no longer held, or where it was applied before and would fail now.
    """
    deed = Deed("event.replayed", operator, check_note(note), {"event": event_id})
    return await database.run(_replay, event_id, deed)


async def events_to_replay(database: Database, wanted: EventFilter) -> list[EventLine]:
    """Those that fit, the one received first before the others: so they were meant to be applied."""
    return [event async for page in all_events(database, wanted) for event in page][::-1]


async def replay_many(
    database: Database, event_ids: Sequence[str], *, operator: Operator, note: str = ""
) -> AsyncGenerator[Replayed, None]:
    """One after the other, each in a transaction of its own; the first that fails again is the last that is tried."""
    for event_id in event_ids:
        replayed = await replay(database, event_id, operator=operator, note=note)
        yield replayed
        if not replayed.ok:
            return


async def _replay(connection: asyncpg.Connection, event_id: str, deed: Deed) -> Replayed:
    stored = await events.lock_event(connection, event_id)
    found = await read_event(connection, event_id)
    if stored is None or found is None:
        raise NotFound(f"there is no event {event_id!r}: `checkout events list` shows those that were received")
    line, payload = found
    if payload is None:
        raise NotReplayed(
            f"the payload of {event_id} is no longer held: CHECKOUT_PAYLOAD_DAYS have passed, or its customer was "
            f"erased; `checkout reconcile` compares its order with Stripe"
        )
    applied, merged = await reapply(connection, stored)
    if applied.status in _HELD and line.status not in _HELD:
        # Rolled back with the transaction: what it told is merged and stays merged.
        raise NotReplayed(f"{event_id} would fail now: {applied.reason}; it stays {line.status}, nothing was changed")
    if applied.reason == OTHER_ACCOUNT and line.status == "applied":
        raise NotReplayed(
            f"{event_id} is of another Stripe account and would be ignored now; what it reported is merged "
            f"and stays merged: `checkout orders show {line.order_id}`"
        )
    order_id = merged.order_ids[0] if merged is not None else None
    if merged is not None and order_id is not None:
        before, after = merged.orders[order_id].state, state_of(merged, order_id)
        await record(connection, order_id, deed, before=before, after=after)
    end = (await read_event_outcomes(connection, [event_id]))[event_id]
    if merged is not None and order_id is not None:
        # What this changed, not what the first time did.
        end = replace(end, from_status=before.status, to_status=after.status)
    return Replayed(end, line.status)
