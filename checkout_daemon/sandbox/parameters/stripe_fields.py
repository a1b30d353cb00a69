"""Declare a route's parameters from Stripe's own table, with the rules that the table does not have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from checkout_daemon.sandbox.parameters.specs import (
    Anything,
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
    Text,
)
from checkout_daemon.sandbox.parameters.stripe_types import alternatives, choices, element, parameters, structure

_T = TypeVar("_T")
_PLAIN: Mapping[str, Spec] = {
    "a": Anything(),
    "b": Flag(),
    "d": DecimalNumber(),
    "f": DecimalNumber(),
    "i": Integer(),
    "r": Range(),
    "s": Text(),
}
_LEAST = {"amount": 1, "limit": 1, "unit_amount": 0}
_MOST = {
    "enabled_events": 500,
    "images": 8,
    "limit": 100,
    "lookup_key": 200,
    "marketing_features": 15,
    "statement_descriptor": 22,
    "statement_descriptor_suffix": 22,
    "unit_label": 12,
}
_EMAILS = ("customer_email", "receipt_email")


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules for the parameters of a route. Names are written as in forms, and lists as `line_items[][price]`.

    A name without brackets also applies to nested parameters of that name.

    Attributes:
        only: the parameters to take, separated by spaces. The rest are refused. By default all are taken.
        own: declarations that replace Stripe's, or that only older versions of its API had.
        refuse: the names to refuse, separated by spaces, for each reason. A reason may be empty.
        least: minimums of numbers.
        most: maximums of numbers, and the greatest length of texts and lists.
        emails: texts that must be email addresses.
        optional: parameters that Stripe requires and the sandbox does not.
    """

    only: str | None = None
    own: Fields = field(default_factory=dict)
    refuse: Mapping[str, str] = field(default_factory=dict)
    least: Mapping[str, int] = field(default_factory=dict)
    most: Mapping[str, int] = field(default_factory=dict)
    emails: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()


def stripe_fields(route: str, rules: Rules | None = None) -> Fields:
    """Return the declared parameters of a route such as `POST /v1/coupons`."""
    rules = rules or Rules()
    shape = parameters(*route.split()) or {}
    names = shape if rules.only is None else (*(name for name in shape if name == "expand"), *rules.only.split())
    builder = _Builder(rules, {name: reason for reason, listed in rules.refuse.items() for name in listed.split()})
    own = {name: spec for name, spec in rules.own.items() if "[" not in name}
    return {name: builder.spec(shape[name], name) for name in names} | own


@dataclass(frozen=True, slots=True)
class _Builder:
    rules: Rules
    refused: Mapping[str, str]

    def spec(self, code: str, name: str, *, required: bool = False) -> Spec:
        """Return the declaration for a type. Elements of lists are `required`, so that none may be empty."""
        if name in self.rules.own:
            return self.rules.own[name]
        if (reason := _rule(self.refused, name)) is not None:
            return Refused(reason)
        spec = self._typed(alternatives(code)[0], name)
        changes: dict[str, Any] = {"required": required or (code[0] == "!" and name not in self.rules.optional)}
        if isinstance(spec, Integer) and (least := _rule({**_LEAST, **self.rules.least}, name)) is not None:
            changes["minimum"] = least
        if isinstance(spec, Integer | ListOf | Text) and (most := _rule({**_MOST, **self.rules.most}, name)):
            changes["maximum"] = most
        if isinstance(spec, Text) and _leaf(name) in (*_EMAILS, *self.rules.emails):
            changes["email"] = True
        return replace(spec, **changes)

    def _typed(self, kind: str, name: str) -> Spec:
        if kind[0] == "e":
            return Text(choices=choices(kind))
        if kind[0] == "[":
            return ListOf(self.spec(element(kind), f"{name}[]", required=True))
        if kind[0] == "{":
            return Metadata() if _leaf(name) == "metadata" else Entries(self.spec(element(kind), f"{name}[]"))
        if kind[0] == "o":
            return Map({key: self.spec(code, f"{name}[{key}]") for key, code in structure(kind).items()})
        return _PLAIN[kind[0]]


def _leaf(name: str) -> str:
    return name.removesuffix("]").rpartition("[")[2]


def _rule(rules: Mapping[str, _T], name: str) -> _T | None:
    """Return the rule for a parameter's full name, else for its last part."""
    return rules[name] if name in rules else rules.get(_leaf(name))
