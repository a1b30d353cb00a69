"""Create, retrieve, update, delete, list and act on objects of any kind in the table."""

from __future__ import annotations

import copy
from collections.abc import Collection
from functools import partial

from checkout_daemon.sandbox.box import Box, Operation
from checkout_daemon.sandbox.clock import stamp
from checkout_daemon.sandbox.errors import ApiError, bad_parameter, not_modelled
from checkout_daemon.sandbox.generic.field_values import complete, overlay, stores
from checkout_daemon.sandbox.generic.filtering import kind_conditions
from checkout_daemon.sandbox.generic.stored_kinds import ObjectAction, StoredKind
from checkout_daemon.sandbox.objects.paging import compared, list_page
from checkout_daemon.sandbox.objects.shapes import new_body
from checkout_daemon.sandbox.parameters.specs import EXPAND, PAGING, Fields, Metadata, Open, Params, merge_metadata
from checkout_daemon.sandbox.storage import Body, Stored
from checkout_daemon.sandbox.webhooks.changes import require_status, store_changed, update_and_emit
from checkout_daemon.sandbox.webhooks.events import emit

_ALWAYS: Fields = {**EXPAND, "metadata": Metadata()}


def operations_of(kind: StoredKind) -> list[Operation]:
    """Return all operations of a kind."""
    one = f"{kind.path}/{{id}}"
    operations: list[Operation] = []
    if kind.lists:
        operations.append(Operation("GET", kind.path, partial(list_all, kind), Open(PAGING)))
    if kind.creates:
        operations.append(Operation("POST", kind.path, partial(create, kind), Open({**_ALWAYS, **kind.takes})))
    if kind.retrieves:
        operations.append(Operation("GET", one, partial(retrieve, kind), Open(EXPAND)))
    if kind.updates:
        operations.append(Operation("POST", one, partial(update, kind), Open(_ALWAYS)))
    if kind.deletes or kind.on_delete:
        operations.append(Operation("DELETE", one, partial(delete, kind), Open(EXPAND)))
    for name, action in kind.actions.items():
        path = f"{one}/{name}"
        specs = Open({**EXPAND, **action.takes})
        operations.append(Operation("POST", path, partial(act, kind, name, action), specs))
    return operations


def create(kind: StoredKind, box: Box, params: Params, _: str) -> Body:
    """Create an object. Raises ApiError (400) if a field names an object that does not exist."""
    body = new_body(kind.object, kind.prefix, kind.path)
    _check_kept(kind, body, params, (*kind.takes, *kind.uses))
    _check_references(kind, box, params)
    overlay(body, params)
    if "metadata" in body:
        body["metadata"] = merge_metadata({}, params.get("metadata"))
    _check_unique(kind, box, body)
    if isinstance(body.get("currency"), str):
        body["currency"] = body["currency"].lower()
    customer = params.get("customer")
    record = Stored(body, customer=customer if isinstance(customer, str) else None)
    if kind.build:
        kind.build(box, record, params)
    complete(body)
    box.storage.add(record)
    if "created" in kind.verbs:
        emit(box, kind.event("created"), body)
    if kind.then:
        kind.then(box, record, params)
    return record.body


def retrieve(kind: StoredKind, box: Box, _: Params, object_id: str) -> Body:
    return box.get(object_id, kind.object).body


def update(kind: StoredKind, box: Box, params: Params, object_id: str) -> Body:
    record = box.get(object_id, kind.object)
    _check_kept(kind, record.body, params, kind.revises)
    _check_references(kind, box, params)
    before = copy.deepcopy(record.body)
    overlay(record.body, params)
    if "metadata" in record.body:
        record.body["metadata"] = merge_metadata(record.body["metadata"], params.get("metadata"))
    if kind.revise:
        kind.revise(box, record, params)
    complete(record.body)
    previous = store_changed(box, record, before)
    if "updated" in kind.verbs:
        emit(box, kind.event("updated"), record.body, previous)
    if kind.revised:
        kind.revised(box, record, params)
    return record.body


def delete(kind: StoredKind, box: Box, params: Params, object_id: str) -> Body:
    record = box.get(object_id, kind.object)
    if kind.on_delete:
        kind.on_delete(box, record, params)
    if not kind.deletes:
        return record.body
    box.storage.remove(object_id)
    if "deleted" in kind.verbs:
        emit(box, kind.event("deleted"), record.body)
    return {"id": object_id, "object": kind.object, "deleted": True}


def list_all(kind: StoredKind, box: Box, params: Params, _: str) -> Body:
    return list_page(box, kind.object, kind.path, params, kind_conditions(kind, params))


def act(kind: StoredKind, name: str, action: ObjectAction, box: Box, params: Params, object_id: str) -> Body:
    record = box.get(object_id, kind.object)
    if action.allowed:
        require_status(record, name.replace("_", " "), *action.allowed)
    _check_kept(kind, record.body, params, (*action.takes, *action.uses))
    if action.run:
        action.run(box, record, params)
    else:
        overlay(record.body, params)
        fields = {**action.fields, **{field: stamp() for field in action.stamps}}
        update_and_emit(box, record, *([kind.event(action.event)] if action.event else []), **fields)
    return record.body


def _check_kept(kind: StoredKind, body: Body, params: Params, used: Collection[str]) -> None:
    """Raise ApiError (400) for a parameter without an effect: nothing uses it, and no field stores it."""
    for name, value in params.items():
        if value is not None and name not in used and (name in kind.computed or not stores(body, name)):
            raise not_modelled(f"the parameter {name}", name)


def _check_unique(kind: StoredKind, box: Box, body: Body) -> None:
    for name in kind.unique:
        if body[name] is not None and box.storage.select(kind.object, conditions=compared(name, body[name]), limit=1):
            noun = kind.object.rpartition(".")[2].replace("_", " ")
            message = f"A {noun} with the {name} '{body[name]}' already exists."
            raise ApiError(message, code="resource_already_exists", param=name)


def _check_references(kind: StoredKind, box: Box, params: Params) -> None:
    for name, target in kind.refers.items():
        if (given := params.get(name)) is None:
            continue
        if not isinstance(given, str):
            raise bad_parameter(f"Invalid string: {str(given)[:100]}", "parameter_invalid_string", name)
        box.get(given, target, name)
