"""Stripe's lists: newest first, filtered, one page at a time."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from checkout_daemon.sandbox.box import NOUNS, Box
from checkout_daemon.sandbox.errors import missing_object, received_both
from checkout_daemon.sandbox.objects.shapes import list_object
from checkout_daemon.sandbox.parameters.specs import PAGING, Params
from checkout_daemon.sandbox.storage import Body, Stored

_COMPARE = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "eq": "="}
_DEFAULT_LIMIT = 10
_NAMED = {
    "charge": "charge",
    "customer": "customer",
    "invoice": "invoice",
    "payment_intent": "payment_intent",
    "price": "price",
    "product": "product",
    "subscription": "subscription",
    "test_clock": "test_helpers.test_clock",
}
"""Filters that name an object, and the object's type."""

HANDLED = frozenset((*PAGING, "created"))
"""The parameters that `list_page` handles for every list."""

Condition = tuple[str, Any]

Filter = Callable[[Any], list[Condition]]
"""Return the conditions for a value of a list's parameter."""


def list_page(
    box: Box,
    kind: str,
    url: str,
    params: Params,
    conditions: list[Condition] | None = None,
    kinds: Sequence[str] = (),
) -> Body:
    """Return a page of the objects of a type, as `limit`, `starting_after`, `ending_before` and `created` ask.

    `kinds`: only objects of these kinds, if any are given.

    Raise ApiError (400) for a filter that names an object which does not exist.
    """
    _check_named(box, params)
    conditions = [*(conditions or []), *_created(params.get("created"))]
    limit = params.get("limit", _DEFAULT_LIMIT)
    for name, comparison in (("starting_after", "<"), ("ending_before", ">")):
        if cursor := params.get(name):
            if not box.storage.has(cursor, kind):
                raise missing_object(NOUNS.get(kind, kind), cursor, name)
            place = "(SELECT created, seq FROM objects WHERE id = ?)"
            conditions.append((f"(created, seq) {comparison} {place}", cursor))
    backwards = _backwards(params)
    found = box.storage.select(kind, conditions=conditions, kinds=kinds, limit=limit + 1, ascending=backwards)
    data = [record.body for record in found[:limit]]
    if backwards:
        data.reverse()
    return list_object(data, url, has_more=len(found) > limit)


def first_page(found: Sequence[Stored | Body], url: str) -> Body:
    """Return a list object with the first ten of these, as Stripe includes lists in objects."""
    bodies = [item.body if isinstance(item, Stored) else item for item in found[:_DEFAULT_LIMIT]]
    return list_object(bodies, url, has_more=len(found) > _DEFAULT_LIMIT)


def page_of(found: list[Body], url: str, params: Params, noun: str) -> Body:
    """Return a page of these objects. The first counts as the newest."""
    ids = [body["id"] for body in found]
    limit = params.get("limit", _DEFAULT_LIMIT)
    for name in ("starting_after", "ending_before"):
        if params.get(name) is not None and params[name] not in ids:
            raise missing_object(noun, params[name], name)
    if _backwards(params):
        last = ids.index(params["ending_before"])
        first = max(0, last - limit)
        return list_object(found[first:last], url, has_more=first > 0)
    first = ids.index(params["starting_after"]) + 1 if params.get("starting_after") else 0
    return list_object(found[first : first + limit], url, has_more=len(found) > first + limit)


def _backwards(params: Params) -> bool:
    if params.get("ending_before") is not None and params.get("starting_after") is not None:
        raise received_both("starting_after", "ending_before")
    return params.get("ending_before") is not None


def _check_named(box: Box, params: Params) -> None:
    for name, kind in _NAMED.items():
        value = params.get(name)
        if isinstance(value, str) and not box.storage.has(value, kind):
            raise missing_object(NOUNS.get(kind, kind), value, name)


def conditions_of(
    params: Params, columns: Mapping[str, str], filters: Mapping[str, Filter] | None = None
) -> list[Condition]:
    """Return the conditions for a list's parameters.

    A parameter in `columns` compares that column, one in `filters` has conditions of its own, and any other compares
    the object's field with its name.
    """
    found: list[Condition] = []
    for name, value in params.items():
        if name in HANDLED or value is None:
            continue
        if name in columns:
            found.append((f"{columns[name]} = ?", value))
        else:
            found += filters[name](value) if filters and name in filters else compared(name, value)
    return found


def any_of(expression: str) -> Filter:
    """Filter by a list of values, one of which the SQL expression must have. An empty list filters nothing."""
    text = f"{expression} IN (SELECT value FROM json_each(?))"  # noqa: S608 - ours
    return lambda values: [(text, json.dumps(values))] if values else []


def compared(path: str, value: Any) -> list[Condition]:
    """Return conditions on the value at a place in the object: a value to equal, bounds, or values of its parts."""
    if not isinstance(value, dict):
        return [(f"json_extract(body, '$.{path}') = ?", int(value) if isinstance(value, bool) else value)]
    found: list[Condition] = []
    for name, part in value.items():
        if name in _COMPARE:
            found.append((f"json_extract(body, '$.{path}') {_COMPARE[name]} ?", part))
        else:
            found += compared(f"{path}.{name}", part)
    return found


def _created(bounds: dict[str, int] | None) -> list[Condition]:
    return [(f"created {_COMPARE[name]} ?", bound) for name, bound in (bounds or {}).items()]
