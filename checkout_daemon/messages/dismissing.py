"""Dismiss dead messages that nobody needs: no alarm counts them any more, and the audit log has the reason."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from checkout_daemon.audit.audit_log import OperatorAction, check_reason, find_action, record, record_without_order
from checkout_daemon.audit.chain import AuditEntry
from checkout_daemon.audit.operators import Operator
from checkout_daemon.database.pool import Database
from checkout_daemon.database.reading import Readable
from checkout_daemon.events.dismissing import NotDead
from checkout_daemon.ledger.merge import locked_order
from checkout_daemon.outbox import outbox_store
from checkout_daemon.outbox.listing import show_message
from checkout_daemon.outbox.outbox_store import MessageLine

DISMISSED_MESSAGE = "message.dismissed"


async def dismiss_messages(
    database: Database, message_ids: Sequence[str], *, operator: Operator, note: str
) -> list[MessageLine]:
    """Dismiss dead messages, all or none. One that is replayed and cannot be sent is dead again.

    Raise NotFound, NotDead, or InvalidRequest for an id or the note, which must have text.
    """
    note = check_reason(note)
    lines = [(await show_message(database, message_id))[0] for message_id in dict.fromkeys(message_ids)]
    for line in lines:
        if line.status != "dead":
            raise NotDead(f"message {line.id} is {line.status}, not dead: nothing was dismissed")
    await database.run(_dismiss, lines, operator, note)
    return [(await show_message(database, line.id))[0] for line in lines]


async def find_dismissal(database: Readable, message: MessageLine) -> AuditEntry | None:
    """Return the audit entry of a message's latest dismissal."""
    async with database.connection() as connection:
        return await find_action(connection, message.order_id, DISMISSED_MESSAGE, {"message": message.id})


async def _dismiss(connection: asyncpg.Connection, lines: Sequence[MessageLine], operator: Operator, note: str) -> None:
    known = sorted({line.order_id for line in lines if line.order_id is not None})
    orders = {order_id: (await locked_order(connection, order_id)).orders[order_id] for order_id in known}
    if (await outbox_store.lock_dead(connection, [line.id for line in lines])).keys() != {line.id for line in lines}:
        raise NotDead("a message was replayed meanwhile: nothing was dismissed; run the command again")
    await outbox_store.dismiss(connection, [line.id for line in lines])
    loose = []
    for line in lines:
        action = OperatorAction(DISMISSED_MESSAGE, operator, note, {"message": line.id})
        if line.order_id is None:
            loose.append(action)
        else:
            state = orders[line.order_id].state
            await record(connection, line.order_id, action, before=state, after=state)
    await record_without_order(connection, loose)
