"""Take care of what needs a person and is about no order: dead events and messages, orders that are missing here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg

from checkout_daemon.audit.audit_log import OperatorAction, check_note, check_reason, record_without_order
from checkout_daemon.audit.operators import Operator
from checkout_daemon.database.pool import Database
from checkout_daemon.database.queries import sql
from checkout_daemon.database.records import record_of
from checkout_daemon.errors import NotFound
from checkout_daemon.model.todo import OF_NO_ORDER, TodoItem
from checkout_daemon.orders.caring import check_name, check_until
from checkout_daemon.orders.todo import read_todo
from checkout_daemon.settings import Settings


@dataclass(frozen=True, slots=True)
class ItemCare:
    """Who takes care of an item, until when it is left out, and the last note. Names are JSON keys."""

    item: str
    owner: str | None = None
    snoozed_until: datetime | None = None
    note: str | None = None
    note_by: str | None = None
    note_at: datetime | None = None


def is_item(text: str) -> bool:
    """Return whether a text names such an item, such as `event_dead:evt_1`."""
    return text.partition(":")[0] in OF_NO_ORDER


async def assign_item(
    database: Database, settings: Settings, item: str, owner: str | None, *, operator: Operator, note: str = ""
) -> ItemCare:
    """Give an item an owner, or none. Raise NotFound, or InvalidRequest for the name or the note."""
    note, owner = check_note(note), None if owner is None else check_name(owner)
    await find_item(database, settings, item)
    details = {"item": item} | ({} if owner is None else {"owner": owner})
    action = OperatorAction("item.unassigned" if owner is None else "item.assigned", operator, note, details)
    return await database.run(_write, item, action, "set_item_owner", owner)


async def snooze_item(
    database: Database, settings: Settings, item: str, until: datetime, *, operator: Operator, note: str
) -> ItemCare:
    """Leave an item out of the list until a time. Raise NotFound, or InvalidRequest for the time or the note."""
    note = check_reason(note)
    check_until(until, datetime.now(UTC))
    await find_item(database, settings, item)
    details = {"item": item, "until": f"{until.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"}
    action = OperatorAction("item.snoozed", operator, note, details)
    return await database.run(_write, item, action, "set_item_snooze", until)


async def unsnooze_item(
    database: Database, settings: Settings, item: str, *, operator: Operator, note: str = ""
) -> ItemCare:
    """Show an item again. Raise NotFound, or InvalidRequest for the note."""
    note = check_note(note)
    await find_item(database, settings, item)
    action = OperatorAction("item.unsnoozed", operator, note, {"item": item})
    return await database.run(_write, item, action, "set_item_snooze", None)


async def find_item(database: Database, settings: Settings, item: str) -> TodoItem:
    """Return what needs a person and is named so, also while it is snoozed. Raise NotFound."""
    found = await read_todo(database, settings, filtered=True)
    items: Iterable[TodoItem] = (*found.items, *found.snoozed)
    for one in items:
        if one.key == item and one.kind in OF_NO_ORDER:
            return one
    raise NotFound(f"{item!r} is nothing that needs a person: `checkout todo --json` shows the items")


async def _write(
    connection: asyncpg.Connection, item: str, action: OperatorAction, statement: str, value: object
) -> ItemCare:
    await record_without_order(connection, [action])
    await connection.execute(sql(statement), item, value)
    if action.note:
        await connection.execute(sql("set_item_note"), item, action.note, action.operator.actor)
    (row,) = await connection.fetch(sql("read_item_care"), [item])
    return record_of(ItemCare, row)
