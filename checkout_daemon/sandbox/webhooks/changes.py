"""Make, change and tell of records of these kinds."""

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


def put(box: Box, record: Stored, **fields: Any) -> Body:
    """Store these changes; what was there before, as an event's `previous_attributes`."""
    return keep(box, record, copy.deepcopy(record.body), **fields)


def keep(box: Box, record: Stored, before: Body, **fields: Any) -> Body:
    """Store a record that was changed in place; what of `before` is no longer so."""
    record.body |= fields
    if "updated" in record.body:
        record.body["updated"] = stamp()
    box.storage.save(record)
    names = {**before, **record.body}
    return {name: before.get(name) for name in names if before.get(name) != record.body.get(name)}


@contextmanager
def changing(box: Box, record: Stored, event: str) -> Iterator[Body]:
    """Let the caller change an object's body, then store it and emit the event with what was there before."""
    before = copy.deepcopy(record.body)
    yield record.body
    emit(box, event, record.body, keep(box, record, before))


def put_and_tell(box: Box, record: Stored, *events: str, **fields: Any) -> None:
    """Store these changes and tell of them; events that end in .updated say what was there before."""
    tell(box, record, put(box, record, **fields), *events)


def tell(box: Box, record: Stored, previous: Body, *events: str) -> None:
    for event in events:
        emit(box, event, record.body, previous if event.endswith(".updated") else None)


def require_status(record: Stored, verb: str, *allowed: str) -> None:
    """Raises ApiError (400) unless the status is one of these."""
    status = record.body.get("status")
    if status not in allowed:
        noun = record.type.rpartition(".")[2].replace("_", " ")
        listed = ", ".join(allowed)
        message = f"You cannot {verb} this {noun} because its status is {status}; it must be one of: {listed}."
        raise invalid(message, param="id")
