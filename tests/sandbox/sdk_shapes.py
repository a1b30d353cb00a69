"""Compare a JSON object with the annotations of the SDK's resource classes, all the way down."""

from __future__ import annotations

import ast
import importlib
import inspect
import sys
import types
import typing
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, ForwardRef, Literal, Union, cast

import stripe
from stripe._expandable_field import ExpandableField
from stripe._list_object import ListObject
from stripe._stripe_object import StripeObject, UntypedStripeObject

from tests.sandbox.sdk_presence import structure_of

NOT_SENT = {"deleted"}


def faults(body: Any, cls: type, path: str = "") -> Iterator[str]:
    """Yield the differences between `body` and the class."""
    hints = class_hints(cls)
    known = structure_of(cls) or {}
    for name in body.keys() - hints.keys():
        yield f"{path}.{name}: Stripe has no such key"
    for name, hint in hints.items():
        mark = known.get(name, "?0" if is_optional(hint) else "")
        if name not in body:
            if "?" not in mark and name not in NOT_SENT:
                yield f"{path}.{name}: missing"
        elif body[name] is None and "0" not in mark:
            yield f"{path}.{name}: null, where Stripe leaves it out"
        else:
            yield from _compare(body[name], hint, cls, f"{path}.{name}")


@cache
def class_hints(cls: type) -> dict[str, Any]:
    """Return the annotations of a class of the SDK, under the names that JSON has."""
    found: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        if base is StripeObject or not issubclass(base, StripeObject):
            continue
        space = _namespace(cast("type", base))
        for name, hint in inspect.get_annotations(base).items():
            if "ClassVar" in str(hint) or name.startswith("_"):
                continue
            found[name] = eval(hint, space) if isinstance(hint, str) else hint
    aliases = getattr(cls, "_field_remappings", {})
    return {aliases.get(name, name): hint for name, hint in found.items()}


@cache
def _namespace(cls: type) -> dict[str, Any]:
    module = sys.modules[cls.__module__]
    space = dict(_names(cls.__module__))
    outer: Any = module
    for part in cls.__qualname__.split("."):
        outer = getattr(outer, part)
        space |= {name: inner for name, inner in vars(outer).items() if isinstance(inner, type)}
    return space


def evaluate(hint: Any, owner: type) -> Any:
    """Return the type that an annotation in the class names."""
    while isinstance(hint, ForwardRef | str):
        hint = eval(hint.__forward_arg__ if isinstance(hint, ForwardRef) else hint, _namespace(owner))
    return hint


@cache
def _names(module_name: str) -> dict[str, Any]:
    """Return the names that annotations in a module may use, including imports for type checkers only."""
    module = sys.modules[module_name]
    space = {**vars(typing), **vars(module)}
    tree = ast.parse(Path(module.__file__ or "").read_text(encoding="utf-8"))
    outside = [statement for statement in tree.body if not isinstance(statement, ast.ClassDef)]
    for node in (node for statement in outside for node in ast.walk(statement)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("stripe"):
            source = importlib.import_module(node.module or "")
            space |= {alias.asname or alias.name: getattr(source, alias.name) for alias in node.names}
    return space


def is_optional(hint: Any) -> bool:
    """Return whether the annotation allows None."""
    return typing.get_origin(hint) in (Union, types.UnionType) and type(None) in typing.get_args(hint)


def _compare(value: Any, hint: Any, owner: type, path: str) -> Iterator[str]:
    hint = evaluate(hint, owner)
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return
    if hint is ExpandableField or origin is ExpandableField:
        if not isinstance(value, str):
            yield from _compare(value, args[0], owner, path)
    elif origin in (Union, types.UnionType):
        outcomes = [list(_compare(value, option, owner, path)) for option in args]
        if all(outcomes):
            closest = [
                outcome for outcome in outcomes if isinstance(value, dict) and not outcome[0].startswith(f"{path}:")
            ]
            yield from min(closest or outcomes[:1], key=len)
    elif origin is Literal:
        if value not in args:
            yield f"{path}: {value!r} is not one of {args[:5]}"
    elif origin is list:
        if not isinstance(value, list):
            yield f"{path}: {value!r} is no list"
        else:
            for index, element in enumerate(value):
                yield from _compare(element, args[0], owner, f"{path}[{index}]")
    elif origin is ListObject:
        if not isinstance(value, dict) or value.keys() != {"object", "data", "has_more", "url"}:
            yield f"{path}: no list object"
        else:
            for index, element in enumerate(value["data"]):
                yield from _compare(element, args[0], owner, f"{path}.data[{index}]")
    elif origin is UntypedStripeObject or hint is UntypedStripeObject:
        if not isinstance(value, dict):
            yield f"{path}: {value!r} is no object"
        elif args:
            for key, element in value.items():
                yield from _compare(element, args[0], owner, f"{path}.{key}")
    elif isinstance(hint, type) and issubclass(hint, StripeObject):
        if isinstance(value, dict):
            yield from faults(value, hint, path)
        else:
            yield f"{path}: {value!r} is no {hint.__name__}"
    elif hint is type(None):
        if value is not None:
            yield f"{path}: {value!r} is not null"
    elif hint is Decimal:
        if not isinstance(value, str):
            yield f"{path}: {value!r} is no decimal in a string"
    elif hint is float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            yield f"{path}: {value!r} is no number"
    elif type(value) is not hint:
        yield f"{path}: {value!r} is no {hint}"


CLASSES: dict[str, type] = {
    "account": stripe.Account,
    "balance": stripe.Balance,
    "balance_transaction": stripe.BalanceTransaction,
    "payout": stripe.Payout,
    "charge": stripe.Charge,
    "checkout.session": stripe.checkout.Session,
    "coupon": stripe.Coupon,
    "customer": stripe.Customer,
    "dispute": stripe.Dispute,
    "event": stripe.Event,
    "file": stripe.File,
    "item": stripe.LineItem,
    "payment_intent": stripe.PaymentIntent,
    "payment_method": stripe.PaymentMethod,
    "price": stripe.Price,
    "product": stripe.Product,
    "promotion_code": stripe.PromotionCode,
    "refund": stripe.Refund,
    "webhook_endpoint": stripe.WebhookEndpoint,
}
