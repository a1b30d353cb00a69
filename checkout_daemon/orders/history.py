"""What an order's change log does not contain: its session attempts, and what operators did."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from checkout_daemon.audit import audit_store
from checkout_daemon.audit.chain import AuditEntry
from checkout_daemon.database.reading import Readable
from checkout_daemon.ledger.change_log import ChangeLine
from checkout_daemon.orders.session_attempt_store import AttemptLine, list_attempts

# The audit log has this machine's clock, the change log the database's.
_SAME_MOMENT = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class ActionLine:
    """An audit entry. `note` is None once the customer was erased; `details` are names and texts."""

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
    """Attempts and operator actions, oldest first."""

    attempts: tuple[AttemptLine, ...]
    actions: tuple[ActionLine, ...]


def split_changes(
    changes: Iterable[ChangeLine], actions: Iterable[ActionLine]
) -> tuple[list[ChangeLine], list[ActionLine]]:
    """Return the changes without an action, and the actions without a change. Each matches at most one of the other."""
    left, unmatched = list(changes), []
    for action in actions:
        change = next((change for change in left if _made_by(change, action)), None)
        if change is None:
            unmatched.append(action)
        else:
            left.remove(change)
    return left, unmatched


async def read_history(database: Readable, order_id: str) -> History:
    """Return the history of the order with this id; it is empty if the order does not exist."""
    async with database.connection() as connection:
        attempts = await list_attempts(connection, order_id)
        entries = await audit_store.read_entries(connection, order_id)
    return History(tuple(attempts), tuple(map(_action, entries)))


def _made_by(change: ChangeLine, action: ActionLine) -> bool:
    same = (change.actor, change.cause) == (action.actor, action.kind)
    return same and abs(change.at - action.at) < _SAME_MOMENT


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
