"""Write undeclared parameters to the fields of an object."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from checkout_daemon.sandbox.errors import ApiError, bad_parameter
from checkout_daemon.sandbox.parameters.specs import Params
from checkout_daemon.sandbox.parameters.stripe_types import nullable
from checkout_daemon.sandbox.storage import Body

_OWN = frozenset(("id", "object", "created", "livemode", "updated", "metadata"))
"""Fields that no parameter overwrites."""


def overlay(body: Body, given: Params) -> None:
    """Write the given values over those of the body, deep into its maps. Names that are not fields are ignored.

    Lists of objects are changed in other ways. Raise ApiError (400) for a value of another type than the present one.
    """
    for name, value in given.items():
        if name in body and name not in _OWN:
            body[name] = _merged(body[name], value, name)


def complete(body: Body) -> None:
    """Add the fields that Stripe always sends to the maps inside an object, as null."""
    for place, names in nullable(str(body["object"])).items():
        for found in _at(body, place.split(".")):
            for name in names.split():
                found.setdefault(name, None)


def _at(node: Any, parts: list[str]) -> Iterator[Body]:
    """Yield the maps at a place, in every element of lists on the way."""
    if isinstance(node, list):
        for element in node:
            yield from _at(element, parts)
    elif isinstance(node, dict) and parts:
        yield from _at(node.get(parts[0]), parts[1:])
    elif isinstance(node, dict):
        yield node


def stores(body: Body, name: str) -> bool:
    """Return whether `overlay` writes a parameter with this name, or it is metadata."""
    if name == "metadata":
        return name in body
    old = body.get(name)
    return name in body and name not in _OWN and not (isinstance(old, dict) and old.get("object") == "list")


def _merged(old: Any, new: Any, at: str) -> Any:
    if old is None:
        return new
    if isinstance(old, list):
        return _checked([] if new is None else new, list, "array", at)
    if new is None or new == "now" or (isinstance(old, dict) and old.get("object") == "list"):
        return old
    if isinstance(old, dict):
        _checked(new, dict, "object", at)
        return {**old, **{name: _merged(old.get(name), value, f"{at}[{name}]") for name, value in new.items()}}
    if isinstance(old, bool):
        return _checked(new, bool, "boolean", at)
    if isinstance(old, str):
        return str(new) if type(new) is int else _checked(new, str, "string", at)
    if type(new) in (int, float):
        return new
    raise _invalid(new, "integer", at)


def _checked(value: Any, wanted: type, noun: str, at: str) -> Any:
    if not isinstance(value, wanted):
        raise _invalid(value, noun, at)
    return value


def _invalid(value: Any, noun: str, at: str) -> ApiError:
    shown = str(value)[:100] if isinstance(value, str | int | float) else "hash"
    return bad_parameter(f"Invalid {noun}: {shown}", f"parameter_invalid_{noun}", at)


def number(given: Params, name: str, default: int) -> int:
    """Return the whole number with this name, or the default if it is absent or empty."""
    value: int | None = given.get(name)
    return default if value is None else value
