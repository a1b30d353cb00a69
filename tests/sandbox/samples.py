"""Sample values for parameters, from the types in the sandbox's table."""

from __future__ import annotations

from collections.abc import Iterator

from checkout_daemon.sandbox.parameters.stripe_types import (
    Shape,
    alternatives,
    choices,
    element,
    is_required,
    structure,
)

Form = dict[str, str]


def sample(code: str, name: str) -> Iterator[tuple[str, str]]:
    """Yield form entries that give a parameter of this type a value, with what is required inside it."""
    kind = alternatives(code)[-1]
    if kind[0] == "[":
        yield from sample(element(kind), f"{name}[0]")
    elif kind[0] == "{":
        yield from sample(element(kind), f"{name}[key]")
    elif kind[0] == "o":
        yield from inside(structure(kind), name)
    else:
        yield name, _scalar(kind)


def inside(shape: Shape, name: str) -> Iterator[tuple[str, str]]:
    """Yield form entries for what an object requires, or for its first parameter."""
    if not shape:
        yield name, ""
    required = [name for name, code in shape.items() if is_required(code)]
    for key in required or sorted(shape)[:1]:
        yield from sample(shape[key], f"{name}[{key}]")


def required(shape: Shape) -> Form:
    """Return a form with everything that a route requires."""
    return {name: value for key, code in shape.items() if is_required(code) for name, value in sample(code, key)}


def _scalar(kind: str) -> str:
    if kind[0] == "e":
        return choices(kind)[0]
    return {"s": "text", "i": "1577836800", "r": "1577836800", "b": "true", "d": "1.5", "f": "1.5", "a": "x"}[kind[0]]
