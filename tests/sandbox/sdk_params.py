"""Compare the parameters of the sandbox's operations with the SDK's types."""

from __future__ import annotations

import ast
import importlib
import re
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Literal, Union

import stripe
import typing_extensions
from stripe._request_options import RequestOptions
from stripe._stripe_object import UntypedStripeObject

from checkout_daemon.sandbox.parameters.specs import (
    DecimalNumber,
    Entries,
    Flag,
    Integer,
    ListOf,
    Map,
    Metadata,
    Range,
    Refused,
    Spec,
    StripeType,
    Text,
    Upload,
)

SOURCE = Path(stripe.__file__).parent
_OPTIONS = frozenset(RequestOptions.__annotations__)
"""The request options that every class of parameters also has."""


@dataclass(frozen=True)
class Method:
    """A method of one of the SDK's services."""

    file: Path
    name: str
    verb: str
    path: str
    params: str | None
    module: str | None

    @property
    def route(self) -> tuple[str, str]:
        return self.verb, re.sub(r"\{\w+\}", "{id}", self.path)


@cache
def methods() -> dict[str, Method]:
    """Return every synchronous method of the SDK's services, named like `checkout.sessions.create`."""
    found: dict[str, Method] = {}
    for file in sorted(SOURCE.rglob("_*_service.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        imported = {
            alias.name: node.module or ""
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        for cls in (node for node in tree.body if isinstance(node, ast.ClassDef)):
            for function in (node for node in cls.body if isinstance(node, ast.FunctionDef)):
                if (
                    method := _read(file, f"{_service(file, cls.name)}.{function.name}", function, imported)
                ) is not None:
                    found[method.name] = method
    return found


def _service(file: Path, cls: str) -> str:
    """Return a service's name as clients write it: `checkout.sessions` for SessionService in checkout/."""
    folders = file.parent.relative_to(SOURCE).parts
    words = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.removesuffix("Service")).lower()
    return ".".join((*folders, words))


def _read(file: Path, name: str, function: ast.FunctionDef, imported: Mapping[str, str]) -> Method | None:
    for node in ast.walk(function):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in ("_request", "_request_stream")
        ):
            verb, path = node.args[:2]
            if isinstance(path, ast.Call) and isinstance(path.func, ast.Attribute):
                path = path.func.value
            if not (isinstance(verb, ast.Constant) and isinstance(path, ast.Constant)):
                return None
            params = next((argument.annotation for argument in function.args.args if argument.arg == "params"), None)
            given = re.search(r"\w+Params", ast.unparse(params)) if params is not None else None
            kind = given[0] if given else None
            return Method(
                file.relative_to(SOURCE), name, str(verb.value).upper(), str(path.value), kind, imported.get(kind or "")
            )
    return None


@cache
def by_route() -> dict[tuple[str, str], Method]:
    """Return the methods by route. Of two with one route, the first with parameters counts."""
    found: dict[tuple[str, str], Method] = {}
    for method in methods().values():
        if method.route not in found or found[method.route].params is None:
            found[method.route] = method
    return found


def differences(method: Method, specs: Mapping[str, Spec], extras: frozenset[str] = frozenset()) -> list[str]:
    """Return the differences between an operation's parameters and the SDK's."""
    if method.params is None:
        return [f"{name}: the SDK has no parameters" for name in specs if name not in extras]
    cls = getattr(importlib.import_module(str(method.module)), method.params)
    return sorted(_fields(specs, cls, "", extras))


def _fields(specs: Mapping[str, Spec], cls: Any, prefix: str, extras: frozenset[str] = frozenset()) -> Iterator[str]:
    hints = typed_fields(cls)
    for name in specs:
        if name not in hints and f"{prefix}{name}" not in extras:
            yield f"{prefix}{name}: not in the SDK"
    for name, (hint, required) in hints.items():
        if name not in specs:
            yield f"{prefix}{name}: missing"
            continue
        spec = specs[name]
        if spec.required and not required:
            yield f"{prefix}{name}: required only here"
        if required and not spec.required and not isinstance(spec, Refused):
            yield f"{prefix}{name}: not required here"
        yield from _compare(spec, hint, cls, f"{prefix}{name}")


@cache
def typed_fields(cls: Any) -> dict[str, tuple[Any, bool]]:
    """Return the parameters of a class of the SDK: the type of each, and whether it is required."""
    module = importlib.import_module(cls.__module__)
    space = {**vars(typing), **vars(typing_extensions), **vars(module)}
    found: dict[str, tuple[Any, bool]] = {}
    for name, hint in cls.__annotations__.items():
        if name in _OPTIONS and cls.__annotations__.keys() >= _OPTIONS:
            continue
        evaluated = _evaluated(hint, space)
        needed = typing_extensions.get_origin(evaluated) is not typing_extensions.NotRequired
        if not needed:
            evaluated = typing_extensions.get_args(evaluated)[0]
        found[name] = (_evaluated(evaluated, space), needed)
    return found


def _evaluated(hint: Any, space: dict[str, Any]) -> Any:
    while isinstance(hint, str | typing.ForwardRef):
        hint = eval(hint if isinstance(hint, str) else hint.__forward_arg__, space)
    return hint


def _compare(spec: Spec, hint: Any, owner: Any, path: str) -> Iterator[str]:
    if isinstance(spec, Refused | StripeType | Upload):
        return
    module = importlib.import_module(owner.__module__)
    space = {**vars(typing), **vars(typing_extensions), **vars(module)}
    choices = set()
    leaves: list[Any] = []
    for option in _alternatives(hint, space):
        if typing.get_origin(option) is Literal:
            choices |= {value for value in typing.get_args(option) if value != ""}
        else:
            leaves.append(option)
    if isinstance(spec, Range):
        if int not in leaves:
            yield f"{path}: a range only here"
        return
    structured = [option for option in leaves if typing_extensions.is_typeddict(option)]
    lists = [option for option in leaves if typing.get_origin(option) is list]
    maps = [option for option in leaves if typing.get_origin(option) in (dict, UntypedStripeObject)]
    if isinstance(spec, Map):
        if not structured:
            yield f"{path}: a map only here"
        for option in structured:
            yield from _fields(spec.fields, option, f"{path}.")
    elif isinstance(spec, ListOf):
        if not lists:
            yield f"{path}: a list only here"
        else:
            yield from _compare(spec.element, typing.get_args(lists[0])[0], owner, f"{path}[]")
    elif isinstance(spec, Metadata | Entries):
        if not maps:
            yield f"{path}: a map of any keys only here"
        elif isinstance(spec, Entries):
            yield from _compare(spec.element, typing.get_args(maps[0])[-1], owner, f"{path}[]")
    else:
        yield from _scalar(spec, choices, leaves, path)


def _scalar(
    spec: Text | Integer | DecimalNumber | Flag, choices: set[Any], leaves: list[Any], path: str
) -> Iterator[str]:
    wanted: dict[type, tuple[type, ...]] = {
        Text: (str,),
        Integer: (int,),
        DecimalNumber: (Decimal, float),
        Flag: (bool,),
    }
    fits = any(option in wanted[type(spec)] for option in leaves) or (isinstance(spec, Text) and bool(choices))
    if not fits:
        yield f"{path}: {type(spec).__name__} only here"
    if isinstance(spec, Text) and spec.choices and choices:
        if unknown := sorted(set(spec.choices) - choices):
            yield f"{path}: takes {unknown}, which the SDK does not know"
        if lacking := sorted(choices - set(spec.choices)):
            yield f"{path}: does not take {lacking}"


def _alternatives(hint: Any, space: dict[str, Any]) -> Iterator[Any]:
    hint = _evaluated(hint, space)
    if typing.get_origin(hint) in (Union, types.UnionType):
        for option in typing.get_args(hint):
            yield from _alternatives(option, space)
    else:
        yield hint
