"""Store new and changed objects, and emit their events."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.clock import stamp
from checkout_daemon.sandbox.errors import invalid
from checkout_daemon.sandbox.storage import Body, Stored
from checkout_daemon.sandbox.webhooks.events import emit


def add(box: Box, body: Body, *, parent: str | None = None, private: Body | None = None) -> Stored:
    """Store a new object."""
    customer = body.get("customer")
    record = Stored(body, private or {}, parent=parent, customer=customer if isinstance(customer, str) else None)
    return box.storage.add(record)


def store_changed(box: Box, record: Stored, before: Body, **fields: Any) -> Body:
    """Store a record that was changed in place. Return the values of `before` that have changed."""
    record.body |= fields
    if "updated" in record.body:
        record.body["updated"] = stamp()
    box.storage.save(record)
    names = {**before, **record.body}
    return {name: before.get(name) for name in names if before.get(name) != record.body.get(name)}


@contextmanager
def changing(box: Box, record: Stored, event: str) -> Iterator[Body]:
    """Let the caller change an object's body, then store it and emit the event with the previous values."""
    before = copy.deepcopy(record.body)
    yield record.body
    emit(box, event, record.body, store_changed(box, record, before))


def update_and_emit(box: Box, record: Stored, *events: str, **fields: Any) -> None:
    """Store these changes and emit the events. Those that end in `.updated` include the previous values."""
    before = copy.deepcopy(record.body)
    emit_all(box, record, store_changed(box, record, before, **fields), *events)


def emit_all(box: Box, record: Stored, previous: Body, *events: str) -> None:
    for event in events:
        emit(box, event, record.body, previous if event.endswith(".updated") else None)


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
