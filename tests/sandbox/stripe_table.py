"""Write sandbox/parameters/stripe_types.json from the SDK: Stripe's routes, parameters and expandable fields.

Run it with `make stripe-table` after an upgrade of the `stripe` package. The sandbox reads the file instead of
importing the package. `checkout_daemon/sandbox/parameters/stripe_types.py` describes the encoding.
"""

from __future__ import annotations

import importlib
import json
import typing
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, cast

import typing_extensions
from stripe._list_object import ListObject
from stripe._object_classes import OBJECT_CLASSES
from stripe._stripe_object import StripeObject, UntypedStripeObject

import checkout_daemon.sandbox.parameters
from checkout_daemon.sandbox.generic.kind_table import KINDS
from tests.sandbox.sdk_params import by_route, typed_fields
from tests.sandbox.sdk_presence import structure_of
from tests.sandbox.sdk_shapes import class_hints, evaluate

FILE = Path(checkout_daemon.sandbox.parameters.__file__ or "").parent / "stripe_types.json"
_KEPT = {kind.object for kind in KINDS}
_BOUNDS = {"gt", "gte", "lt", "lte"}
_SCALARS = {str: "s", int: "i", bool: "b", Decimal: "d", float: "f"}
_UNSET = {("PaymentIntentUpdateParams", "payment_method"), ("SetupIntentUpdateParams", "payment_method")}
"""Parameters that may be empty according to their descriptions, which their types do not show."""


def build() -> dict[str, Any]:
    """Return the whole table."""
    writer = _Writer()
    routes: dict[str, int | None] = {}
    for (verb, path), method in sorted(by_route().items(), key=lambda route: (route[0][1], route[0][0])):
        if path.startswith("/v1/"):
            cls = getattr(importlib.import_module(str(method.module)), method.params) if method.params else None
            routes[f"{verb} {path}"] = writer.structure(cls) if cls else writer.store({})
        else:
            routes[f"{verb} {path}"] = None
    return {
        "routes": routes,
        "expand": {kind: found for kind, cls in _resources() if (found := dict(sorted(expandable_fields(cls))))},
        "nullable": {kind: dict(sorted(nullable_fields(cls))) for kind, cls in _resources() if kind in _KEPT},
        "objects": writer.objects,
        "enums": [" ".join(values) for values in writer.enums],
    }


def text() -> str:
    """Return the file's text: a line for each entry, so that a new version of the SDK makes a readable diff."""
    parts = []
    for name, part in build().items():
        if isinstance(part, dict):
            lines = [f"{json.dumps(key)}:{_compact(value)}" for key, value in part.items()]
            parts.append(f'"{name}":{{\n' + ",\n".join(lines) + "\n}")
        else:
            parts.append(f'"{name}":[\n' + ",\n".join(_compact(entry) for entry in part) + "\n]")
    return "{" + ",\n".join(parts) + "}\n"


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _resources() -> Iterator[tuple[str, type]]:
    for kind, (module, name) in sorted(OBJECT_CLASSES.items()):
        yield kind, getattr(importlib.import_module(module), name)


class _Writer:
    """Structures and enums, each stored once and referred to by its position."""

    def __init__(self) -> None:
        self.objects: list[dict[str, str]] = []
        self.enums: list[tuple[str, ...]] = []
        self._seen_objects: dict[str, int] = {}
        self._seen_enums: dict[tuple[str, ...], int] = {}
        self._by_class: dict[Any, int] = {}

    def structure(self, cls: Any) -> int:
        if cls not in self._by_class:
            fields = {
                name: self._mark(name, hint, cls, required=required) + self._code(hint, cls)
                for name, (hint, required) in sorted(typed_fields(cls).items())
            }
            self._by_class[cls] = self.store(fields)
        return self._by_class[cls]

    def _mark(self, name: str, hint: Any, owner: Any, *, required: bool) -> str:
        """Return how a parameter is marked as required, and as one that may be empty."""
        empty = any("" in typing.get_args(option) for option in _alternatives(hint, _names(owner)))
        if empty or (owner.__name__, name) in _UNSET:
            return "?" if required else "~"
        return "!" if required else ""

    def store(self, fields: dict[str, str]) -> int:
        key = json.dumps(fields)
        if key not in self._seen_objects:
            self._seen_objects[key] = len(self.objects)
            self.objects.append(fields)
        return self._seen_objects[key]

    def _enum(self, values: set[str]) -> int:
        key = tuple(sorted(values))
        if key not in self._seen_enums:
            self._seen_enums[key] = len(self.enums)
            self.enums.append(key)
        return self._seen_enums[key]

    def _code(self, hint: Any, owner: Any) -> str:
        """Return how a parameter of this type is written: alternatives, most specific first."""
        codes: set[str] = set()
        choices: set[str] = set()
        for option in _alternatives(hint, _names(owner)):
            origin, args = typing.get_origin(option), typing.get_args(option)
            if origin is Literal:
                choices |= {value for value in args if value != ""}
            elif typing_extensions.is_typeddict(option):
                codes.add("r" if set(typed_fields(option)) == _BOUNDS else f"o{self.structure(option)}")
            elif origin is list:
                codes.add("[" + self._code(args[0], owner).replace("|", "/"))
            elif origin in (dict, UntypedStripeObject):
                codes.add("{" + self._code(args[-1], owner).replace("|", "/"))
            else:
                codes.add(_SCALARS.get(option, "a"))
        if choices:
            # `Literal[…] | str` only keeps the SDK open to values of later versions: this one has no others.
            codes = {*codes - {"s"}, f"e{self._enum(choices)}"}
        if "r" in codes:
            codes.discard("i")
        return "|".join(sorted(codes)) or "s"


def _names(owner: Any) -> dict[str, Any]:
    """Return what the types of a class may refer to."""
    return {**vars(typing), **vars(typing_extensions), **vars(importlib.import_module(owner.__module__))}


def _alternatives(hint: Any, space: dict[str, Any]) -> Iterator[Any]:
    while isinstance(hint, str | typing.ForwardRef):
        hint = eval(hint if isinstance(hint, str) else hint.__forward_arg__, space)
    if typing.get_origin(hint) in (Union, UnionType):
        for option in typing.get_args(hint):
            yield from _alternatives(option, space)
    else:
        yield hint


def expandable_fields(cls: type, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield each dotted place below a resource that holds ids, with the kinds of object that they name.

    Lists that an object may lack are there only for those who expand them, so they count.
    """
    for name, hint in class_hints(cls).items():
        yield from _expandable(hint, cls, f"{prefix}{name}")


def nullable_fields(cls: type, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield each dotted place of a map inside a resource, with the fields that Stripe always sends and may be null."""
    for name, hint in class_hints(cls).items():
        for inner in _maps(hint, cls):
            known = structure_of(inner) or {}
            if names := " ".join(sorted(name for name, mark in known.items() if mark == "0")):
                yield f"{prefix}{name}", names
            yield from nullable_fields(inner, f"{prefix}{name}.")


def _maps(hint: Any, owner: type) -> Iterator[type]:
    hint = evaluate(hint, owner)
    if typing.get_origin(hint) in (Union, UnionType, list):
        for option in typing.get_args(hint):
            yield from _maps(option, owner)
    elif isinstance(hint, type) and issubclass(hint, StripeObject) and "." in hint.__qualname__:
        yield hint


def _expandable(hint: Any, owner: type, place: str, *, optional: bool = False) -> Iterator[tuple[str, str]]:
    hint = evaluate(hint, owner)
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is ListObject:
        if optional:
            yield place, "list"
        return
    if origin in (Union, UnionType, list):
        if str in args and (kinds := _kinds(args, owner)):
            yield place, kinds
            return
        for option in args:
            yield from _expandable(option, owner, place, optional=type(None) in args)
    elif isinstance(hint, type) and issubclass(hint, StripeObject) and "." in hint.__qualname__:
        yield from expandable_fields(cast("type", hint), f"{place}.")


def _kinds(args: tuple[Any, ...], owner: type) -> str:
    kinds = set()
    for option in args:
        found = evaluate(option, owner)
        if typing.get_origin(found) is not Literal:
            for cls in typing.get_args(found) or (found,):
                named = evaluate(cls, owner)
                if isinstance(named, type) and issubclass(named, StripeObject):
                    kinds.add(getattr(named, "OBJECT_NAME", named.__name__))
    return " ".join(sorted(kinds))


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
