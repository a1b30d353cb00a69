"""Parameters that nobody declared: taken as they come, and made numbers and booleans where their names say so."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from checkout_daemon.sandbox.api.forms import Tree
from checkout_daemon.sandbox.api.params import Anything, Fields, Params, Spec
from checkout_daemon.sandbox.errors import ApiError, bad_parameter
from checkout_daemon.sandbox.storage import Body

_WHOLE = re.compile(
    r"(.*_)?(amount|at|after|anchor|available|cost|count|date|days|end|iterations|limit|month|months|quantity|start"
    r"|time|year)|days_until_due"
)
"""Names of what is a whole number: amounts, counts and times."""
_BROKEN = re.compile(r"percentage|percent_off|.*_percent|latitude|longitude")
_INTEGER = re.compile(r"-?\d{1,15}", re.ASCII)
_DECIMAL = re.compile(r"-?\d{1,12}(\.\d{1,12})?", re.ASCII)
_ANYTHING = Anything()
_OWN = frozenset(("id", "object", "created", "livemode", "updated", "metadata"))
"""Fields that no parameter writes over."""
_MAX_VALUE = 5000


class Open(Mapping[str, Spec]):
    """The declared parameters, and any other as it comes."""

    def __init__(self, declared: Fields) -> None:
        self.declared = declared

    def __getitem__(self, name: str) -> Spec:
        return self.declared.get(name, _ANYTHING)

    def __contains__(self, name: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(self.declared)

    def __len__(self) -> int:
        return len(self.declared)


def convert(params: Params, declared: Fields) -> Params:
    """The parameters, with those that were not declared given a type."""
    return {name: value if name in declared else typed(name, value, name) for name, value in params.items()}


def typed(name: str, value: Tree | str, at: str) -> Any:
    """A value that came as text, with the type that its name suggests; empty text is null, numeric keys a list."""
    if isinstance(value, dict):
        if name == "metadata":
            return value
        if value and all(key.isdigit() and key.isascii() for key in value):
            return [typed(name, value[key], f"{at}[{key}]") for key in sorted(value, key=int)]
        return {key: typed(key, each, f"{at}[{key}]") for key, each in value.items()}
    if value in ("true", "false"):
        return value == "true"
    if len(value) > _MAX_VALUE:
        message = f"Invalid string: must be at most {_MAX_VALUE} characters"
        raise bad_parameter(message, "parameter_invalid_string", at)
    if _WHOLE.fullmatch(name) and _INTEGER.fullmatch(value):
        return int(value)
    if _BROKEN.fullmatch(name) and _DECIMAL.fullmatch(value):
        return float(value)
    return value or None


def overlay(body: Body, given: Params) -> None:
    """Write what was given over what the body has, deep into its maps; what it has no field for is not told.

    Lists of objects have their own ways to change. Raises ApiError (400) for a value of another type than there was.
    """
    for name, value in given.items():
        if name in body and name not in _OWN:
            body[name] = _merged(body[name], value, name)


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


def whole(given: Params, name: str, default: int, at: str = "") -> int:
    """The whole number of this name among undeclared parameters. Raises ApiError (400) for anything else."""
    value = given.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int):
        raise _invalid(value, "integer", at or name)
    return value


def maps(given: Params, name: str) -> list[Params]:
    """The list of maps of this name among undeclared parameters, or none. Raises ApiError (400) for anything else."""
    value = given.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise _invalid(value, "array", name)
    return value


def inner(given: Params, name: str) -> Params:
    """The map of this name among undeclared parameters, empty if there is none. Raises ApiError (400)."""
    value = given.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _invalid(value, "object", name)
    return value
