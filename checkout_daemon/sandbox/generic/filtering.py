"""Turn the parameters of a list of stored kinds into conditions on the storage."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from checkout_daemon.sandbox.errors import not_modelled
from checkout_daemon.sandbox.generic.stored_kinds import StoredKind
from checkout_daemon.sandbox.objects.paging import HANDLED, Condition, compared, conditions_of
from checkout_daemon.sandbox.objects.shapes import new_body
from checkout_daemon.sandbox.parameters.specs import Params


def kind_conditions(kind: StoredKind, params: Params) -> list[Condition]:
    """Return the conditions for a list of this kind. Raise ApiError (400) for a parameter that fits no field."""
    fields = new_body(kind.object, kind.prefix)
    for name, value in params.items():
        if name not in HANDLED and value is not None and name not in kind.filters and name not in fields:
            raise not_modelled(f"the parameter {name} of this list", name)
    found = conditions_of(params, {}, kind.filters)
    if not params.get("status") and kind.hides:
        found.append(("json_extract(body, '$.status') IS NOT ?", kind.hides))
    return found


def at(path: str) -> Callable[[Any], list[Condition]]:
    """Filter by the value at a place in the object."""
    return lambda value: compared(path, value)


def in_items(path: str) -> Callable[[Any], list[Condition]]:
    """Filter by a value that some item of the object has at a place."""
    items = "json_each(body, '$.items.data')"
    text = f"EXISTS (SELECT 1 FROM {items} WHERE json_extract(value, '$.{path}') = ?)"  # noqa: S608 - ours
    return lambda value: [(text, value)]


def unless(path: str, wanted: Any) -> Callable[[Any], list[Condition]]:
    """Filter by whether the value at a place differs from this one."""
    return lambda value: [(f"(json_extract(body, '$.{path}') IS NOT ?) = {int(bool(value))}", wanted)]


def equals(path: str, wanted: Any) -> Callable[[Any], list[Condition]]:
    """Filter by whether the value at a place is this one."""
    return lambda value: [(f"(json_extract(body, '$.{path}') IS ?) = {int(bool(value))}", wanted)]


def subscription_status(value: str) -> list[Condition]:
    """Filter by a status. `all` and `ended` stand for several."""
    if value == "all":
        return []
    if value == "ended":
        return [("json_extract(body, '$.status') IN (?, 'incomplete_expired')", "canceled")]
    return compared("status", value)


def paid_with(value: Params) -> list[Condition]:
    """Filter invoice payments by the object that paid them."""
    given = {name: wanted for name, wanted in value.items() if wanted is not None}
    return [condition for name, wanted in given.items() for condition in compared(f"payment.{name}", wanted)]
