"""Stripe's lists: newest first, filtered, one page at a time."""

from __future__ import annotations

from typing import Any

from checkout_daemon.sandbox.api.params import Params
from checkout_daemon.sandbox.box import NOUNS, Box
from checkout_daemon.sandbox.errors import invalid, missing_object
from checkout_daemon.sandbox.shapes import list_object
from checkout_daemon.sandbox.storage import Body

_COMPARE = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "eq": "="}
_DEFAULT_LIMIT = 10

Condition = tuple[str, Any]


def list_page(box: Box, kind: str, url: str, params: Params, conditions: list[Condition] | None = None) -> Body:
    """A page of the objects of a type, as `limit`, `starting_after`, `ending_before` and `created` ask."""
    conditions = [*(conditions or []), *created_conditions(params.get("created"))]
    limit = params.get("limit", _DEFAULT_LIMIT)
    backwards = params.get("ending_before") is not None
    if backwards and params.get("starting_after") is not None:
        raise invalid("You may only specify one of these parameters: ending_before, starting_after.")
    for name, comparison in (("starting_after", "<"), ("ending_before", ">")):
        if cursor := params.get(name):
            seq = box.storage.seq(cursor, kind)
            if seq is None:
                raise missing_object(NOUNS.get(kind, kind), cursor, name)
            conditions.append((f"seq {comparison} ?", seq))
    found = box.storage.select(kind, conditions=conditions, limit=limit + 1, ascending=backwards)
    data = [each.body for each in found[:limit]]
    if backwards:
        data.reverse()
    return list_object(data, url, has_more=len(found) > limit)


def created_conditions(created: dict[str, int] | None) -> list[Condition]:
    return [(f"created {_COMPARE[name]} ?", bound) for name, bound in (created or {}).items()]


def related(params: Params, **columns: str) -> list[Condition]:
    """Conditions on what an object belongs to, by the parameter's name: quick, for kinds whose records say so."""
    return [(f"{column} = ?", value) for name, column in columns.items() if (value := params.get(name)) is not None]


def matching(params: Params, *names: str) -> list[Condition]:
    """Conditions on fields of the object itself."""
    return [
        (f"json_extract(body, '$.{name}') = ?", int(value) if isinstance(value, bool) else value)
        for name in names
        if (value := params.get(name)) is not None
    ]
