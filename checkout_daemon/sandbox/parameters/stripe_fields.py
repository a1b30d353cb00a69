"""Declare a route's parameters from Stripe's own table, with the rules that the table does not have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from checkout_daemon.sandbox.parameters.specs import (
    DecimalNumber,
    Entries,
    Fields,
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
)
from checkout_daemon.sandbox.parameters.stripe_types import (
    alternatives,
    choices,
    element,
    is_required,
    parameters,
    structure,
)

_PLAIN: Mapping[str, Spec] = {
    "a": StripeType("a"),
    "b": Flag(),
    "d": DecimalNumber(),
    "f": DecimalNumber(),
    "i": Integer(),
    "r": Range(),
    "s": Text(),
}
_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "emails": {"customer_email": True, "receipt_email": True},
    "least": {"amount": 1, "limit": 1, "unit_amount": 0},
    "most": {
        "enabled_events": 500,
        "images": 8,
        "limit": 100,
        "lookup_key": 200,
        "marketing_features": 15,
        "statement_descriptor": 22,
        "statement_descriptor_suffix": 22,
        "unit_label": 12,
    },
}


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules for the parameters of a route. Names are written as in forms, and lists as `line_items[][price]`.

    A name without brackets also applies to nested parameters of that name. A rule that applies to none is an error.

    `only` lists the parameters to take, separated by spaces, and the rest are refused; by default all are taken.
    `inside` does the same for the parameters of an object. `own` declarations replace Stripe's, whose types still
    apply, or belong to parameters that only older versions of its API had. `refuse` lists the names to refuse for each
    reason, which may be empty. `least` are minimums of numbers, `most` their maximums and the greatest lengths of texts
    and lists. `emails` are texts that must be email addresses. `optional` parameters are required by Stripe and not by
    the sandbox. With `filled`, an empty parameter is refused unless Stripe unsets it; by default only an identifier is.
    """

    only: str | None = None
    inside: Mapping[str, str] = field(default_factory=dict)
    own: Fields = field(default_factory=dict)
    refuse: Mapping[str, str] = field(default_factory=dict)
    least: Mapping[str, int] = field(default_factory=dict)
    most: Mapping[str, int] = field(default_factory=dict)
    emails: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    filled: bool = False


def stripe_fields(route: str, rules: Rules | None = None) -> Fields:
    """Return the declared parameters of a route such as `POST /v1/coupons`. Raise ValueError for a misnamed rule."""
    rules = rules or Rules()
    shape = parameters(*route.split()) or {}
    names = shape if rules.only is None else (*(name for name in shape if name == "expand"), *rules.only.split())
    builder = _Builder(rules)
    fields = {name: builder.spec(shape[name], name) for name in names}
    if builder.unused:
        listed = ", ".join(f"{kind}: {name}" for kind, name in sorted(builder.unused))
        raise ValueError(f"rules that apply to no parameter of {route}: {listed}")
    return fields | {name: spec for name, spec in rules.own.items() if "[" not in name}


def open_fields(route: str, declared: Fields) -> Fields:
    """Return the declared parameters of a route, and the others that Stripe has, by their types alone."""
    shape = parameters(*route.split()) or {}
    by_type: dict[str, Spec] = {name: StripeType(code, required=is_required(code)) for name, code in shape.items()}
    return {**by_type, **declared}


class _Builder:
    def __init__(self, rules: Rules) -> None:
        self.own = rules.own
        given: dict[str, Mapping[str, Any]] = {
            "refuse": {name: reason for reason, listed in rules.refuse.items() for name in listed.split()},
            "inside": rules.inside,
            "least": rules.least,
            "most": rules.most,
            "emails": dict.fromkeys(rules.emails, True),
            "optional": dict.fromkeys(rules.optional, True),
        }
        self.rules = {kind: {**_DEFAULTS.get(kind, {}), **named} for kind, named in given.items()}
        self.unused = {(kind, name) for kind, named in given.items() for name in named}

    def spec(self, code: str, name: str) -> Spec:
        """Return the declaration for a type."""
        if name in self.own:
            return self.own[name]
        if (reason := self._rule("refuse", name)) is not None:
            return Refused(reason)
        spec = self._typed(alternatives(code)[0], name)
        changes: dict[str, Any] = {"required": code[0] == "!" and not self._rule("optional", name)}
        if isinstance(spec, Integer) and (least := self._rule("least", name)) is not None:
            changes["minimum"] = least
        if isinstance(spec, Integer | ListOf | Text) and (most := self._rule("most", name)):
            changes["maximum"] = most
        if isinstance(spec, Text) and self._rule("emails", name):
            changes["email"] = True
        return replace(spec, **changes)

    def _rule(self, kind: str, name: str) -> Any:
        """Return the rule for a parameter's full name, else for its last part, and remember that it is used."""
        key = name if name in self.rules[kind] else _leaf(name)
        self.unused.discard((kind, key))
        return self.rules[kind].get(key)

    def _typed(self, kind: str, name: str) -> Spec:
        if kind[0] == "e":
            return Text(choices=choices(kind))
        if kind[0] == "[":
            return ListOf(self.spec(element(kind), f"{name}[]"))
        if kind[0] == "{":
            return Metadata() if _leaf(name) == "metadata" else Entries(self.spec(element(kind), f"{name}[]"))
        if kind[0] == "o":
            shape, taken = structure(kind), self._rule("inside", name)
            names = shape if taken is None else taken.split()
            return Map({key: self.spec(shape[key], f"{name}[{key}]") for key in names})
        return _PLAIN[kind[0]]


def _leaf(name: str) -> str:
    return name.removesuffix("]").rpartition("[")[2]
