"""Take care of orders: who looks after one, and until when its open items wait."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg

from checkout_daemon.audit.audit_log import OperatorAction, act, check_note, check_reason
from checkout_daemon.audit.operators import Operator
from checkout_daemon.database.pool import Database
from checkout_daemon.database.queries import sql
from checkout_daemon.database.reading import Readable
from checkout_daemon.database.records import record_of
from checkout_daemon.errors import CheckoutError, FieldError, InvalidRequest
from checkout_daemon.ledger.merge import Update
from checkout_daemon.model.text import trimmed, unusable
from checkout_daemon.model.todo import TodoItem
from checkout_daemon.orders.order_store import read_order
from checkout_daemon.orders.todo import read_items_of
from checkout_daemon.settings import Settings

_LONGEST_NAME = 64
_LONGEST_SNOOZE = timedelta(days=366)


class NothingToSnooze(CheckoutError, code="nothing_to_snooze", status=409, exit_code=4, title="Nothing can be snoozed"):
    """The order has no open item, or one that must be done before."""


@dataclass(frozen=True, slots=True)
class Care:
    """Who takes care of an order, and until when the items that were open then are left out. Names are JSON keys."""

    order_id: str
    number: int
    owner: str | None
    snoozed_until: datetime | None


async def read_care(database: Readable, order_id: str) -> Care:
    """Return who takes care of the order with this id. A snooze that is over is left out."""
    async with database.connection() as connection:
        return await _read(connection, order_id)


async def assign(database: Database, order_id: str, owner: str | None, *, operator: Operator, note: str = "") -> Care:
    """Give an order an owner, or none. Raise OrderNotFound, or InvalidRequest for the name or the note."""
    note, owner = check_note(note), None if owner is None else check_name(owner)
    return await database.run(_assign, order_id, owner, operator, note)


async def snooze(
    database: Database, settings: Settings, order_id: str, until: datetime, *, operator: Operator, note: str
) -> Care:
    """Leave the items of an order that are open now out of the list until a time. New ones are shown.

    Raise OrderNotFound, NothingToSnooze, or InvalidRequest for the time or the note, which must have text.
    """
    note, now = check_reason(note), datetime.now(UTC)
    check_until(until, now)
    items = await read_items_of(database, settings, order_id, now)
    return await database.run(_snooze, order_id, until, items, operator, note)


async def unsnooze(database: Database, order_id: str, *, operator: Operator, note: str = "") -> Care:
    """Show the items of an order again. Raise OrderNotFound, or InvalidRequest for the note."""
    return await database.run(_unsnooze, order_id, operator, check_note(note))


def check_until(until: datetime, now: datetime) -> None:
    """Raise InvalidRequest for a time that nothing can be snoozed until."""
    if not now < until < now + _LONGEST_SNOOZE:
        detail = f"cannot snooze until {until:%Y-%m-%d %H:%M} UTC: name a time within the next year"
        raise InvalidRequest([FieldError("/until", "invalid_time", detail)])


def check_name(name: str) -> str:
    """Return the name of an owner without surrounding blanks. Raise InvalidRequest."""
    name = trimmed(name)
    if not name or len(name) > _LONGEST_NAME or unusable(name) is not None:
        detail = f"{name!r} cannot be an owner: a name has 1 to {_LONGEST_NAME} letters"
        raise InvalidRequest([FieldError("/owner", "invalid_name", detail)])
    return name


async def _assign(
    connection: asyncpg.Connection, order_id: str, owner: str | None, operator: Operator, note: str
) -> Care:
    kind = "order.unassigned" if owner is None else "order.assigned"
    await _record(connection, order_id, OperatorAction(kind, operator, note, {} if owner is None else {"owner": owner}))
    await connection.execute(sql("set_owner"), order_id, owner)
    return await _read(connection, order_id)


async def _snooze(
    connection: asyncpg.Connection,
    order_id: str,
    until: datetime,
    items: list[TodoItem],
    operator: Operator,
    note: str,
) -> Care:
    number = (await read_order(connection, order_id)).number
    if not items:
        raise NothingToSnooze(f"order {number} needs nothing: there is nothing to snooze")
    for item in items:
        if item.due_by is not None and datetime.now(UTC) < item.due_by <= until:
            raise NothingToSnooze(
                f"{item.subject} of order {number} must be answered by {item.due_by:%Y-%m-%d %H:%M} UTC: "
                "snooze it until a time before that"
            )
    keys = sorted({item.key for item in items})
    details = {"until": f"{until.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}", "items": keys}
    await _record(connection, order_id, OperatorAction("order.snoozed", operator, note, details))
    await connection.execute(sql("set_snooze"), order_id, until, keys)
    return await _read(connection, order_id)


async def _unsnooze(connection: asyncpg.Connection, order_id: str, operator: Operator, note: str) -> Care:
    await _record(connection, order_id, OperatorAction("order.unsnoozed", operator, note))
    await connection.execute(sql("set_snooze"), order_id, None, [])
    return await _read(connection, order_id)


async def _record(connection: asyncpg.Connection, order_id: str, action: OperatorAction) -> None:
    """Lock the order, and write the action to its change log and to the audit log. Raise OrderNotFound."""
    await read_order(connection, order_id)
    update = Update(action.kind, action.operator.actor, action.note, order_ids=[order_id], always_logged=True)
    await act(connection, order_id, action, update)


async def _read(connection: asyncpg.Connection, order_id: str) -> Care:
    (row,) = await connection.fetch(sql("read_care"), order_id)
    return record_of(Care, row)
