"""Delayed changes of objects: a payout arrives, a report completes."""

from __future__ import annotations

from typing import Any

from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.clock import now
from checkout_daemon.sandbox.storage import Body, Stored
from checkout_daemon.sandbox.webhooks.changes import update_and_emit

TIMER = "change"


def change_later(box: Box, record: Stored, seconds: float, *events: str, **fields: Any) -> None:
    """Set these fields later and emit the events, unless the object's status has changed until then."""
    payload = {
        "id": record.id,
        "type": record.type,
        "while": record.body.get("status"),
        "events": list(events),
        "fields": fields,
    }
    box.storage.add_timer(TIMER, now() + seconds, payload)


def change_now(box: Box, payload: Body) -> None:
    """Apply a delayed change. This is the timer's handler."""
    record = box.storage.find(payload["id"], payload["type"])
    if record is not None and record.body.get("status") == payload["while"]:
        update_and_emit(box, record, *payload["events"], **payload["fields"])
