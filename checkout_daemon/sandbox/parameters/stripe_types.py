"""Look up what Stripe's API has: its routes, their parameters, and which fields of objects can be expanded.

`stripe_types.json` is made from the official SDK by `make stripe-table`. A parameter's type is a code in it: `!` if it
is required, `?` if it is required and may be empty, or `~` if it is optional and may be empty, then alternatives joined
by `|`. `s` is text, `i` an integer, `b` a boolean, `d` a decimal kept as text, `f` a decimal that becomes a number, `r`
a number or bounds, `a` anything. `e5` is a value of the sixth enum, and `o5` an object with the parameters of the sixth
structure. `[` is a list and `{` a map of what follows, whose own alternatives are joined by `/`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

Shape = Mapping[str, str]
"""The parameters of a route or a nested object: the code of each type by name."""

_PART = re.compile(r"[^\[\]]+")


@dataclass(frozen=True, slots=True)
class StripeTypes:
    """The table in stripe_types.json."""

    routes: Mapping[str, int | None]
    expand: Mapping[str, Mapping[str, str]]
    objects: Sequence[Shape]
    enums: Sequence[str]
    nullable: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@cache
def stripe_types() -> StripeTypes:
    """Return the whole table."""
    text = resources.files(__package__).joinpath("stripe_types.json").read_text(encoding="utf-8")
    return StripeTypes(**json.loads(text))


def routes() -> Iterator[tuple[str, str]]:
    """Yield the methods and paths of Stripe's API, with `{id}` for identifiers."""
    for route in stripe_types().routes:
        method, _, path = route.partition(" ")
        yield method, path


def parameters(method: str, path: str) -> Shape | None:
    """Return the parameters of a route, or None if Stripe does not have it."""
    position = stripe_types().routes.get(f"{method} {path}")
    return None if position is None else stripe_types().objects[position]


@cache
def alternatives(code: str) -> tuple[str, ...]:
    """Return the alternatives of a type."""
    return tuple(code.lstrip("!?~").split("|"))


def is_required(code: str) -> bool:
    """Return whether a parameter of this type must be given, if only to be empty."""
    return code[0] in "!?"


def may_be_empty(code: str) -> bool:
    """Return whether an empty text unsets a parameter of this type."""
    return code[0] in "?~"


def element(code: str) -> str:
    """Return the type of the elements of a list or map."""
    return code[1:].replace("/", "|")


def structure(code: str) -> Shape:
    """Return the parameters inside an object type."""
    return stripe_types().objects[int(code[1:])]


@cache
def choices(code: str) -> tuple[str, ...]:
    """Return the values of an enum."""
    return tuple(stripe_types().enums[int(code[1:])].split())


def find_parameter(shape: Shape, name: str) -> str | None:
    """Return the type of a parameter named as in forms, `a[0][b]`, or None if Stripe does not have it."""
    first, *rest = _PART.findall(name)
    code = shape.get(first)
    for part in rest:
        if code is None:
            return None
        code = next((found for option in alternatives(code) if (found := _below(option, part)) is not None), None)
    return code


def _below(code: str, part: str) -> str | None:
    if code[0] == "o":
        return structure(code).get(part)
    if code[0] == "{" or (code[0] == "[" and part.isdigit()):
        return element(code)
    return None


def expandable(kind: str) -> Mapping[str, str]:
    """Return the dotted places in a type of object that hold ids, with the types of object that they may name."""
    return stripe_types().expand.get(kind, {})


def nullable(kind: str) -> Mapping[str, str]:
    """Return the dotted places of maps inside a stored kind, with the fields that are null if not given."""
    return stripe_types().nullable.get(kind, {})


def names_inside(route: str, name: str) -> tuple[str, ...]:
    """Return the names inside a parameter of a route such as `POST /v1/prices`."""
    code = find_parameter(parameters(*route.split()) or {}, name) or ""
    return tuple(structure(alternatives(code)[0]))
