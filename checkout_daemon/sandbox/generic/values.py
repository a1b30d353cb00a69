"""Parameters that nobody declared: taken as they come, and made numbers and booleans where their names say so."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from checkout_daemon.sandbox.errors import bad_parameter
from checkout_daemon.sandbox.forms import Tree
from checkout_daemon.sandbox.params import Anything, Fields, Params, Spec
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

    Lists of objects have their own ways to change.
    """
    for name, value in given.items():
        if name not in body or name in ("id", "object", "metadata"):
            continue
        body[name] = _merged(body[name], value)


def _merged(old: Any, new: Any) -> Any:
    if isinstance(old, dict) and old.get("object") == "list":
        return old
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **{name: _merged(old.get(name), value) for name, value in new.items()}}
    return new


def whole(given: Params, name: str, default: int, at: str = "") -> int:
    """The whole number of this name among undeclared parameters. Raises ApiError (400) for anything else."""
    value = given.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int):
        raise bad_parameter(f"Invalid integer: {str(value)[:100]}", "parameter_invalid_integer", at or name)
    return value


def maps(given: Params, name: str) -> list[Params]:
    """The list of maps of this name among undeclared parameters, or none. Raises ApiError (400) for anything else."""
    value = given.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise bad_parameter("Invalid array", "parameter_invalid_array", name)
    return value


def inner(given: Params, name: str) -> Params:
    """The map of this name among undeclared parameters, empty if there is none. Raises ApiError (400)."""
    value = given.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise bad_parameter(f"Invalid object: {str(value)[:100]}", "parameter_invalid_object", name)
    return value
