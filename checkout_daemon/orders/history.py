"""What the change log does not tell of an order: what was asked of Stripe for it, and what operators did to it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from checkout_daemon.audit import audit_store
from checkout_daemon.audit.chain import AuditEntry
from checkout_daemon.database.pool import Database
from checkout_daemon.ledger.change_log import ChangeLine
from checkout_daemon.orders.session_attempts import AttemptLine, list_attempts

# The log's clock is this machine's, the changes' is the database's.
_SAME_MOMENT = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class ActionLine:
    """An entry of the operator log. `note` is None once its customer was erased; `details` are names and texts."""

    number: int
    at: datetime
    kind: str
    actor: str
    note: str | None
    details: tuple[tuple[str, str], ...]
    from_status: str
    to_status: str


@dataclass(frozen=True, slots=True)
class History:
    """Each list in the order in which things came."""

    attempts: tuple[AttemptLine, ...]
    actions: tuple[ActionLine, ...]


def _is_of(change: ChangeLine, action: ActionLine) -> bool:
    same = (change.actor, change.cause) == (action.actor, action.kind)
    return same and abs(change.at - action.at) < _SAME_MOMENT


def split_changes(
    changes: Iterable[ChangeLine], actions: Iterable[ActionLine]
) -> tuple[list[ChangeLine], list[ActionLine]]:
    """The changes that no action is, and the actions that no change is; each is at most one of the other."""
    alone, silent = list(changes), []
    for action in actions:
        told = next((each for each in alone if _is_of(each, action)), None)
        if told is None:
            silent.append(action)
        else:
            alone.remove(told)
    return alone, silent


async def read_history(database: Database, order_id: str) -> History:
    """Of the order with this id; empty where there is none."""
    async with database.connection() as connection:
        attempts = await list_attempts(connection, order_id)
        entries = await audit_store.read_entries(connection, order_id)
    return History(tuple(attempts), tuple(_action(each) for each in entries))


def _action(entry: AuditEntry) -> ActionLine:
    details = json.loads(entry.details)
    return ActionLine(
        number=entry.number,
        at=entry.at,
        kind=entry.kind,
        actor=f"{entry.operator}@{entry.host}",
        note=None if entry.personal is None else json.loads(entry.personal)["note"],
        details=tuple((name, _text(value)) for name, value in details.items() if value not in (None, "", [])),
        from_status=json.loads(entry.before)["status"],
        to_status=json.loads(entry.after)["status"],
    )


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
