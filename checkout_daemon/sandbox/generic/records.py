"""Make, change and tell of records of these kinds."""

from __future__ import annotations

import copy
import json
from functools import cache
from importlib import resources
from typing import Any

from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.clock import stamp
from checkout_daemon.sandbox.errors import invalid
from checkout_daemon.sandbox.ids import new_id
from checkout_daemon.sandbox.storage import Body, Record
from checkout_daemon.sandbox.webhooks.events import emit


def new_body(kind: str, prefix: str, path: str = "", **fields: Any) -> Body:
    """An object of this type with its fields as shapes.json has them, but for these."""
    body: Body = copy.deepcopy(_shapes()[kind])
    body["id"] = new_id(prefix)
    if "created" in body:
        body["created"] = stamp()
    if "updated" in body:
        body["updated"] = stamp()
    for name, value in body.items():
        if isinstance(value, dict) and value.get("object") == "list":
            value["url"] = f"{path}/{body['id']}/{name}"
    return body | fields


def add(box: Box, body: Body, *, parent: str | None = None, private: Body | None = None) -> Record:
    """Store a new object."""
    customer = body.get("customer")
    record = Record(body, private or {}, parent=parent, customer=customer if isinstance(customer, str) else None)
    return box.storage.add(record)


def put(box: Box, record: Record, **fields: Any) -> Body:
    """Store these changes; what was there before, as an event's `previous_attributes`."""
    return keep(box, record, copy.deepcopy(record.body), **fields)


def keep(box: Box, record: Record, before: Body, **fields: Any) -> Body:
    """Store a record that was changed in place; what of `before` is no longer so."""
    record.body |= fields
    if "updated" in record.body:
        record.body["updated"] = stamp()
    box.storage.save(record)
    return {name: old for name, old in before.items() if old != record.body.get(name)}


def put_and_tell(box: Box, record: Record, *events: str, **fields: Any) -> None:
    """Store these changes and tell of them; events that end in .updated say what was there before."""
    tell(box, record, put(box, record, **fields), *events)


def tell(box: Box, record: Record, previous: Body, *events: str) -> None:
    for event in events:
        emit(box, event, record.body, previous if event.endswith(".updated") else None)


def require_status(record: Record, verb: str, *allowed: str) -> None:
    """Raises ApiError (400) unless the status is one of these."""
    status = record.body.get("status")
    if status not in allowed:
        noun = record.type.rpartition(".")[2].replace("_", " ")
        listed = ", ".join(allowed)
        message = f"You cannot {verb} this {noun} because its status is {status}; it must be one of: {listed}."
        raise invalid(message, param="id")


@cache
def _shapes() -> dict[str, Body]:
    text = resources.files(__package__).joinpath("shapes.json").read_text(encoding="utf-8")
    shapes: dict[str, Body] = json.loads(text)
    return shapes
