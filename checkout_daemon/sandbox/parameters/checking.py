"""Check parameters against Stripe's types, and name those that only the sandbox lacks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from checkout_daemon.sandbox.errors import (
    ApiError,
    BadChoice,
    UnknownParameter,
    bad_parameter,
    empty_parameter,
    missing_parameter,
    not_modelled,
)
from checkout_daemon.sandbox.parameters.forms import Tree
from checkout_daemon.sandbox.parameters.stripe_types import (
    Shape,
    alternatives,
    choices,
    element,
    find_parameter,
    is_required,
    may_be_empty,
    structure,
)

INTEGER = re.compile(r"[+-]?\d{1,18}", re.ASCII)
DECIMAL = re.compile(r"[+-]?\d{1,14}(\.\d{1,12})?", re.ASCII)
_BOUNDS = ("gt", "gte", "lt", "lte")
_LONGEST = 40_000
_EXTRA_NAMES = {"payment_method_data[card]": "a", "phases[0][iterations]": "i"}
"""Nested parameters that the SDK's types lack: the data of cards, and what only the CLI's triggers send."""
_EXTRA_VALUES = {
    ("payment_method_data[type]", "card"),
    ("payment_method_options[customer_balance][bank_transfer][type]", "jp_bank_account"),
    *(("ui_mode", name) for name in ("custom", "embedded", "hosted")),
}
"""Values that they lack: cards, and what a trigger of the CLI and SDKs before 2026-02-25.clover send."""
_IDENTIFIERS = frozenset(("charge", "coupon", "customer", "payment_intent", "payment_method", "price", "product"))
"""Parameters that name an object: no route takes an empty one, unless it unsets the object."""
_DIGITS = re.compile(r"(?<=\[)\d+(?=\])", re.ASCII)
_NOUNS = {"[": "array", "{": "object", "o": "object", "i": "integer", "r": "integer", "b": "boolean", "d": "decimal"}
_NOUNS |= {"f": "decimal"}


def check_values(tree: Tree, shape: Shape) -> None:
    """Raise ApiError (400) for a value that Stripe's types do not allow.

    So an operation takes no more than Stripe does, whatever it declares. Which parameters it requires or knows at the
    top level is its own affair, as older versions of the API had others.
    """
    for name, value in tree.items():
        if name in shape:
            read_value(shape[name], value, name)


def check_filled(tree: Tree, shape: Shape, *, everything: bool, prefix: str = "") -> None:
    """Raise ApiError (400) for an empty identifier that Stripe cannot unset.

    With `everything`, raise it for any such parameter but metadata and the lines of an address, which may be empty
    everywhere. On most routes Stripe also takes some empty texts that the SDK's types do not show.
    """
    for name, value in tree.items():
        code = shape.get(name)
        if code is None or name == "metadata":
            continue
        full = join(prefix, name)
        if value == "" and (everything or name in _IDENTIFIERS) and not may_be_empty(code):
            raise empty_parameter(full)
        if not isinstance(value, str) and name != "address":
            for inner, inside, at in _objects_in(code, value, full):
                check_filled(inner, inside, everything=everything, prefix=at)


def in_words(error: ApiError, shape: Shape) -> ApiError:
    """Return the error to answer, which names the sandbox's gap if Stripe has the refused parameter or value."""
    if isinstance(error, UnknownParameter):
        unknown = [name for name in error.names if find_parameter(shape, name) is None]
        lacking = error.names[0]
        return UnknownParameter(*unknown) if unknown else not_modelled(f"the parameter {lacking}", lacking)
    if isinstance(error, BadChoice):
        # Older versions of the API had payment_method_types; the values are those of its successors.
        named = error.name.replace("payment_method_types", "allowed_payment_method_types")
        code = find_parameter(shape, error.name) or find_parameter(shape, named)
        if code is not None and error.value in _choices(code):
            return not_modelled(f"{error.name}={error.value}", error.name, f"Use one of: {', '.join(error.choices)}.")
    return error


def read_value(code: str, value: Tree | str, name: str) -> Any:
    """Return a value converted to its type. Raise ApiError (400) if the type does not allow it."""
    kinds = alternatives(code)
    if value == "":
        if code.startswith("!"):
            raise empty_parameter(name)
        return None
    for kind in kinds:
        fits, read = _read_text(kind, value, name) if isinstance(value, str) else _read_map(kind, value, name)
        if fits:
            return read
    raise _mismatch(kinds, value, name)


def too_long(value: str, maximum: int, name: str) -> ApiError:
    """Return the error for a text that is too long, which shows its ends as Stripe does."""
    message = f"Invalid string: {value[:10]}...{value[-10:]}; must be at most {maximum} characters"
    return ApiError(message, param=name, stored=False)


def join(prefix: str, key: str) -> str:
    """Return the name of a nested parameter as forms write it."""
    return f"{prefix}[{key}]" if prefix else key


def _objects_in(code: str, value: Tree, name: str) -> Iterator[tuple[Tree, Shape, str]]:
    """Yield the objects in a value, also those in lists and maps: each with its parameters and its name."""
    for kind in alternatives(code):
        if kind[0] == "o":
            yield value, structure(kind), name
        elif kind[0] in "[{":
            for key, inner in value.items():
                if not isinstance(inner, str):
                    yield from _objects_in(element(kind), inner, join(name, key))


def _read_inside(tree: Tree, shape: Shape, prefix: str) -> dict[str, Any]:
    _check_required(tree, shape, prefix)
    codes = {
        name: code
        for name in tree
        if (code := shape.get(name) or _EXTRA_NAMES.get(_DIGITS.sub("0", join(prefix, name)))) is not None
    }
    if unknown := [join(prefix, name) for name in tree if name not in codes]:
        raise UnknownParameter(*unknown)
    return {name: read_value(codes[name], value, join(prefix, name)) for name, value in tree.items()}


def _check_required(tree: Tree, shape: Shape, prefix: str) -> None:
    for name, code in shape.items():
        if is_required(code) and name not in tree:
            raise missing_parameter(join(prefix, name))


def _read_text(kind: str, value: str, name: str) -> tuple[bool, Any]:
    first = kind[0]
    if first == "a":
        return True, value
    if first == "s":
        if len(value) > _LONGEST:
            raise too_long(value, _LONGEST, name)
        return True, value
    if first == "e":
        return value in choices(kind) or (name, value) in _EXTRA_VALUES, value
    if first == "b":
        return value in ("true", "false"), value == "true"
    if first in "ir" and INTEGER.fullmatch(value):
        return True, int(value) if first == "i" else {"eq": int(value)}
    if first in "df" and DECIMAL.fullmatch(value):
        return True, value if first == "d" else float(value)
    return False, None


def _read_map(kind: str, value: Tree, name: str) -> tuple[bool, Any]:
    first = kind[0]
    if first == "a":
        return True, value
    if first == "{":
        return True, {key: read_value(element(kind), inner, join(name, key)) for key, inner in value.items()}
    if first == "[" and all(key.isdigit() and key.isascii() and len(key) < 10 for key in value):
        inside = f"!{element(kind)}"  # no element may be empty
        return True, [read_value(inside, value[key], join(name, key)) for key in sorted(value, key=int)]
    if first == "r" and all(key in _BOUNDS for key in value):
        return True, {key: read_value("i", bound, join(name, key)) for key, bound in value.items()}
    if first == "o":
        return True, _read_inside(value, structure(kind), name)
    return False, None


def _choices(code: str) -> tuple[str, ...]:
    """Return the values of the enums among these alternatives, also inside lists."""
    found: list[str] = []
    for kind in alternatives(code):
        inner = alternatives(element(kind)) if kind[0] == "[" else (kind,)
        found += [value for option in inner if option[0] == "e" for value in choices(option)]
    return tuple(found)


def _mismatch(kinds: tuple[str, ...], value: Tree | str, name: str) -> ApiError:
    if isinstance(value, str):
        named = [value for kind in kinds if kind[0] == "e" for value in choices(kind)]
        if named:
            return BadChoice(name, value, tuple(named))
    noun = _NOUNS.get(kinds[0][0], "string")
    shown = value[:200] if isinstance(value, str) else "hash"
    if noun == "integer":
        return bad_parameter(f"Invalid {noun}: {shown}", "parameter_invalid_integer", name)
    return ApiError(f"Invalid {noun}: {shown}", param=name, stored=False)
