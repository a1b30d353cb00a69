"""Dismiss dead events that nothing will fix: no alarm counts them any more, and the audit log has the reason."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from checkout_daemon.audit.audit_log import OperatorAction, check_reason, find_action, record, record_without_order
from checkout_daemon.audit.chain import AuditEntry
from checkout_daemon.audit.operators import Operator
from checkout_daemon.database.pool import Database, LostRace
from checkout_daemon.database.reading import Readable
from checkout_daemon.errors import CheckoutError, NotFound
from checkout_daemon.events.event_lists import list_events_named
from checkout_daemon.ledger import event_store
from checkout_daemon.ledger.merge import locked_order
from checkout_daemon.model.events import EventLine

DISMISSED_EVENT = "event.dismissed"


class NotDead(CheckoutError, code="not_dead", status=409, exit_code=4, title="Only what is dead can be dismissed"):
    """An event or message that is not dead was to be dismissed."""


async def dismiss_events(
    database: Database, event_ids: Sequence[str], *, operator: Operator, note: str
) -> list[EventLine]:
    """Dismiss dead events, all or none. One that is replayed and fails again is dead again.

    Raise NotFound, NotDead, or InvalidRequest for the note, which must have text.
    """
    return await database.run(_dismiss, tuple(dict.fromkeys(event_ids)), operator, check_reason(note))


async def find_dismissal(database: Readable, event: EventLine) -> AuditEntry | None:
    """Return the audit entry of an event's latest dismissal."""
    async with database.connection() as connection:
        return await find_action(connection, event.order_id, DISMISSED_EVENT, {"event": event.id})


async def _dismiss(
    connection: asyncpg.Connection, event_ids: Sequence[str], operator: Operator, note: str
) -> list[EventLine]:
    held = {event.id: event for event in await list_events_named(connection, event_ids)}
    for event_id in event_ids:
        if event_id not in held:
            raise NotFound(f"event {event_id!r} does not exist: `checkout events list` shows the events received")
        if held[event_id].status != "dead":
            raise NotDead(f"event {event_id} is {held[event_id].status}, not dead: nothing was dismissed")
    # Orders are locked before events, as by whoever adopts an event.
    known = sorted({event.order_id for event in held.values() if event.order_id is not None})
    orders = {order_id: (await locked_order(connection, order_id)).orders[order_id] for order_id in known}
    dismissed = await event_store.dismiss_events(connection, event_ids)
    if dismissed.keys() != held.keys():
        raise LostRace  # one was replayed meanwhile: look again
    loose = []
    for event_id in event_ids:
        action = OperatorAction(DISMISSED_EVENT, operator, note, {"event": event_id})
        if (order_id := dismissed[event_id]) is None:
            loose.append(action)
        else:
            state = orders[order_id].state
            await record(connection, order_id, action, before=state, after=state)
    await record_without_order(connection, loose)
    after = {event.id: event for event in await list_events_named(connection, event_ids)}
    return [after[event_id] for event_id in event_ids]
