"""Records as the JSON of the contract: keys by its names, amounts in minor units, times in UTC."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from checkout_daemon.store.change_reads import ChangeLine
from checkout_daemon.store.event_reads import EventLine
from checkout_daemon.store.order_reads import OrderView
from checkout_daemon.store.outbox import MessageLine


def change_object(change: ChangeLine) -> dict[str, Any]:
    return {
        "seq": change.seq,
        "order_id": change.order_id,
        "at": change.at,
        "from": change.from_status,
        "to": change.to_status,
        "cause": change.cause,
        "actor": change.actor,
        "note": change.note,
    }


def view_object(view: OrderView) -> dict[str, Any]:
    """An order's own keys, and beside them what it consists of."""
    return _keys(view.order) | {
        "items": view.items,
        "sessions": view.sessions,
        "payments": view.payments,
        "refunds": view.refunds,
        "disputes": view.disputes,
        "events": view.events,
        "changes": [change_object(each) for each in view.changes],
    }


def event_object(event: EventLine, payload: Any) -> dict[str, Any]:
    return _keys(event) | {"payload": payload}


def message_object(message: MessageLine) -> dict[str, Any]:
    return _keys(message)


def _keys(record: Any) -> dict[str, Any]:
    return {field.name: getattr(record, field.name) for field in fields(record)}
