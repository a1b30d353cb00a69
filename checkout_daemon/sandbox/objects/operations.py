"""Operations that are the same for every type: retrieve an object, list them, list the parts of another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from checkout_daemon.sandbox.box import Box, Change, Handler, Operation
from checkout_daemon.sandbox.errors import missing_object
from checkout_daemon.sandbox.objects.paging import Condition, Filter, conditions_of, list_page, page_of
from checkout_daemon.sandbox.parameters.specs import Fields, Params
from checkout_daemon.sandbox.parameters.stripe_fields import Rules, open_fields, stripe_fields
from checkout_daemon.sandbox.storage import Body, Stored


def operation(route: str, handler: Handler, rules: Rules | None = None) -> Operation:
    """Return the operation for a route such as `POST /v1/refunds`, with Stripe's parameters."""
    method, path = route.split()
    return Operation(method, path, handler, stripe_fields(route, rules), filled=rules is not None and rules.filled)


def open_operation(route: str, handler: Handler, declared: Fields) -> Operation:
    """Return the operation for a route, with these parameters and the others that Stripe has."""
    method, path = route.split()
    return Operation(method, path, handler, open_fields(route, declared))


def retrieving(path: str, kind: str, rules: Rules | None = None) -> Operation:
    """Return the operation that retrieves an object of a type."""

    def retrieve(box: Box, _: Params, object_id: str) -> Body:
        return box.get(object_id, kind).body

    return operation(f"GET {path}/{{id}}", retrieve, rules)


def listing(
    path: str,
    kind: str,
    *,
    columns: Mapping[str, str] | None = None,
    filters: Mapping[str, Filter] | None = None,
    always: Sequence[Condition] = (),
    defaults: Params | None = None,
    rules: Rules | None = None,
) -> Operation:
    """Return the operation that lists the objects of a type.

    Args:
        path: where they are listed.
        kind: their type.
        columns: parameters that compare a column of the storage, which is quick.
        filters: parameters that have conditions of their own. All others compare the field of the same name.
        always: conditions on every list.
        defaults: what parameters are if they are not given.
        rules: for the parameters.
    """

    def list_all(box: Box, params: Params, _: str) -> Body:
        params = {**(defaults or {}), **params}
        return list_page(box, kind, path, params, [*always, *conditions_of(params, columns or {}, filters or {})])

    return operation(f"GET {path}", list_all, rules)


def acting(route: str, kind: str, act: Change, rules: Rules | None = None) -> Operation:
    """Return the operation that lets `act` change and store an object, and answers with it."""

    def change(box: Box, params: Params, object_id: str) -> Body:
        record = box.get(object_id, kind)
        act(box, record, params)
        return record.body

    return operation(route, change, rules)


def listing_parts(path: str, owner: str, kind: str, rules: Rules | None = None) -> Operation:
    """Return the operation that lists what belongs to an object of the type `owner`, `{id}` in the path."""

    def list_parts(box: Box, params: Params, owner_id: str) -> Body:
        box.get(owner_id, owner)
        return list_page(box, kind, path.format(id=owner_id), params, [("parent = ?", owner_id)])

    return operation(f"GET {path}", list_parts, rules)


def listing_inside(path: str, owner: str, noun: str, found: Callable[[Box, Stored], list[Body]]) -> Operation:
    """Return the operation that lists what an object holds, in this order. `noun` is what Stripe's message calls it."""

    def list_inside(box: Box, params: Params, owner_id: str) -> Body:
        return page_of(found(box, box.get(owner_id, owner)), path.format(id=owner_id), params, noun)

    return operation(f"GET {path}", list_inside)


def find_part(box: Box, ids: str, kind: str, noun: str) -> Stored:
    """Return the object that a path with two identifiers names.

    Raise ApiError (404) if it does not belong to the first. `noun` is what Stripe's message calls it.
    """
    owner_id, _, part_id = ids.partition("/")
    record = box.storage.find(part_id, kind)
    if record is None or record.parent != owner_id:
        raise missing_object(noun, part_id, in_path=True)
    return record


def retrieving_part(path: str, kind: str, noun: str) -> Operation:
    """Return the operation that retrieves one of the objects that belong to another."""

    def retrieve(box: Box, _: Params, ids: str) -> Body:
        return find_part(box, ids, kind, noun).body

    return operation(f"GET {path}/{{id}}", retrieve)
