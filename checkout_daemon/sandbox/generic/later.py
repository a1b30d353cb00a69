"""What happens to an object by itself after a while: a payout arrives, a report is done."""

from __future__ import annotations

from typing import Any

from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.clock import now
from checkout_daemon.sandbox.storage import Body, Stored
from checkout_daemon.sandbox.webhooks.changes import put_and_tell

TIMER = "change"


def change_later(box: Box, record: Stored, seconds: float, *events: str, **fields: Any) -> None:
    """Give the object these fields then and tell of it, unless its status has become another meanwhile."""
    payload = {
        "id": record.id,
        "type": record.type,
        "while": record.body.get("status"),
        "events": list(events),
        "fields": fields,
    }
    box.storage.add_timer(TIMER, now() + seconds, payload)


def change_now(box: Box, payload: Body) -> None:
    """The timer's handler."""
    record = box.storage.find(payload["id"], payload["type"])
    if record is not None and record.body.get("status") == payload["while"]:
        put_and_tell(box, record, *payload["events"], **payload["fields"])
