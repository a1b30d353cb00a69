"""The shapes of objects and of their common parts, with all of Stripe's keys."""

from __future__ import annotations

import copy
import json
from functools import cache
from importlib import resources
from typing import Any

from checkout_daemon.sandbox.clock import stamp
from checkout_daemon.sandbox.ids import new_id
from checkout_daemon.sandbox.parameters.specs import ListOf, Params, Text
from checkout_daemon.sandbox.storage import Body

_ADDRESS = ("city", "country", "line1", "line2", "postal_code", "state")

METHOD_CURRENCIES = {"card": None, "sepa_debit": "eur", "us_bank_account": "usd"}
"""The payment method types of Checkout, and the currency of those that have only one."""
METHOD_TYPES = ListOf(Text(required=True, choices=tuple(METHOD_CURRENCIES)))
INTENT_METHOD_TYPES = ListOf(Text(required=True, choices=(*METHOD_CURRENCIES, "customer_balance")))
"""PaymentIntents also take bank transfers, which may arrive at any time."""


def address(given: Params | None, old: Body | None = None) -> Body:
    """Return an address with all of Stripe's keys. What is not given is as in the old one."""
    known = {**(old or {}), **(given or {})}
    return {name: known.get(name) for name in _ADDRESS}


def billing_details(given: Params | None, old: Body | None = None) -> Body:
    """Return `billing_details` with all of Stripe's keys. What is not given is as in the old ones."""
    return _with_address(given or {}, old or {}, "email", "name", "phone", "tax_id")


def shipping(given: Params | None, old: Body | None = None) -> Body | None:
    """Return a shipping address with all of Stripe's keys, or None if none is given.

    What is not given is as in the old one.
    """
    return None if given is None else _with_address(given, old or {}, "name", "carrier", "phone", "tracking_number")


def _with_address(given: Params, old: Body, *names: str) -> Body:
    """Return an address and fields with these names. An empty address unsets the old one."""
    known = {**old, **given}
    kept = None if "address" in given and given["address"] is None else old.get("address")
    return {"address": address(given.get("address"), kept), **{name: known.get(name) for name in names}}


def new_body(kind: str, prefix: str, path: str = "", /, **fields: Any) -> Body:
    """Return a new object of a type with the fields of shapes.json, overridden by `fields`.

    `path` is where the type is listed, for the URLs of lists inside.
    """
    body: Body = copy.deepcopy(_shapes()[kind])
    body["id"] = new_id(prefix)
    if "created" in body:
        body["created"] = stamp()
    if "updated" in body:
        body["updated"] = stamp()
    for name, value in body.items():
        if isinstance(value, dict) and value.get("object") == "list":
            value["url"] = f"{path}/{body['id']}/{name}"
    return body | fields


def new_part(name: str, /, **fields: Any) -> Body:
    """Return a new part of an object, such as a charge's outcome, with the fields of shapes.json."""
    return copy.deepcopy(_shapes()[name]) | fields


@cache
def _shapes() -> dict[str, Body]:
    text = resources.files(__package__).joinpath("shapes.json").read_text(encoding="utf-8")
    shapes: dict[str, Body] = json.loads(text)
    return shapes


def deleted_object(object_id: str, kind: str) -> Body:
    """Return the answer for a deleted object."""
    return {"id": object_id, "object": kind, "deleted": True}


def list_object(data: list[Body], url: str, *, has_more: bool = False) -> Body:
    """Return a list object with this page of its data."""
    return {"object": "list", "data": data, "has_more": has_more, "url": url}


_OPTIONS = {
    "card": ("request_three_d_secure", "capture_method", "setup_future_usage"),
    "customer_balance": ("bank_transfer", "funding_type"),
    "sepa_debit": ("setup_future_usage",),
    "us_bank_account": ("verification_method", "setup_future_usage"),
}
"""The options of payment method types that a PaymentIntent shows as they were given."""


def method_options(types: list[str], given: Params | None) -> Body:
    """Return the `payment_method_options` of a PaymentIntent with these types: what is given, else the defaults."""
    options: Body = {}
    for kind in types:
        chosen = (given or {}).get(kind) or {}
        shown = {name: chosen[name] for name in _OPTIONS[kind] if chosen.get(name) is not None}
        options[kind] = new_part(f"payment_intent.options.{kind}", **shown)
    return options


def methods_for(currency: str) -> list[str]:
    """Return the payment method types for a currency."""
    return [kind for kind, only in METHOD_CURRENCIES.items() if only in (None, currency)]
