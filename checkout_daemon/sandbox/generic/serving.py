"""Create, retrieve, update, delete, list and act on objects of any kind in the table."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial

from checkout_daemon.sandbox.box import Box, Operation
from checkout_daemon.sandbox.clock import stamp
from checkout_daemon.sandbox.errors import ApiError, not_modelled
from checkout_daemon.sandbox.generic.field_values import complete, overlay, stores
from checkout_daemon.sandbox.generic.filtering import kind_conditions
from checkout_daemon.sandbox.generic.stored_kinds import StoredKind
from checkout_daemon.sandbox.objects.operations import open_operation
from checkout_daemon.sandbox.objects.paging import compared, list_page
from checkout_daemon.sandbox.objects.shapes import deleted_object, new_body
from checkout_daemon.sandbox.parameters.specs import EXPAND, PAGING, Fields, Metadata, Params, merge_metadata
from checkout_daemon.sandbox.storage import Body, Stored
from checkout_daemon.sandbox.webhooks.changes import changing, require_status, update_and_emit
from checkout_daemon.sandbox.webhooks.events import emit

_ALWAYS: Fields = {**EXPAND, "metadata": Metadata()}


def operations_of(kind: StoredKind) -> list[Operation]:
    """Return all operations of a kind."""
    one = f"{kind.path}/{{id}}"
    common: tuple[tuple[bool, str, Callable[..., Body], Fields], ...] = (
        (kind.lists, f"GET {kind.path}", _list, PAGING),
        (kind.creates, f"POST {kind.path}", _create, {**_ALWAYS, **kind.takes}),
        (kind.retrieves, f"GET {one}", _retrieve, EXPAND),
        (kind.updates, f"POST {one}", _update, _ALWAYS),
        (kind.deletes or kind.on_delete is not None, f"DELETE {one}", _delete, EXPAND),
    )
    return [
        *(open_operation(route, partial(handle, kind), takes) for exists, route, handle, takes in common if exists),
        *(
            open_operation(f"POST {one}/{name}", partial(_act, kind, name), {**EXPAND, **action.takes})
            for name, action in kind.actions.items()
        ),
    ]


def _create(kind: StoredKind, box: Box, params: Params, _: str) -> Body:
    """Create an object. Raise ApiError (400) if a field names an object that does not exist."""
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


def _retrieve(kind: StoredKind, box: Box, _: Params, object_id: str) -> Body:
    return box.get(object_id, kind.object).body


def _update(kind: StoredKind, box: Box, params: Params, object_id: str) -> Body:
    record = box.get(object_id, kind.object)
    _check_kept(kind, record.body, params, kind.revises)
    _check_references(kind, box, params)
    events = [kind.event("updated")] if "updated" in kind.verbs else []
    with changing(box, record, *events) as body:
        overlay(body, params)
        if "metadata" in body:
            body["metadata"] = merge_metadata(body["metadata"], params.get("metadata"))
        if kind.revise:
            kind.revise(box, record, params)
        complete(body)
    if kind.revised:
        kind.revised(box, record, params)
    return record.body


def _delete(kind: StoredKind, box: Box, params: Params, object_id: str) -> Body:
    record = box.get(object_id, kind.object)
    asked = {name: value for name, value in params.items() if value is not False}  # `prorate=false` asks for nothing
    _check_kept(kind, record.body, asked, ())
    if kind.on_delete:
        kind.on_delete(box, record, params)
    if not kind.deletes:
        return record.body
    box.storage.remove(object_id)
    if "deleted" in kind.verbs:
        emit(box, kind.event("deleted"), record.body)
    return deleted_object(object_id, kind.object)


def _list(kind: StoredKind, box: Box, params: Params, _: str) -> Body:
    return list_page(box, kind.object, kind.path, params, kind_conditions(kind, params))


def _act(kind: StoredKind, name: str, box: Box, params: Params, object_id: str) -> Body:
    record, action = box.get(object_id, kind.object), kind.actions[name]
    if action.allowed:
        require_status(record, name.replace("_", " "), *action.allowed)
    _check_kept(kind, record.body, params, (*action.takes, *action.uses))
    if action.run:
        action.run(box, record, params)
    else:
        overlay(record.body, params)
    fields = {**action.fields, **dict.fromkeys(action.times, stamp())}
    if action.reached:
        fields["status_transitions"] = {**record.body["status_transitions"], action.reached: stamp()}
    if fields or action.events or not action.run:
        update_and_emit(box, record, *(kind.event(verb) for verb in action.events.split()), **fields)
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
        if params.get(name) is not None:
            box.get(params[name], target, name)
