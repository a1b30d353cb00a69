"""Dismiss dead messages that nobody needs: no alarm counts them any more, and the audit log has the reason."""

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
from checkout_daemon.database.pool import Database
from checkout_daemon.database.reading import Readable
from checkout_daemon.events.dismissing import NotDead
from checkout_daemon.ledger.merge import locked_orders
from checkout_daemon.outbox import outbox_store
from checkout_daemon.outbox.listing import named_messages, show_message
from checkout_daemon.outbox.outbox_store import MessageLine

DISMISSED_MESSAGE = "message.dismissed"
_GROUP = 200  # messages of one transaction, which locks their orders until its end


async def dismiss_messages(
    database: Database, message_ids: Sequence[str], *, operator: Operator, note: str
) -> list[MessageLine]:
    """Dismiss dead messages, none if one is not dead. One that is replayed and cannot be sent is dead again.

    Each group is a transaction. Return the dismissed ones: what is no longer dead when its group comes is left as it
    is. Raise NotFound, NotDead, or InvalidRequest for an id or the note, which must have text.
    """
    note, lines = check_reason(note), await check_dead_messages(database, message_ids)
    done: set[str] = set()
    for place in range(0, len(lines), _GROUP):
        done |= await database.run(_dismiss, lines[place : place + _GROUP], operator, note)
    if lines and not done:
        raise NotDead("no message is dead any more: nothing was dismissed; run the command again")
    return [(await show_message(database, line.id))[0] for line in lines if line.id in done]


async def check_dead_messages(database: Database, message_ids: Sequence[str]) -> list[MessageLine]:
    """Return the messages, each once. Raise NotFound, NotDead and InvalidRequest as `dismiss_messages` does."""
    lines = list({line.id: line for line in await named_messages(database, message_ids)}.values())
    for line in lines:
        if line.status != "dead":
            raise NotDead(f"message {line.id} is {line.status}, not dead: nothing was dismissed")
    return lines


async def find_dismissal(database: Readable, message: MessageLine) -> AuditEntry | None:
    """Return the audit entry of a message's latest dismissal."""
    async with database.connection() as connection:
        return await find_action(connection, message.order_id, DISMISSED_MESSAGE, {"message": message.id})


async def _dismiss(
    connection: asyncpg.Connection, lines: Sequence[MessageLine], operator: Operator, note: str
) -> set[str]:
    """Dismiss those that are still dead. Return their ids."""
    known = {line.order_id for line in lines if line.order_id is not None}
    orders = (await locked_orders(connection, sorted(known))).orders
    dead = await outbox_store.lock_dead(connection, [line.id for line in lines])
    await outbox_store.dismiss(connection, dead)
    acted, loose = [], []
    for line in lines:
        if line.id not in dead:
            continue
        action = OperatorAction(DISMISSED_MESSAGE, operator, note, {"message": line.id})
        if line.order_id is None:
            loose.append(action)
        else:
            state = orders[line.order_id].state
            acted.append(ActedOn(line.order_id, action, state, state))
    await record_all(connection, acted)
    await record_without_order(connection, loose)
    return set(dead)
