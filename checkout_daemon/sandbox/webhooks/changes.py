"""Store new and changed objects, now or later, and emit their events."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from checkout_daemon.sandbox.box import Box, Change, Operation
from checkout_daemon.sandbox.clock import now, stamp
from checkout_daemon.sandbox.errors import invalid
from checkout_daemon.sandbox.objects.operations import operation
from checkout_daemon.sandbox.parameters.specs import Params, merge_metadata
from checkout_daemon.sandbox.parameters.stripe_fields import Rules
from checkout_daemon.sandbox.storage import Body, Stored
from checkout_daemon.sandbox.webhooks.events import emit

CHANGE_TIMER = "change"


def add(
    box: Box,
    body: Body,
    event: str = "",
    *,
    parent: str | None = None,
    kind: str | None = None,
    private: Body | None = None,
) -> Stored:
    """Store a new object, and emit the event if one is named."""
    customer = body.get("customer") if isinstance(body.get("customer"), str) else None
    record = Stored(body, private or {}, parent=parent, kind=kind, customer=customer)
    box.storage.add(record)
    if event:
        emit(box, event, body)
    return record


def store_changed(box: Box, record: Stored, before: Body, **fields: Any) -> Body:
    """Store a record that was changed in place. Return the previous values of what has changed since `before`."""
    body = record.body
    body |= fields
    if "updated" in body and body != before:
        body["updated"] = stamp()
    box.storage.save(record)
    return previous_values(before, body)


def previous_values(before: Body, after: Body) -> Body:
    """Return the values in `before` that have changed, as events report them.

    Of a map inside only the changed entries are included, with null for those that are new; lists are included whole.
    """
    previous: Body = {}
    for name in {**before, **after}:
        old, new = before.get(name), after.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            if changed := previous_values(old, new):
                previous[name] = changed
        elif old != new:
            previous[name] = old
    return previous


@contextmanager
def changing(box: Box, record: Stored, *events: str) -> Iterator[Body]:
    """Let the caller change an object's body, then store it and emit the events as `emit_all` does."""
    before = copy.deepcopy(record.body)
    yield record.body
    emit_all(box, record, store_changed(box, record, before), *events)


def updating(path: str, kind: str, revise: Change, rules: Rules | None = None) -> Operation:
    """Return the operation that updates an object and emits `KIND.updated` if that changed it.

    It merges the metadata, and `revise` changes the rest. What it changes is stored afterwards.
    """

    def update(box: Box, params: Params, object_id: str) -> Body:
        record = box.get(object_id, kind)
        with changing(box, record, f"{kind}.updated") as body:
            body["metadata"] = merge_metadata(body["metadata"], params.get("metadata"))
            revise(box, record, params)
        return body

    return operation(f"POST {path}/{{id}}", update, rules)


def update_and_emit(box: Box, record: Stored, *events: str, **fields: Any) -> None:
    """Store these changes and emit the events as `emit_all` does."""
    before = copy.deepcopy(record.body)
    emit_all(box, record, store_changed(box, record, before, **fields), *events)


def emit_all(box: Box, record: Stored, previous: Body, *events: str) -> None:
    """Emit the events of a stored change.

    Those that end in `.updated` include the previous values, and are left out if nothing has changed.
    """
    for event in events:
        if not event.endswith(".updated"):
            emit(box, event, record.body)
        elif previous:
            emit(box, event, record.body, previous)


def require_status(record: Stored, verb: str, *allowed: str) -> None:
    """Raise ApiError (400) unless the status is one of these."""
    status = record.body.get("status")
    if status not in allowed:
        noun = record.type.rpartition(".")[2].replace("_", " ")
        listed = ", ".join(allowed)
        message = f"You cannot {verb} this {noun} because its status is {status}; it must be one of: {listed}."
        raise invalid(message, param="id")


def change_status(box: Box, record: Stored, status: str, moment: str, *events: str, **fields: Any) -> None:
    """Set the status, and the time in `status_transitions` at which it was reached, and emit the events."""
    transitions = {**record.body["status_transitions"], moment: stamp()}
    update_and_emit(box, record, *events, status=status, status_transitions=transitions, **fields)


def change_later(box: Box, record: Stored, seconds: float, *events: str, **fields: Any) -> None:
    """Set these fields later and emit the events, unless the object's status has changed until then."""
    payload = {
        "id": record.id,
        "type": record.type,
        "while": record.body.get("status"),
        "events": list(events),
        "fields": fields,
    }
    box.storage.add_timer(CHANGE_TIMER, now() + seconds, payload)


def change_now(box: Box, payload: Body) -> None:
    """Apply a delayed change. This is the timer's handler."""
    record = box.storage.find(payload["id"], payload["type"])
    if record is not None and record.body.get("status") == payload["while"]:
        update_and_emit(box, record, *payload["events"], **payload["fields"])
