"""Dismiss dead events that nothing will fix: no alarm counts them any more, and the audit log has the reason."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from checkout_daemon.audit.audit_log import (
    ActedOn,
    OperatorAction,
    check_reason,
    find_action,
    record_all,
    record_without_order,
)
from checkout_daemon.audit.chain import AuditEntry
from checkout_daemon.audit.operators import Operator
from checkout_daemon.database.pool import Database, LostRace
from checkout_daemon.database.reading import Readable
from checkout_daemon.errors import CheckoutError, NotFound
from checkout_daemon.events.event_lists import list_events_named
from checkout_daemon.ledger import event_store
from checkout_daemon.ledger.merge import locked_orders
from checkout_daemon.model.events import EventLine

DISMISSED_EVENT = "event.dismissed"
_GROUP = 200  # events of one transaction, which locks their orders until its end


class NotDead(CheckoutError, code="not_dead", status=409, exit_code=4, title="Only what is dead can be dismissed"):
    """An event or message that is not dead was to be dismissed."""


async def dismiss_events(
    database: Database, event_ids: Sequence[str], *, operator: Operator, note: str
) -> list[EventLine]:
    """Dismiss dead events, none if one is not dead. One that is replayed and fails again is dead again.

    Each group is a transaction. Return the dismissed ones: what is no longer dead when its group comes is left as it
    is. Raise NotFound, NotDead, or InvalidRequest for the note, which must have text.
    """
    note, held = check_reason(note), [event.id for event in await check_dead_events(database, event_ids)]
    done: list[EventLine] = []
    for place in range(0, len(held), _GROUP):
        done += await database.run(_dismiss, held[place : place + _GROUP], operator, note)
    if held and not done:
        raise NotDead("no event is dead any more: nothing was dismissed; run the command again")
    return done


async def check_dead_events(database: Database, event_ids: Sequence[str]) -> list[EventLine]:
    """Return the events, each once. Raise NotFound and NotDead as `dismiss_events` does."""
    return [*(await database.run(_dead, tuple(dict.fromkeys(event_ids)))).values()]


async def find_dismissal(database: Readable, event: EventLine) -> AuditEntry | None:
    """Return the audit entry of an event's latest dismissal."""
    async with database.connection() as connection:
        return await find_action(connection, event.order_id, DISMISSED_EVENT, {"event": event.id})


async def _dismiss(
    connection: asyncpg.Connection, event_ids: Sequence[str], operator: Operator, note: str
) -> list[EventLine]:
    """Dismiss those that are still dead. Return them."""
    held = [event for event in await list_events_named(connection, event_ids) if event.status == "dead"]
    # Orders are locked before events, as by whoever adopts an event.
    known = {event.order_id for event in held if event.order_id is not None}
    orders = (await locked_orders(connection, sorted(known))).orders
    dismissed = await event_store.dismiss_events(connection, [event.id for event in held])
    acted, loose = [], []
    for event_id in event_ids:
        if event_id not in dismissed:
            continue
        action = OperatorAction(DISMISSED_EVENT, operator, note, {"event": event_id})
        if (order_id := dismissed[event_id]) is None:
            loose.append(action)
        elif order_id not in orders:
            raise LostRace  # it was adopted meanwhile: look again
        else:
            state = orders[order_id].state
            acted.append(ActedOn(order_id, action, state, state))
    await record_all(connection, acted)
    await record_without_order(connection, loose)
    after = {event.id: event for event in await list_events_named(connection, list(dismissed))}
    return [after[event_id] for event_id in event_ids if event_id in after]


async def _dead(connection: asyncpg.Connection, event_ids: Sequence[str]) -> dict[str, EventLine]:
    held = {event.id: event for event in await list_events_named(connection, event_ids)}
    for event_id in event_ids:
        if event_id not in held:
            raise NotFound(f"event {event_id!r} does not exist: `checkout events list` shows the events received")
        if held[event_id].status != "dead":
            raise NotDead(f"event {event_id} is {held[event_id].status}, not dead: nothing was dismissed")
    return {event_id: held[event_id] for event_id in event_ids}
